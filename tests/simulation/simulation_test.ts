/**
 * Simulated schedules as a part of the tests: the same thousand each time.
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "../assert.ts";
import { simulate } from "./world.ts";

const main = new URL("./main.ts", import.meta.url).href;

/** Runs schedules in a process of their own; answers what it printed, and its exit code. */
async function schedules(count: number, seed: number): Promise<readonly [code: number, text: string]> {
  const args = ["run", "--quiet", "--no-check", "-A", main, "--schedules", `${count}`, "--seed", `${seed}`];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  return [code, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr)];
}

Deno.test("simulate() finds no violation in 1,000 schedules", async () => {
  for (const [code, text] of await Promise.all([schedules(500, 1), schedules(500, 501)])) assertEquals(code, 0, text);
});

Deno.test("simulate() runs the same way for the same seed, and another for another", () => {
  const [first, again, other] = [7, 7, 8].map((seed) => simulate(seed, true).trace);
  assert(first.length > 100);
  assertEquals(first, again);
  assertNotEquals(first, other);
});
