import { assert, assertEquals } from "../assert.ts";
import { simulate } from "./world.ts";
import { youngHeap } from "./young_heap.ts";

/** Schedules of each process. */
const schedules = 10_000;

/** Runs schedules in a process of their own; answers its last words, or what failed. */
async function run(first: number): Promise<string> {
  const main = new URL("main.ts", import.meta.url).href;
  const args = ["run", "--allow-all", youngHeap, main, "--schedules", String(schedules), "--seed", String(first)];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, text.decode(stdout) + text.decode(stderr));
  return text.decode(stdout).trim();
}

Deno.test("20,000 schedules of random failures break no promise", async () => {
  for (const told of await Promise.all([run(1), run(1 + schedules)])) assert(told.endsWith("0 failed"), told);
});

Deno.test("the same seed gives the same trace, another seed another", () => {
  const traces = [1, 2, 3].map((seed) => simulate(seed, { traced: true }).trace);
  for (const [at, trace] of traces.entries()) {
    assert(trace.length > 100, `${trace.length} lines`);
    assertEquals(simulate(at + 1, { traced: true }).trace, trace);
  }
  assertEquals(new Set(traces.map((trace) => trace.join("\n"))).size, 3);
});
