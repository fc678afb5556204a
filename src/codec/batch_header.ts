/**
 * The header of a record batch (magic 2): reading it, walking from batch to batch by it, and the fields a broker or a
 * sender sets in a batch that is already encoded.
 * Source: Apache Kafka's documentation, "Message Format" (record batch).
 * @module
 */
import { CorruptRecordError } from "../errors.ts";
import { crc32c } from "./crc32c.ts";

/** Bytes from a batch's start to its first record. */
export const HEADER_SIZE = 61;
/** Bytes of the base offset and of the length itself, which the length does not count. */
export const LENGTH_END = 12;
/** Where the checksummed part begins: the attributes. What stands before may be changed without a new CRC. */
export const CRC_START = 21;
/** The only format understood. */
export const MAGIC = 2;

/** Attribute bits: which compression the records have. */
export const COMPRESSION_MASK = 0x07;
/** Attribute bit: every record has the batch's maxTimestamp, set by the broker. */
export const LOG_APPEND_TIME = 0x08;
/** Attribute bit: the batch is part of a transaction. */
export const TRANSACTIONAL = 0x10;
/** Attribute bit: the batch holds a marker for the clients, no record for the user. */
export const CONTROL = 0x20;

/** A record batch's header. */
export interface BatchHeader {
  /** The offset its deltas count from. */
  readonly baseOffset: number;
  /** Bytes after the length field. */
  readonly length: number;
  /** The leader's epoch when it was appended, or -1. */
  readonly leaderEpoch: number;
  /** The format: 2. */
  readonly magic: number;
  /** CRC-32C of all from the attributes to the end, unsigned. */
  readonly crc: number;
  /** See the constants above. */
  readonly attributes: number;
  /** The last offset less the base offset; it stays when compaction removes the last record. */
  readonly lastOffsetDelta: number;
  /** What the records' timestamp deltas count from, in ms since 1970. */
  readonly baseTimestamp: number;
  /** The latest timestamp in the batch, in ms since 1970. */
  readonly maxTimestamp: number;
  /** The producer, or -1n. */
  readonly producerId: bigint;
  /** The producer's epoch, or -1. */
  readonly producerEpoch: number;
  /** The sequence number of the first record, or -1. */
  readonly baseSequence: number;
  /** Records in the batch. */
  readonly count: number;
}

/** A view of `bytes` for the functions that take one. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit integer as a number: exact up to 2^53, rounded beyond. */
export function readInt64(view: DataView, at: number): number {
  return view.getInt32(at) * 4294967296 + view.getUint32(at + 4);
}

/**
 * The end of the batch at `at`, or -1 when it is cut short there. Throws CorruptRecordError on another format or on a
 * length no batch has.
 */
export function batchEnd(view: DataView, at: number): number {
  if (at + 17 <= view.byteLength) {
    const magic = view.getInt8(at + 16);
    // The formats before this one have their magic at the same place.
    if (magic === 0 || magic === 1) {
      throw new CorruptRecordError(
        `magic ${magic}, an older format: write the topic anew with a client of 0.11 or later`,
        at,
      );
    }
    if (magic !== MAGIC) throw new CorruptRecordError(`magic ${magic}, not ${MAGIC}`, at);
  }
  if (at + LENGTH_END > view.byteLength) return -1;
  const length = view.getInt32(at + 8);
  if (length < HEADER_SIZE - LENGTH_END) throw new CorruptRecordError(`batch length ${length}`, at);
  const end = at + LENGTH_END + length;
  return end > view.byteLength ? -1 : end;
}

/**
 * The last offset of the batch at `at`, having checked that its offsets and its count can be and that it follows
 * `previousLast` (-1 at the start). Throws CorruptRecordError.
 */
export function checkOffsets(view: DataView, at: number, previousLast: number): number {
  const base = readInt64(view, at);
  const lastDelta = view.getInt32(at + 23);
  const count = view.getInt32(at + 57);
  if (count < 0 || lastDelta < 0 || count > lastDelta + 1) {
    throw new CorruptRecordError(`${count} records with last offset delta ${lastDelta}`, at);
  }
  const last = base + lastDelta;
  if (last >= Number.MAX_SAFE_INTEGER) throw new CorruptRecordError(`base offset ${base}`, at);
  if (base <= previousLast) {
    throw new CorruptRecordError(`base offset ${base} behind a batch that ends at ${previousLast}`, at);
  }
  return last;
}

/** Reads the header at `at`; it must be there in full. Checks nothing. */
export function readBatchHeader(bytes: Uint8Array, at: number): BatchHeader {
  return headerAt(viewOf(bytes), at);
}

function headerAt(view: DataView, at: number): BatchHeader {
  return {
    baseOffset: readInt64(view, at),
    length: view.getInt32(at + 8),
    leaderEpoch: view.getInt32(at + 12),
    magic: view.getInt8(at + 16),
    crc: view.getUint32(at + 17),
    attributes: view.getInt16(at + 21),
    lastOffsetDelta: view.getInt32(at + 23),
    baseTimestamp: readInt64(view, at + 27),
    maxTimestamp: readInt64(view, at + 35),
    producerId: view.getBigInt64(at + 43),
    producerEpoch: view.getInt16(at + 51),
    baseSequence: view.getInt32(at + 53),
    count: view.getInt32(at + 57),
  };
}

/**
 * From the headers alone: the position to fetch from after these bytes (`from` when no whole batch reaches it), and how
 * many records at or above `from` they hold at most, control and aborted ones counted. A batch cut short at the end
 * does not count. Throws CorruptRecordError on a wrong format, length, count or order.
 */
export function scanBatches(bytes: Uint8Array, from: number): { readonly next: number; readonly count: number } {
  const view = viewOf(bytes);
  let next = from;
  let count = 0;
  let previousLast = -1;
  for (let at = 0;;) {
    const end = batchEnd(view, at);
    if (end < 0) return { next, count };
    const last = previousLast = checkOffsets(view, at, previousLast);
    if (last >= from) {
      next = last + 1;
      count += Math.min(view.getInt32(at + 57), last - from + 1);
    }
    at = end;
  }
}

/** The batches of an answer that its high watermark confirms. */
export interface ConfirmedBatches {
  /** Where they end in the bytes. */
  readonly end: number;
  /** Whether a whole batch follows that is not confirmed. */
  readonly beyond: boolean;
  /** The leader's epoch in the last one; -1 without one, and where the epochs can't be right. */
  readonly epoch: number;
}

/**
 * The whole batches whose last offset lies below the high watermark, of a leader whose epoch is `leaderEpoch` (-1 where it
 * is not known). A broker reads its high watermark before it reads the log: one of some thousand answers at the log's end
 * holds batches beyond what it says. They are for the next fetch. Throws CorruptRecordError as `scanBatches` does.
 */
export function confirmedBatches(bytes: Uint8Array, highWatermark: number, leaderEpoch: number): ConfirmedBatches {
  const view = viewOf(bytes);
  let previousLast = -1;
  let highest = -1;
  let sound = true;
  for (let at = 0;;) {
    const end = batchEnd(view, at);
    if (end >= 0) previousLast = checkOffsets(view, at, previousLast);
    if (end < 0 || previousLast >= highWatermark) return { end: at, beyond: end >= 0, epoch: sound ? highest : -1 };
    const epoch = view.getInt32(at + 12);
    // Epochs lie outside the CRC, and a leader that is asked by a wrong one takes our log for another.
    sound &&= epoch >= highest && (leaderEpoch < 0 || epoch <= leaderEpoch);
    highest = epoch;
    at = end;
  }
}

/**
 * Calls `visit` for each whole batch with where it starts and ends, and answers where the last one ended: less than
 * `bytes.length` when more bytes follow. Throws CorruptRecordError on a wrong format or length; offsets and counts are
 * not checked.
 */
export function forEachBatch(
  bytes: Uint8Array,
  visit: (header: BatchHeader, start: number, end: number) => void,
): number {
  const view = viewOf(bytes);
  for (let at = 0;;) {
    const end = batchEnd(view, at);
    if (end < 0) return at;
    visit(headerAt(view, at), at, end);
    at = end;
  }
}

/** Whether the batch from `start` to `end` is what its CRC says. */
export function crcMatches(bytes: Uint8Array, start: number, end: number): boolean {
  return crc32c(bytes, start + CRC_START, end) === viewOf(bytes).getUint32(start + 17);
}

/** Sets the base offset and the leader's epoch of the batch at `at`, as a broker does; they lie outside the CRC. */
export function setBaseOffset(bytes: Uint8Array, at: number, offset: number, leaderEpoch: number): void {
  const view = viewOf(bytes);
  view.setBigInt64(at, BigInt(offset));
  view.setInt32(at + 12, leaderEpoch);
}

/** Gives a finished batch (alone in `bytes`) to another producer, with a new CRC. */
export function setProducer(bytes: Uint8Array, producerId: bigint, producerEpoch: number, baseSequence: number): void {
  const view = viewOf(bytes);
  view.setBigInt64(43, producerId);
  view.setInt16(51, producerEpoch);
  view.setInt32(53, baseSequence);
  view.setUint32(17, crc32c(bytes, CRC_START, bytes.length));
}
