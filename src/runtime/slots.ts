/**
 * How many messages of a partition may be in flight.
 * @module
 */
import { Effect } from "effect";

/** A number of slots; who waits for one gets the next that becomes free. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  /** All are free. */
  constructor(count: number) {
    this.#free = count;
  }

  /** Whether one can be had at once. */
  get free(): boolean {
    return this.#free > 0;
  }

  /** Takes one that is free. */
  takeUnsafe(): void {
    this.#free--;
  }

  /** Gives one back. */
  give(): void {
    for (const go of this.#waiting) {
      this.#waiting.delete(go);
      return go();
    }
    this.#free++;
  }

  /** Takes one as soon as one is free. */
  readonly take: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#free > 0) {
      this.#free--;
      return Effect.void;
    }
    return Effect.callback<void>((resume) => {
      if (this.#free > 0) {
        // Another fiber had its turn in between.
        this.#free--;
        return resume(Effect.void);
      }
      const go = () => resume(Effect.yieldNow);
      this.#waiting.add(go);
      return Effect.sync(() => {
        this.#waiting.delete(go);
      });
    });
  });
}
