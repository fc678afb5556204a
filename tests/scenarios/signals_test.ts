/**
 * Signals to a program whose work does not end. Signals to programs whose work does: see hand_over_test.ts.
 * @module
 */
import { RunningProgram } from "../actors/running_program.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { within } from "./within.ts";

async function atWork(drainTimeout: number): Promise<RunningProgram> {
  const program = new RunningProgram(new URL("./hanging.ts", import.meta.url), { DRAIN_TIMEOUT: String(drainTimeout) });
  await within(program.line(/^at work$/), "the actor is at work");
  return program;
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`a second ${signal} ends a program at once, but not within a second of the first`, async () => {
    await using program = await atWork(600_000);
    const begun = performance.now();
    // The first of these, and all that the program takes for the same, then the one that ends it.
    const send = () => {
      try {
        program.process.kill(signal);
      } catch {
        // It has just ended.
      }
    };
    send();
    const signals = setInterval(send, 50);
    const ended = await within(program.ended(), "the end").finally(() => clearInterval(signals));
    assertEquals(ended, code);
    assert(performance.now() - begun >= 1_000, `ended after ${performance.now() - begun} ms`);
  });
}

Deno.test("a program that is past its drain time-out ends with exit code 1 and names what was left", async () => {
  await using program = await atWork(300);
  program.process.kill("SIGTERM");
  assertEquals(await within(program.ended(), "the end"), 1);
  const named = program.errors.filter((line) => /philosopher on questions\/\d@0/.test(line));
  assert(named.length > 0, program.errors.join("\n"));
  assertMatch(named[0], / (WARN|ERROR) /);
});
