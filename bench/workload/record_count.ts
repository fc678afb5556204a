/**
 * Counts what a reader of another client has read, and says when it is time to commit.
 * @module
 */
import type { Stopwatch } from "./stopwatch.ts";
import type { Task } from "./task.ts";

const commitEach = 1_000;

/** See the module. */
export class RecordCount {
  #records = 0;
  #sum = 0;
  #committedAt = 0;

  /** `read` is what is done with each value. */
  constructor(
    private readonly task: Task,
    private readonly stopwatch: Stopwatch,
    private readonly read: (value: Uint8Array) => number,
  ) {}

  /** Takes one record. */
  take(value: Uint8Array): void {
    if (this.#records++ === 0) {
      this.stopwatch.start();
      this.#committedAt = performance.now();
    }
    this.#sum += this.read(value);
  }

  /** Whether all have come. */
  get done(): boolean {
    return this.#records >= this.task.count;
  }

  /** Whether a second has passed since the last commit, or all have come. */
  due(): boolean {
    const now = performance.now();
    if (!this.done && now - this.#committedAt < commitEach) return false;
    this.#committedAt = now;
    return true;
  }

  /** Ends the process. */
  finish(): never {
    return this.stopwatch.finish(this.#records, { sum: this.#sum });
  }
}
