import { Effect } from "effect";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";
import { behaviours } from "./behaviours.ts";
import { Context } from "./context.ts";

// In virtual time, under a few schedules each: what has to hold may not hang on who comes first. Without preemption, as
// the behaviours count on a call that begins being on its way.
for (const { name, check } of behaviours) {
  Deno.test(name, () => {
    for (let seed = 0; seed < 5; seed++) {
      let names = 0;
      const checked = Effect.scoped(Effect.gen(function* () {
        const link = yield* new EmbeddedKafka().open;
        yield* check(new Context(link, (prefix) => `${prefix}-${++names}`));
      }));
      new VirtualTime(seed, { preemption: 0 }).run(checked);
    }
  });
}
