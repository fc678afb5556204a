/**
 * Which letters of a partition were redriven: all below a position, and stretches above it. Kept as the redrive group's
 * committed offset and its metadata, in the form of an actor's offset map.
 * @module
 */
import type { OffsetRun } from "../runtime/frontier.ts";
import { emptyOffsetMap, encodeOffsetMap, type Origin } from "../runtime/offset_map.ts";

/** Stretches that surely fit into a commit's metadata, with another 100 behind: two varints of three bytes for each. */
const MOST = 400;

/** Follows one reading of the partition, letter by letter, in offset order. */
export class RedriveMarks {
  /** Stretches of letters that are left, with none between that is not. */
  readonly #left: Array<{ readonly from: number; to: number }> = [];
  /** Whether the letter before was one that is left: the next one then belongs to its stretch. */
  #leaving = false;
  #readTo: number;
  /** What earlier runs have redriven; those behind are dropped. */
  #earlier: ReadonlyArray<OffsetRun>;

  /** Begins where an earlier run has left off. */
  constructor(position: number, earlier: ReadonlyArray<OffsetRun> = []) {
    this.#readTo = position;
    this.#earlier = earlier.filter(({ to }) => to > position);
  }

  /** Whether an earlier run has redriven the letter. */
  redriven(offset: number): boolean {
    while (this.#earlier.length > 0 && this.#earlier[0].to <= offset) this.#earlier = this.#earlier.slice(1);
    return this.#earlier.length > 0 && this.#earlier[0].from <= offset;
  }

  /** The letter is done with. */
  done(offset: number): void {
    this.#readTo = offset + 1;
    this.#leaving = false;
  }

  /** The letter is left for another run. */
  leave(offset: number): void {
    const last = this.#left.at(-1);
    if (this.#leaving && last !== undefined) last.to = offset + 1;
    else this.#left.push({ from: offset, to: offset + 1 });
    this.#readTo = offset + 1;
    this.#leaving = true;
  }

  /** No letter stands below this offset that was not told of. */
  passed(next: number): void {
    if (next > this.#readTo) this.#readTo = next;
  }

  /** Whether the next letter may be redriven: there is a limit to how many stretches are remembered. */
  get room(): boolean {
    return !this.#leaving || this.#left.length + this.#earlier.length < MOST;
  }

  /** What to commit. */
  commit(origin?: Origin): { readonly offset: number; readonly metadata: string } {
    const runs: Array<{ readonly from: number; to: number }> = [];
    let offset = this.#left[0]?.from ?? this.#readTo;
    const add = ({ from, to }: OffsetRun) => {
      const last = runs.at(-1);
      if (last === undefined && from <= offset) offset = Math.max(offset, to);
      else if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
      else runs.push({ from, to });
    };
    for (let i = 1; i < this.#left.length; i++) add({ from: this.#left[i - 1].to, to: this.#left[i].from });
    const last = this.#left.at(-1);
    if (last !== undefined && !this.#leaving && last.to < this.#readTo) add({ from: last.to, to: this.#readTo });
    for (const { from, to } of this.#earlier) if (to > this.#readTo) add({ from: Math.max(from, this.#readTo), to });
    return { offset, metadata: encodeOffsetMap(offset, emptyOffsetMap, runs, origin) };
  }
}
