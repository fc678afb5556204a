import { Cause, Effect } from "effect";
import { lineOf, loggerLayer } from "../src/logger.ts";
import { assert, assertEquals, assertMatch } from "./assert.ts";

const date = new Date(0);

Deno.test("lineOf() puts the time, the severity, the message and the notes on one line", () => {
  const line = lineOf(date, "warn", ["slow", 7, { a: 1 }], { topic: "t", partition: 3 }, Cause.empty);
  assertEquals(line, '1970-01-01T00:00:00.000Z WARN  slow 7 {"a":1} topic=t partition=3');
});

Deno.test("lineOf() shows an error's message, and a cause below the line", () => {
  const line = lineOf(date, "error", [new Error("boom"), Cause.fail(new Error("why"))], {}, Cause.empty);
  const [first, ...rest] = line.split("\n");
  assertEquals(first, "1970-01-01T00:00:00.000Z ERROR boom");
  assertMatch(rest.join("\n"), /why/);
});

Deno.test("lineOf() takes what JSON can't", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  assertEquals(lineOf(date, "info", [cycle, 5n], {}, Cause.empty), "1970-01-01T00:00:00.000Z INFO  [object Object] 5");
});

Deno.test("loggerLayer() writes what its level lets through, on standard error", async () => {
  const { error } = console;
  const lines: string[] = [];
  console.error = (line: string) => void lines.push(line);
  try {
    const entries = Effect.andThen(Effect.logInfo("low"), Effect.logWarning("high"));
    await Effect.runPromise(Effect.provide(entries, await loggerLayer("warn")));
  } finally {
    console.error = error;
  }
  assertEquals(lines.length, 1);
  assert(lines[0].endsWith("WARN  high"), lines[0]);
});
