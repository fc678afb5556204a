/**
 * Which records of a partition are resolved. Records may be resolved in any order; the position, which is what gets
 * committed, never passes one that is not.
 * @module
 */
import type { Records } from "../codec/batch_decoder.ts";

/** A record's state. */
export type RecordState = typeof Open | typeof Settled | typeof Resolved | typeof Condemned;
/** Waiting or in hand. */
export const Open = 0;
/** Its outcome stands and its records are in the sender; not all of them are acknowledged yet. */
export const Settled = 1;
/** Done with. */
export const Resolved = 2;
/** It becomes a dead letter, which is not acknowledged yet. */
export const Condemned = 3;

/** The records of one chunk and what has become of them. */
export class Segment {
  /** Everything below is resolved. */
  head = 0;
  /** The next record to be taken up. */
  cursor = 0;
  /** Records that are not resolved. */
  remaining: number;
  /** Records that are `Settled`. */
  settled = 0;
  /** One state per record; made only once a record is not just open and then resolved in order. */
  #states: Uint8Array | null = null;
  /** How often records were opened again; most never are. */
  #rounds: Map<number, number> | null = null;

  /** `bytes` is what the chunk holds in memory; it was fetched `from` a position, and fetching goes on at `next`. */
  constructor(readonly records: Records, readonly bytes: number, readonly from: number, readonly next: number) {
    this.remaining = records.length;
  }

  /** A record's state. */
  state(index: number): RecordState {
    if (index < this.head) return Resolved;
    return this.#states === null ? Open : this.#states[index] as RecordState;
  }

  /** How often a record was opened again: tells what was sent for it before from what is sent for it now. */
  round(index: number): number {
    return this.#rounds === null ? 0 : this.#rounds.get(index) ?? 0;
  }

  /** Notes what becomes of an open record. */
  mark(index: number, state: typeof Settled | typeof Condemned): void {
    (this.#states ??= new Uint8Array(this.records.length))[index] = state;
    if (state === Settled) this.settled++;
  }

  /** Takes back whatever was noted of a record, wherever it stands. */
  reopen(index: number): void {
    const state = this.state(index);
    if (state === Open) return;
    if (state === Settled) this.settled--;
    if (state === Resolved) this.remaining++;
    const states = this.#states ??= new Uint8Array(this.records.length);
    if (index < this.head) {
      states.fill(Resolved, index, this.head);
      this.head = index;
    }
    states[index] = Open;
    (this.#rounds ??= new Map()).set(index, this.round(index) + 1);
  }

  /** Notes that a record is resolved; false if it was already. */
  resolve(index: number): boolean {
    const state = this.state(index);
    if (state === Resolved) return false;
    if (state === Settled) this.settled--;
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

/** What opening records again comes to. */
export interface Reopened {
  /** Records that were settled or condemned: their acknowledgement means nothing any more. */
  readonly unacknowledged: number;
  /** Records that were resolved: they are held again. */
  readonly resolved: number;
  /** Bytes that need not be held any more. */
  readonly bytes: number;
}

/** The frontier of one partition. */
export class Frontier {
  /**
   * Segments that are needed still, oldest first. Those that are done with are taken out, wherever they stand: what
   * lies between two segments is resolved.
   */
  readonly #segments: Segment[] = [];
  /** The position after the last segment: where fetching goes on. */
  #end: number;

  /** Begins at `start`: offsets below it are resolved. */
  constructor(
    /** Where it began. */
    readonly start: number,
  ) {
    this.#end = start;
  }

  /** The first offset that is not resolved: what may be committed. */
  get position(): number {
    const segment = this.#segments[0];
    return segment === undefined ? this.#end : segment.records.offset(segment.head);
  }

  /** The position after everything taken in so far. */
  get end(): number {
    return this.#end;
  }

  /** Takes in the next records. Offsets without a record (compacted, control, aborted) are resolved with them. */
  push(segment: Segment): void {
    this.#end = segment.next;
    if (segment.remaining > 0) this.#segments.push(segment);
  }

  /** Resolves a record. Answers how many bytes need not be held any more; -1 if it was resolved already. */
  resolve(segment: Segment, index: number): number {
    const { settled } = segment;
    if (!segment.resolve(index)) return -1;
    return segment.remaining === 0 || (settled > 0 && segment.settled === 0) ? this.#reclaim() : 0;
  }

  /**
   * Opens a record again, and with it all later ones that were taken up and that `behind` says must follow it,
   * whatever had become of them. A dead letter that is under way stays under way.
   */
  reopen(segment: Segment, index: number, behind: (segment: Segment, index: number) => boolean): Reopened {
    const came = { unacknowledged: 0, resolved: 0 };
    const open = (segment: Segment, index: number) => {
      const state = segment.state(index);
      if (state === Open) return;
      came[state === Resolved ? "resolved" : "unacknowledged"]++;
      segment.reopen(index);
    };
    open(segment, index);
    const first = this.#segments.indexOf(segment);
    for (let at = first; at >= 0 && at < this.#segments.length; at++) {
      const later = this.#segments[at];
      for (let i = at === first ? index + 1 : 0; i < later.cursor; i++) {
        const state = later.state(i);
        if ((state === Settled || state === Resolved) && behind(later, i)) open(later, i);
      }
    }
    return { ...came, bytes: this.#reclaim() };
  }

  /**
   * Takes out the segments that are done with. One behind a record that is settled only is kept: if that one's
   * publications fail, records behind it may have to be opened again.
   */
  #reclaim(): number {
    const segments = this.#segments;
    let bytes = 0;
    let kept = 0;
    let pinned = false;
    for (let at = 0; at < segments.length; at++) {
      const segment = segments[at];
      if (segment.remaining === 0 && !pinned) {
        bytes += segment.bytes;
        continue;
      }
      segments[kept++] = segment;
      pinned ||= segment.settled > 0;
      if (pinned && kept === at + 1) return bytes; // nothing to move
    }
    segments.length = kept;
    return bytes;
  }

  /** Whether an earlier record of this one's key is settled, but not resolved. */
  settledBefore(segment: Segment, index: number): boolean {
    const key = segment.records.keyId(index);
    for (const earlier of this.#segments) {
      const end = earlier === segment ? index : earlier.records.length;
      for (let i = earlier.head, left = earlier.settled; left > 0 && i < end; i++) {
        if (earlier.state(i) !== Settled) continue;
        if (earlier.records.keyId(i) === key) return true;
        left--;
      }
      if (earlier === segment) return false;
    }
    return false;
  }

  /** Every segment with a record that is not resolved, oldest first. */
  *segments(): IterableIterator<Segment> {
    for (const segment of this.#segments) if (segment.remaining > 0) yield segment;
  }

  /**
   * The runs of resolved offsets above the position, in order: none as long as records are resolved in order. Where
   * records are `ordered` they end before the first that is settled only: whoever receives that one again, in another
   * process, has to receive again what follows it.
   */
  *resolvedRuns(ordered: boolean): IterableIterator<OffsetRun> {
    const { position } = this;
    let from = -1; // where the run under way began
    let end = position; // what was looked at so far
    for (const segment of this.#segments) {
      const { records, head } = segment;
      if (from < 0 && segment.from > end) from = end; // a segment that was taken out
      if (from < 0 && head > 0 && segment.from >= position) from = segment.from;
      for (let i = head; i < records.length; i++) {
        const state = segment.state(i);
        if (state === Resolved) {
          if (from < 0) from = records.offset(i);
          continue;
        }
        if (from >= 0) yield { from, to: records.offset(i) };
        if (state === Settled && ordered) return;
        from = -1;
      }
      end = segment.next;
    }
    if (from < 0 && this.#end > end) from = end;
    if (from >= 0) yield { from, to: this.#end };
  }
}
