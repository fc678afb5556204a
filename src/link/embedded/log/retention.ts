/**
 * How long a partition's log keeps what. The log is thought of as segments, as a real broker has them: only whole ones
 * are removed, so that a log keeps a bit more than it must. Nothing here runs by itself: whoever asks the log, or appends,
 * has what is over removed first.
 * Source: Apache Kafka's documentation, "Topic Configs" (retention.ms, retention.bytes, segment.bytes, segment.ms).
 * @module
 */

/** A topic's limits. */
export interface RetentionLimits {
  /** How old a segment's youngest record may get, in milliseconds; -1: as old as it likes. */
  readonly retentionMs: number;
  /** How large the log may get, in bytes, without its last segment; -1: as large as it likes. */
  readonly retentionBytes: number;
  /** A batch that would make a segment larger than this begins the next one. */
  readonly segmentBytes: number;
  /** A batch this much younger than the segment's first begins the next one, in milliseconds. */
  readonly segmentMs: number;
}

interface Segment {
  /** Its first offset. */
  readonly base: number;
  /** Bytes of the log in front of it. */
  readonly position: number;
  /** The latest timestamp of its first batch. */
  readonly begun: number;
  /** The latest timestamp in it. */
  latest: number;
}

/** One log's segments. */
export class Retention {
  readonly #segments: Array<Segment> = [];
  /** Bytes of the log that were ever written. */
  #size = 0;

  constructor(readonly limits: RetentionLimits) {}

  /** Takes note of a batch that now stands at the end. */
  appended(base: number, length: number, maxTimestamp: number): void {
    const last = this.#segments[this.#segments.length - 1];
    const { segmentBytes, segmentMs } = this.limits;
    const begins = last === undefined || this.#size - last.position + length > segmentBytes ||
      maxTimestamp - last.begun > segmentMs;
    if (begins) this.#segments.push({ base, position: this.#size, begun: maxTimestamp, latest: maxTimestamp });
    else last.latest = Math.max(last.latest, maxTimestamp);
    this.#size += length;
  }

  /** The log begins at `start` now. */
  trimmed(start: number, end: number): void {
    while (this.#segments.length > 0 && (this.#segments[1]?.base ?? end) <= start) this.#segments.shift();
  }

  /** Where the log should begin by now (milliseconds since 1970): `start` or later, at most `end`. */
  startAt(now: number, start: number, end: number): number {
    const { retentionMs, retentionBytes } = this.limits;
    if (retentionMs < 0 && retentionBytes < 0) return start;
    let kept = 0;
    let surplus = retentionBytes < 0
      ? -Infinity
      : this.#size - (this.#segments[0]?.position ?? this.#size) - retentionBytes;
    for (; kept < this.#segments.length; kept++) {
      const { position, latest } = this.#segments[kept];
      const size = (this.#segments[kept + 1]?.position ?? this.#size) - position;
      const isLast = kept === this.#segments.length - 1;
      const isOver = retentionMs >= 0 && now - latest > retentionMs;
      if (!isOver && (isLast || surplus < size)) break;
      surplus -= size;
    }
    return Math.max(start, this.#segments[kept]?.base ?? end);
  }
}
