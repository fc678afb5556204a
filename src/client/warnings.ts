/**
 * Warnings about what goes on for long.
 * @module
 */
import { type Clock, Effect } from "effect";
import { monotonicMs } from "../fiber/monotonic.ts";

/** Milliseconds between two warnings of one cause. */
const every = 10_000;

/** Logs one warning per cause in 10 seconds, however often it is told. */
export class Warnings {
  readonly #last = new Map<string, number>();

  /** Tells time by `clock`. */
  constructor(readonly clock: Clock.Clock) {}

  /** Logs `text`, unless there was a warning of this cause within the last 10 seconds. */
  warn(cause: string, text: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const now = monotonicMs(this.clock);
      if (now - (this.#last.get(cause) ?? -Infinity) < every) return Effect.void;
      this.#last.set(cause, now);
      return Effect.logWarning(text);
    });
  }
}
