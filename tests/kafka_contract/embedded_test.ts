import { Effect, type Fiber } from "effect";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { SeededScheduler } from "../client/seeded_scheduler.ts";
import { behaviours } from "./behaviours.ts";
import { Context } from "./context.ts";

/** Takes turns as the seed says, but lets a call that begins be on its way: the behaviours count on that. */
class Turns extends SeededScheduler {
  override shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    return fiber.currentOpCount >= 2_048;
  }
}

// In virtual time, under a few schedules each: what has to hold may not hang on who comes first.
for (const { name, check } of behaviours) {
  Deno.test(name, () => {
    for (let seed = 0; seed < 5; seed++) {
      let names = 0;
      const checked = Effect.scoped(Effect.gen(function* () {
        const link = yield* new EmbeddedKafka().open;
        yield* check(new Context(link, (prefix) => `${prefix}-${++names}`));
      }));
      new Turns(seed).run(checked);
    }
  });
}
