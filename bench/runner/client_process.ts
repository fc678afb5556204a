/**
 * One run of one client, in a process of its own.
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Run } from "./result.ts";

const peer = fileURLToPath(new URL("../peer.ts", import.meta.url));
const patience = 180_000;

/** Runs it. Throws with what it said where it did not end well. */
export async function runClient(
  client: string,
  task: Readonly<Record<string, string>>,
): Promise<Omit<Run, "measurement" | "client" | "round">> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", peer, client],
    env: task,
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(patience),
  });
  const { success, stdout, stderr } = await command.output();
  const said = new TextDecoder().decode(stdout).trim().split("\n");
  const last = said[said.length - 1];
  if (!success || !last.startsWith("{")) {
    const why = new TextDecoder().decode(stderr).trim().split("\n").slice(-5).join("\n");
    throw new Error(why === "" ? `no result within ${patience / 1_000} s` : why);
  }
  return JSON.parse(last);
}
