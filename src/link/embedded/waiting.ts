/**
 * Requests that can't be answered yet: no fiber serves them but the one that called. It looks again when something it
 * waits for has changed, or at the next moment that may change the answer.
 * @module
 */
import type { Moment } from "./moment.ts";

/** A request under way. */
export abstract class Waiting<A> {
  /** The answer, if it can be given now. */
  abstract poll(now: Moment): A | null;
  /** When to look again even if nobody wakes (monotonic milliseconds; Infinity: only when woken). */
  abstract until(): number;
  /** Has `wake` called at every change that matters; gives what ends that. */
  abstract watch(wake: () => void): () => void;
}

/** Those who want to know of a change. */
export class Watchers {
  readonly #wakes = new Set<() => void>();

  /** Adds one; gives what removes it. */
  add(wake: () => void): () => void {
    this.#wakes.add(wake);
    return () => void this.#wakes.delete(wake);
  }

  /** Tells them all. */
  wake(): void {
    if (this.#wakes.size === 0) return;
    for (const wake of [...this.#wakes]) wake();
  }
}
