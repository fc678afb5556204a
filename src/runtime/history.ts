/**
 * What records that could not be settled at once have gone through: most never appear here.
 * @module
 */

/** Counts by offset, kept until the record is resolved. */
export class History {
  readonly #attempts = new Map<number, number>();
  readonly #failures = new Map<number, number>();
  readonly #deaths = new Map<number, number>();
  readonly #causes = new Map<number, string>();

  /** How often `receive` was called with the record. */
  attempts(offset: number): number {
    return this.#attempts.size === 0 ? 0 : this.#attempts.get(offset) ?? 0;
  }

  /** How many of these calls failed. */
  failures(offset: number): number {
    return this.#failures.get(offset) ?? 0;
  }

  /** How often an incarnation ended by this record. */
  deaths(offset: number): number {
    return this.#deaths.size === 0 ? 0 : this.#deaths.get(offset) ?? 0;
  }

  /** What ended the last of them; "" where that is not known. */
  cause(offset: number): string {
    return this.#causes.get(offset) ?? "";
  }

  /** Begins where an earlier owner left off. */
  resume(
    offset: number,
    counts: { readonly attempts: number; readonly failures: number; readonly deaths: number },
  ): void {
    if (counts.attempts > 0) this.#attempts.set(offset, counts.attempts);
    if (counts.failures > 0) this.#failures.set(offset, counts.failures);
    if (counts.deaths > 0) this.#deaths.set(offset, counts.deaths);
  }

  /** Notes the attempts of a record that is not settled at once. */
  setAttempts(offset: number, attempts: number): void {
    this.#attempts.set(offset, attempts);
  }

  /** Counts one more call that failed; answers how many there were. */
  addFailure(offset: number): number {
    const failures = this.failures(offset) + 1;
    this.#failures.set(offset, failures);
    return failures;
  }

  /** Counts one more incarnation that ended by the record, and of what. */
  addDeath(offset: number, cause: string): void {
    this.#deaths.set(offset, this.deaths(offset) + 1);
    this.#causes.set(offset, cause);
  }

  /** The record is resolved. */
  forget(offset: number): void {
    if (this.#attempts.size > 0) this.#attempts.delete(offset);
    if (this.#failures.size > 0) this.#failures.delete(offset);
    if (this.#deaths.size > 0) this.#deaths.delete(offset);
    if (this.#causes.size > 0) this.#causes.delete(offset);
  }
}
