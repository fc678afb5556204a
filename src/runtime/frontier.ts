/**
 * Which records of a partition are resolved. Records may be resolved in any order; the position, which is what gets
 * committed, never passes one that is not.
 * @module
 */
import type { Records } from "../codec/batch_decoder.ts";

/** A record's state: `Settled` has its outcome and its records in the sender, but not their acknowledgement yet. */
export type RecordState = 0 | 1 | 2;
/** Waiting or in hand. */
export const Open = 0;
/** Its outcome stands; what it published is not acknowledged yet. */
export const Settled = 1;
/** Done with. */
export const Resolved = 2;

/** The records of one chunk and what has become of them. */
export class Segment {
  /** Everything below is resolved. */
  head = 0;
  /** The next record to be taken up. */
  cursor = 0;
  /** Records that are not resolved. */
  remaining: number;
  /** One state per record; made only once a record is resolved out of order, which most segments never see. */
  #states: Uint8Array | null = null;

  /** `bytes` is what the chunk holds in memory. */
  constructor(readonly records: Records, readonly bytes: number) {
    this.remaining = records.length;
  }

  /** A record's state. */
  state(index: number): RecordState {
    if (index < this.head) return Resolved;
    return this.#states === null ? Open : this.#states[index] as RecordState;
  }

  /** Notes that a record's outcome is settled and its records stand in the sender; or that it is open again. */
  mark(index: number, state: typeof Open | typeof Settled): void {
    (this.#states ??= new Uint8Array(this.records.length))[index] = state;
  }

  /** Takes back what was noted of a record at or above `head`. */
  reopen(index: number): void {
    if (this.state(index) === Resolved) this.remaining++;
    this.mark(index, Open);
  }

  /** Notes that a record is resolved; false if it was already. */
  resolve(index: number): boolean {
    if (this.state(index) === Resolved) return false;
    this.remaining--;
    if (index === this.head) {
      this.head++;
      if (this.#states !== null) {
        while (this.head < this.records.length && this.#states[this.head] === Resolved) this.head++;
      }
    } else {
      (this.#states ??= new Uint8Array(this.records.length))[index] = Resolved;
    }
    return true;
  }
}

/** A run of offsets, `from` inclusive, `to` exclusive. */
export interface OffsetRun {
  /** First offset in it. */
  readonly from: number;
  /** First offset after it. */
  readonly to: number;
}

/** The frontier of one partition. */
export class Frontier {
  #segments: Segment[] = [];
  #first = 0;
  /** The position after the last segment: where fetching goes on. */
  #end: number;

  /** Begins at `position`: offsets below it are resolved. */
  constructor(position: number) {
    this.#end = position;
  }

  /** The first offset that is not resolved: what may be committed. */
  get position(): number {
    const segment = this.#segments[this.#first];
    return segment === undefined ? this.#end : segment.records.offset(segment.head);
  }

  /** The position after everything taken in so far. */
  get end(): number {
    return this.#end;
  }

  /** The segment and index of the oldest record that is not resolved. */
  get oldest(): Segment | undefined {
    return this.#segments[this.#first];
  }

  /** Takes in the next records. Offsets without a record (compacted, control, aborted) are resolved with them. */
  push(segment: Segment): void {
    this.#end = segment.records.next;
    if (segment.remaining > 0) this.#segments.push(segment);
  }

  /** Resolves a record; false if it was resolved already. */
  resolve(segment: Segment, index: number): boolean {
    if (!segment.resolve(index)) return false;
    if (segment.remaining === 0) this.#shrink();
    return true;
  }

  #shrink(): void {
    const segments = this.#segments;
    while (this.#first < segments.length && segments[this.#first].remaining === 0) {
      this.#first++;
    }
    // Moving the rest down costs its length, so it is done only once half of the array is waste.
    if (this.#first > 32 && this.#first * 2 > segments.length) {
      segments.splice(0, this.#first);
      this.#first = 0;
    }
  }

  /** Every segment with a record that is not resolved, oldest first. */
  *segments(): IterableIterator<Segment> {
    for (let at = this.#first; at < this.#segments.length; at++) {
      if (this.#segments[at].remaining > 0) yield this.#segments[at];
    }
  }

  /** This segment and all after it, resolved or not. */
  from(segment: Segment): ReadonlyArray<Segment> {
    return this.#segments.slice(this.#segments.indexOf(segment));
  }

  /**
   * The runs of resolved offsets above the position, in order: empty as long as records are resolved in order.
   */
  *resolvedRuns(): IterableIterator<OffsetRun> {
    let from = -1; // where the run under way began
    let after = this.position;
    for (const segment of this.#segments.slice(this.#first)) {
      const { records } = segment;
      if (segment.remaining === 0) {
        if (from < 0) from = after;
        after = records.next;
        continue;
      }
      for (let i = 0; i < records.length; i++) {
        if (segment.state(i) === Resolved) {
          if (from < 0) from = records.offset(i);
        } else {
          if (from >= 0 && from < records.offset(i) && from >= this.position) yield { from, to: records.offset(i) };
          from = -1;
        }
      }
      after = records.next;
    }
    if (from >= 0 && from < after) yield { from, to: after };
  }
}
