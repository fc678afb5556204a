/**
 * For how long something has not changed that should.
 * @module
 */

/** Looked at every now and then. Time in which nobody could look, as the process was frozen, does not count. */
export class Stillness {
  #mark: string | null = null;
  #ms = 0;

  /** Milliseconds for which it has been as it is; 0 where nothing has to change. */
  get ms(): number {
    return this.#ms;
  }

  /** Takes a look: `mark` tells one state from the next, null where nothing has to change; `passed` since the last look. */
  look(mark: string | null, passed: number): number {
    this.#ms = mark !== null && mark === this.#mark ? this.#ms + passed : 0;
    this.#mark = mark;
    return this.#ms;
  }

  /** Something was done about it: it has as long again. */
  forgive(): void {
    this.#mark = null;
    this.#ms = 0;
  }
}
