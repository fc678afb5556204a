/**
 * How late timers come while the process is at work: the delay of the event loop.
 * @module
 */

/** Milliseconds between two looks. */
const interval = 5;

/** See the module. */
export class LoopDelay {
  readonly #late: number[] = [];
  #due = 0;

  /** Looks from now on. */
  start(): void {
    this.#due = performance.now() + interval;
    const timer = setInterval(() => {
      const now = performance.now();
      this.#late.push(Math.max(0, now - this.#due));
      this.#due = now + interval;
    }, interval);
    Deno.unrefTimer(timer);
  }

  /** One timer in a hundred came later than this, in milliseconds; the latest where there were fewer. */
  p99(): number {
    // The one that has not come yet counts, too: a loop that never rests has no timers at all.
    const late = [...this.#late, Math.max(0, performance.now() - this.#due)].sort((a, b) => a - b);
    return late[Math.floor((late.length - 1) * 0.99)];
  }
}
