/**
 * Goes on with a redrive until the keys in quarantine whose letters it sent are free: what became a letter meanwhile goes
 * back as well.
 * @module
 */
import { type Clock, Effect } from "effect";
import { monotonicMs } from "../fiber/monotonic.ts";
import type { AwaitedKeys } from "./awaited_keys.ts";

// Milliseconds between two looks.
const LOOK = 100;

/** How it looks and sends. */
export interface UntilFree<E> {
  readonly clock: Clock.Clock;
  readonly awaited: AwaitedKeys;
  /** Milliseconds without any progress after which it gives up. */
  readonly timeout: number;
  /** Whether letters may be sent at all. */
  readonly more: () => boolean;
  /** Sends what was written since the last time; answers how many letters went. */
  readonly sendNew: Effect.Effect<number, E>;
  /** Asks the groups; answers whether a key has become free. */
  readonly ask: Effect.Effect<boolean, E>;
}

/** Answers why it is not finished, or null. */
export const untilFree: <E>(ways: UntilFree<E>) => Effect.Effect<string | null, E> = Effect.fnUntraced(
  function* (ways) {
    const { clock, awaited, timeout } = ways;
    let last = monotonicMs(clock);
    while (awaited.size > 0 && ways.more()) {
      // First: whoever is free by then has no new letter behind.
      const freed = yield* ways.ask;
      const sent = yield* ways.sendNew;
      if (awaited.size === 0) break;
      const now = monotonicMs(clock);
      if (freed || sent > 0) last = now;
      else if (now - last >= timeout) {
        const groups = [...awaited.places.keys()].join(", ");
        return `${stay(awaited.size)} in quarantine, and nothing has come of it for ${timeout} ms; is ` +
          `${groups} at work? Redrive again when it is`;
      }
      yield* Effect.sleep(LOOK);
    }
    if (awaited.size > 0) {
      return `${stay(awaited.size + awaited.stopped)} in quarantine, as the limit is reached: redrive again`;
    }
    return awaited.stopped === 0
      ? null
      : `${stay(awaited.stopped)} in quarantine: a message has failed again, or an earlier letter stays or is lost`;
  },
);

function stay(keys: number): string {
  return keys === 1 ? "1 key stays" : `${keys} keys stay`;
}
