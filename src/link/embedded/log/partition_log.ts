/**
 * One partition's log: record batches as bytes, found by offset without looking through them.
 * @module
 */
import { type BatchHeader, readBatchHeader, setBaseOffset } from "../../../codec/batch_header.ts";
import { lastAtMost, LogSegment } from "./log_segment.ts";
import { ProducerState } from "./producer_state.ts";
import { Retention, type RetentionLimits } from "./retention.ts";
import { Watchers } from "../waiting.ts";

/** The only leader there is has never changed. */
export const leaderEpoch = 0;

const smallestSegment = 4_096;
const largestSegment = 1_048_576;
const nothing = new Uint8Array(0);

/** A place in the log: which segment, which of its batches. */
interface Place {
  readonly segment: number;
  readonly index: number;
}

/** A log. */
export class PartitionLog {
  readonly producers: ProducerState = new ProducerState();
  /** Told when something was appended, or when the log is gone. */
  readonly changed: Watchers = new Watchers();
  readonly #retention: Retention;
  #segments: Array<LogSegment> = [];
  #start = 0;
  #end = 0;
  #size = 0;

  /** Empty, from offset 0. */
  constructor(limits: RetentionLimits) {
    this.#retention = new Retention(limits);
  }

  /** The first offset that can be read. */
  get startOffset(): number {
    return this.#start;
  }

  /** The offset of the next record: the high watermark, as there are no replicas to wait for. */
  get endOffset(): number {
    return this.#end;
  }

  /** Appends a batch at the end; `store` is given it as it will stand there, and keeps it out by throwing. */
  append(batch: Uint8Array, header: BatchHeader, store: (stored: Uint8Array) => void): number {
    const base = this.#end;
    this.#append(batch, base, header, (stored) => {
      setBaseOffset(stored, 0, base, leaderEpoch);
      store(stored);
    });
    return base;
  }

  /** Appends a batch that has its offset already. */
  restore(batch: Uint8Array): void {
    const header = readBatchHeader(batch, 0);
    this.#append(batch, header.baseOffset, header, () => {});
  }

  #append(batch: Uint8Array, base: number, header: BatchHeader, store: (stored: Uint8Array) => void): void {
    let segment = this.#segments[this.#segments.length - 1];
    if (segment === undefined || !segment.fits(batch.length)) {
      const next = segment === undefined ? smallestSegment : Math.min(largestSegment, segment.bytes.length * 2);
      segment = new LogSegment(this.#size, Math.max(next, batch.length));
      store(segment.write(batch));
      this.#segments.push(segment);
    } else store(segment.write(batch));
    segment.commit(batch.length, base, header.maxTimestamp);
    this.#size += batch.length;
    this.#end = base + header.lastOffsetDelta + 1;
    this.producers.appended(header, base);
    this.#retention.appended(base, batch.length, header.maxTimestamp);
  }

  /** Bytes from this offset's batch to the end. */
  available(offset: number): number {
    const place = this.#find(offset);
    if (place === null) return 0;
    const segment = this.#segments[place.segment];
    return this.#size - segment.position - segment.starts[place.index];
  }

  /**
   * Whole batches beginning with the one that holds `offset`: a view where they stand in one segment. At most
   * `maxBytes`, but one batch at least where `atLeastOne`.
   */
  read(offset: number, maxBytes: number, atLeastOne: boolean): Uint8Array {
    const place = this.#find(offset);
    if (place === null) return nothing;
    let segment = place.segment;
    const first = this.#segments[segment].read(place.index, maxBytes, atLeastOne);
    if (!this.#segments[segment].endsWith(first)) return first;
    const parts = [first];
    let size = first.length;
    while (++segment < this.#segments.length && size < maxBytes) {
      const part = this.#segments[segment].read(0, maxBytes - size, false);
      parts.push(part);
      size += part.length;
      if (!this.#segments[segment].endsWith(part)) break;
    }
    return parts.length === 1 ? first : concat(parts, size);
  }

  /** The first thing `look` finds in a batch that has a timestamp this late or later. */
  search<T>(timestamp: number, look: (batch: Uint8Array) => T | null): T | null {
    for (let place = this.#find(this.#start); place !== null; place = this.#next(place)) {
      const segment = this.#segments[place.segment];
      const found = segment.maxTimestamps[place.index] >= timestamp ? look(segment.batch(place.index)) : null;
      if (found !== null) return found;
    }
    return null;
  }

  /** All batches that can be read, in order. */
  batches(): ReadonlyArray<Uint8Array> {
    const batches: Array<Uint8Array> = [];
    for (let place = this.#find(this.#start); place !== null; place = this.#next(place)) {
      batches.push(this.#segments[place.segment].batch(place.index));
    }
    return batches;
  }

  /** Where the log should begin by now (milliseconds since 1970): what is in front has been kept long enough. */
  expired(now: number): number {
    return this.#retention.startAt(now, this.#start, this.#end);
  }

  /** Moves the start on; what stands in whole segments below it is dropped. */
  trim(startOffset: number): void {
    this.#start = Math.max(this.#start, startOffset);
    this.#end = Math.max(this.#end, startOffset);
    this.#retention.trimmed(this.#start, this.#end);
    const place = this.#find(this.#start);
    this.#segments = place === null ? [] : this.#segments.slice(place.segment);
  }

  #find(offset: number): Place | null {
    if (offset >= this.#end || this.#segments.length === 0) return null;
    const segment = Math.max(0, lastSegmentAtMost(this.#segments, offset));
    return { segment, index: Math.max(0, lastAtMost(this.#segments[segment].bases, offset)) };
  }

  #next({ segment, index }: Place): Place | null {
    if (index + 1 < this.#segments[segment].bases.length) return { segment, index: index + 1 };
    return segment + 1 < this.#segments.length ? { segment: segment + 1, index: 0 } : null;
  }
}

function lastSegmentAtMost(segments: ReadonlyArray<LogSegment>, offset: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (segments[middle].bases[0] <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function concat(parts: ReadonlyArray<Uint8Array>, size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
