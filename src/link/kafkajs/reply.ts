/**
 * The one place where the answer to a request and the fiber that waits for it meet.
 * @module
 */
import { Effect } from "effect";

/** Settled at most once, before or after somebody waits. Nobody has to wait: a late answer then goes nowhere. */
export class Reply<A, E> {
  #outcome: Effect.Effect<A, E> | null = null;
  #resume: ((outcome: Effect.Effect<A, E>) => void) | null = null;

  /** Gives the outcome; the waiting fiber goes on at once. Later ones have no effect. */
  settle(outcome: Effect.Effect<A, E>): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.#resume?.(outcome);
  }

  /** Waits for the outcome. For one fiber. */
  readonly wait: Effect.Effect<A, E> = Effect.suspend(() =>
    this.#outcome ?? Effect.callback<A, E>((resume) => {
      // A fiber may lose its turn between the two looks, and it is settled meanwhile.
      if (this.#outcome !== null) return resume(this.#outcome);
      this.#resume = resume;
      return Effect.sync(() => {
        this.#resume = null;
      });
    })
  );
}
