/**
 * Not faster than so many letters a second.
 * @module
 */
import { type Clock, Effect } from "effect";
import { monotonicMs } from "../fiber/monotonic.ts";

/** One pace for all partitions of a redrive. */
export class RedrivePace {
  readonly #interval: number;
  /** Timers are not finer than a millisecond: what a late one has missed is made up for, where letters come that fast. */
  readonly #slack: number;
  #next = -Infinity;

  /** `rate` is in letters a second; as fast as it goes where there is none. */
  constructor(private readonly clock: Clock.Clock, rate: number | undefined) {
    this.#interval = rate === undefined ? 0 : 1_000 / rate;
    this.#slack = this.#interval < 10 ? 10 : 0;
  }

  /** Milliseconds until the next letter may go. */
  get wait(): number {
    return this.#interval === 0 ? 0 : Math.max(0, this.#next - monotonicMs(this.clock));
  }

  /** Waits until the next letter may go, which it then does. */
  readonly turn: Effect.Effect<void> = Effect.suspend(() => {
    const { wait } = this;
    if (wait > 0) return Effect.andThen(Effect.sleep(Math.ceil(wait)), this.turn);
    this.#next = Math.max(this.#next, monotonicMs(this.clock) - this.#slack) + this.#interval;
    return Effect.void;
  });
}
