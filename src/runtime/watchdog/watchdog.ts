/**
 * The watchdog of a group: looks every now and then whether its consumer gets on, and says when a drain could not.
 * @module
 */
import { Clock, Effect } from "effect";
import { monotonicMs } from "../../fiber/monotonic.ts";
import type { Renewal } from "./renewal.ts";
import type { SystemSettings } from "../settings.ts";

// Milliseconds between two looks, at most.
const LOOK = 1_000;
// Looks in the shortest time that is waited for, at least.
const LOOKS = 10;

/** Looks until it is interrupted. */
export const watchdog = (renewal: Renewal, settings: SystemSettings): Effect.Effect<never> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const { stuckAfter, silentAfter } = settings.watchdog;
    const pause = Math.min(LOOK, Math.min(stuckAfter, silentAfter) / LOOKS);
    let last = monotonicMs(clock);
    for (;;) {
      yield* Effect.sleep(pause);
      const now = monotonicMs(clock);
      // A process that was frozen could not get on: that time does not count.
      yield* renewal.look(Math.min(now - last, 2 * pause));
      last = monotonicMs(clock);
    }
  });
