/**
 * Many waits of one length, and one timer for all of them.
 * @module
 */
import { type Clock, Effect } from "effect";
import { monotonicMs } from "../fiber/monotonic.ts";

/** A wait under way. */
export interface Deadline {
  /** Its end, in monotonic milliseconds. */
  readonly at: number;
  /** What happens then. */
  readonly expire: () => void;
}

/** See the module. */
export class Deadlines {
  /** All are equally long, so the first one in is the first to end. */
  readonly #waiting = new Set<Deadline>();
  #timing = false;

  /** `limit` is the length in milliseconds; `fork` runs the timer, as long as whatever waits. */
  constructor(
    private readonly clock: Clock.Clock,
    private readonly limit: number,
    private readonly fork: (effect: Effect.Effect<void>) => void,
  ) {}

  /** Begins to wait: calls `expire` once, unless it is cancelled before. */
  watch(expire: () => void): Deadline {
    const deadline = { at: monotonicMs(this.clock) + this.limit, expire };
    this.#waiting.add(deadline);
    if (!this.#timing) {
      this.#timing = true;
      this.fork(this.#run);
    }
    return deadline;
  }

  /** Milliseconds since a wait began. */
  elapsed(deadline: Deadline): number {
    return monotonicMs(this.clock) - (deadline.at - this.limit);
  }

  /** Ends a wait early. */
  cancel(deadline: Deadline): void {
    this.#waiting.delete(deadline);
  }

  readonly #run: Effect.Effect<void> = Effect.suspend(() => {
    for (const deadline of this.#waiting) {
      const left = deadline.at - monotonicMs(this.clock);
      if (left > 0) return Effect.flatMap(Effect.sleep(Math.ceil(left)), () => this.#run);
      this.#waiting.delete(deadline);
      deadline.expire();
    }
    this.#timing = false;
    return Effect.void;
  });
}
