import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

Deno.test("a system that failed ends its process with exit code 1, also where something never lets go", async () => {
  const program = new URL("held.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-check", "--allow-all", "--config", config, program];
  const process = new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" }, stdout: "piped", stderr: "piped" })
    .spawn();
  // Far beyond the 10 s it is waited for: only a process that never ends takes longer.
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    process.kill("SIGKILL");
  }, 90_000);
  const { code, stdout, stderr } = await process.output();
  clearTimeout(timer);
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assert(!killed, said);
  assertEquals(code, 1, said);
  assertStringIncludes(said, "the shelf has collapsed");
  assertStringIncludes(said, "what the system holds was not let go within 10000 ms, and is left behind");
});
