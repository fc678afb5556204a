/**
 * A wake-up call from synchronous code to one fiber.
 * @module
 */
import { Effect } from "effect";

/**
 * Tells one waiting fiber that something has changed. Raising it several times before the fiber looks counts once. The
 * fiber goes on through its scheduler, never inside the call of `raise`: whoever raises it is not re-entered.
 */
export class Signal {
  #raised = false;
  #resume: ((effect: Effect.Effect<void>) => void) | null = null;

  /** Wakes the waiting fiber, or lets its next wait end at once. */
  raise(): void {
    const resume = this.#resume;
    if (resume === null) {
      this.#raised = true;
      return;
    }
    this.#resume = null;
    resume(Effect.yieldNow);
  }

  /** Forgets that it was raised. */
  clear(): void {
    this.#raised = false;
  }

  /** Waits until it is raised. For one fiber at a time. */
  readonly wait: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#raised) {
      this.#raised = false;
      return Effect.void;
    }
    return Effect.callback<void>((resume) => {
      if (this.#raised) {
        // Another fiber had its turn in between.
        this.#raised = false;
        return resume(Effect.void);
      }
      this.#resume = resume;
      return Effect.sync(() => {
        if (this.#resume === resume) this.#resume = null;
      });
    });
  });

  /** Waits until it is raised, at most `ms` milliseconds. */
  waitAtMost(ms: number): Effect.Effect<void> {
    if (this.#raised || ms === Infinity) return this.wait;
    if (ms <= 0) return Effect.void;
    // A race would start two fibers, and end one, for what needs none but the clock's.
    return Effect.withFiber((fiber) =>
      Effect.callback<void>((resume) => {
        if (this.#raised) {
          this.#raised = false;
          return resume(Effect.void);
        }
        const alarm = Effect.runForkWith(fiber.context)(Effect.sleep(Math.ceil(ms)));
        const raised = (effect: Effect.Effect<void>) => {
          alarm.interruptUnsafe();
          resume(effect);
        };
        this.#resume = raised;
        alarm.addObserver(() => {
          if (this.#resume !== raised) return;
          this.#resume = null;
          resume(Effect.void);
        });
        return Effect.sync(() => {
          if (this.#resume === raised) this.#resume = null;
          alarm.interruptUnsafe();
        });
      })
    );
  }
}
