import { deadLetter, isOutcome, retryAfter, skip, stop } from "../src/outcome.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";

Deno.test("the four outcomes say what they are, and can't be changed", () => {
  assertEquals({ ...skip("why") }, { _tag: "Skip", reason: "why" });
  assertEquals({ ...skip() }, { _tag: "Skip", reason: "" });
  assertEquals({ ...retryAfter(5) }, { _tag: "RetryAfter", delay: 5 });
  assertEquals({ ...deadLetter("no") }, { _tag: "DeadLetter", reason: "no" });
  assertEquals({ ...stop("now") }, { _tag: "Stop", reason: "now" });
  for (const outcome of [skip(), retryAfter(0), deadLetter(""), stop("")]) {
    assert(isOutcome(outcome) && Object.isFrozen(outcome));
  }
});

Deno.test("isOutcome() takes no look-alike for an outcome", () => {
  for (const value of [{ _tag: "Skip", reason: "" }, { ...skip() }, null, undefined, "Skip", 0, () => skip()]) {
    assert(!isOutcome(value));
  }
});

Deno.test("retryAfter() refuses what is no time to wait", () => {
  for (const delay of [-1, NaN, Infinity, undefined as never, "soon" as never]) {
    assertThrows(() => retryAfter(delay), RangeError, "retryAfter: expected milliseconds");
  }
});
