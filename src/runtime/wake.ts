/**
 * A wake-up call from synchronous code to the fiber of an incarnation.
 * @module
 */
import { Effect } from "effect";

/**
 * Tells one waiting fiber to look for work. It goes on through its scheduler, never inside the call of `raise`: neither
 * the fetch loop nor the sender's is to run an actor's code.
 */
export class Wake {
  #raised = false;
  #resume: (() => void) | null = null;

  /** Wakes the waiting fiber, or lets its next wait end at once. */
  raise(): void {
    const resume = this.#resume;
    this.#resume = null;
    if (resume === null) this.#raised = true;
    else resume();
  }

  /** Forgets that it was raised. */
  clear(): void {
    this.#raised = false;
  }

  /** Waits until it is raised. For one fiber at a time. */
  readonly wait: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#raised) return Effect.void;
    return Effect.callback<void>((proceed) => {
      if (this.#raised) return proceed(Effect.void); // another fiber had its turn in between
      this.#resume = () => proceed(Effect.yieldNow);
      return Effect.sync(() => {
        this.#resume = null;
      });
    });
  });
}
