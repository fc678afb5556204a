import { Effect, Fiber, Scheduler } from "effect";
import { Reply } from "../../src/link/kafkajs/reply.ts";
import { assertEquals } from "../assert.ts";

/** Takes the turn of a fiber away at one of its steps, and runs `meanwhile` then. */
class Interrupting extends Scheduler.MixedScheduler {
  #step = 0;

  constructor(readonly at: number, readonly meanwhile: () => void) {
    super();
  }

  override shouldYield(): boolean {
    if (++this.#step !== this.at) return false;
    this.meanwhile();
    return true;
  }
}

Deno.test("wait ends with an outcome that comes while the fiber has lost its turn, at whatever step", async () => {
  for (let at = 1; at <= 6; at++) {
    const reply = new Reply<number, never>();
    const settle = () => reply.settle(Effect.succeed(at));
    const fiber = Effect.runFork(reply.wait, { scheduler: new Interrupting(at, settle) });
    await new Promise((resolve) => setTimeout(resolve)); // the fiber waits, or has ended
    settle(); // for the steps beyond its last
    const outcome = await Effect.runPromise(Effect.timeoutOption(Fiber.join(fiber), 2_000));
    assertEquals(outcome._tag === "Some" ? outcome.value : "it never woke", at);
  }
});

Deno.test("settle wakes who waits, once, and the first outcome counts", async () => {
  const reply = new Reply<number, never>();
  const fiber = Effect.runFork(reply.wait);
  reply.settle(Effect.succeed(1));
  reply.settle(Effect.succeed(2));
  assertEquals(await Effect.runPromise(Fiber.join(fiber)), 1);
  assertEquals(await Effect.runPromise(reply.wait), 1);
});
