/**
 * Reads the record batches of one partition's part of a Fetch answer, trusting nothing in them.
 * Source: Apache Kafka's documentation, "Message Format"; aborted transactions as in KIP-98, "Consumer".
 * @module
 */
import { Buffer } from "node:buffer";
import { CorruptRecordError } from "../errors.ts";
import type { AbortedTransaction } from "../link/protocol.ts";
import {
  batchEnd,
  checkOffsets,
  COMPRESSION_MASK,
  CONTROL,
  crcMatches,
  HEADER_SIZE,
  LOG_APPEND_TIME,
  readInt64,
  TRANSACTIONAL,
  viewOf,
} from "./batch_header.ts";
import { decompress } from "./compression.ts";
import { type Columns, located, Records, type Source, STRIDE } from "./records.ts";
import { TransactionFilter } from "./transaction_filter.ts";
import { Malformed, readVarint, readVarlong, varintEnd } from "./varint.ts";

export { Records } from "./records.ts";

/** How to read a chunk. */
export interface DecodeOptions {
  /** The position it was fetched from: records below it are left out. */
  readonly from: number;
  /** The aborted transactions the broker named; their records are left out. */
  readonly aborted: ReadonlyArray<AbortedTransaction>;
  /**
   * Whether the broker was asked for committed records only: then each abort marker in the bytes must end a transaction
   * that it named. Default: false.
   */
  readonly committed?: boolean;
  /** No batch may reach it. Default: not checked. */
  readonly highWatermark?: number;
  /** Whether to check each batch's CRC. Default: true. */
  readonly checkCrc?: boolean;
  /** How large one batch may become when decompressed, in bytes. Default: 64 MiB. */
  readonly decompressedLimit?: number;
  /**
   * How many decompressed bytes to hold at once: the batches behind the one that reaches it are left as `Records.rest`.
   * Default: 16 MiB.
   */
  readonly atOnce?: number;
}

/** Length, attributes, two deltas, two lengths and the number of headers, a byte each. */
const SMALLEST_RECORD = 7;
const DECOMPRESSED_LIMIT = 64 * 1024 * 1024;
const AT_ONCE = 16 * 1024 * 1024;

/**
 * Decodes all whole batches, but see `atOnce`; one that is cut short at the end is left for the next fetch. Throws CorruptRecordError
 * when anything is not as the format says: then nothing of the chunk is to be believed. Headers of records are only
 * looked at when they are asked for.
 */
export function decodeRecords(bytes: Uint8Array, options: DecodeOptions): Records {
  const { from, aborted, highWatermark = Infinity, checkCrc = true, decompressedLimit = DECOMPRESSED_LIMIT } = options;
  const { committed = false, atOnce = AT_ONCE } = options;
  const view = viewOf(bytes);
  const fetched: Source = { bytes: asBuffer(bytes), batchStart: -1 };
  const columns: Columns = {
    length: 0,
    next: from,
    bytes: 0,
    decompressed: 0,
    rest: null,
    fields: new Int32Array(0),
    offsets: new Float64Array(0),
    timestamps: new Float64Array(0),
    sources: [fetched],
  };
  let transactions = aborted.length === 0 ? null : new TransactionFilter(aborted, from, committed);
  let previousLast = -1;
  for (let start = 0;;) {
    const end = batchEnd(view, start);
    if (end < 0) break;
    if (columns.decompressed >= atOnce) {
      columns.rest = { bytes: bytes.subarray(start), aborted: transactions?.rest() ?? aborted };
      break;
    }
    if (checkCrc && !crcMatches(bytes, start, end)) throw new CorruptRecordError("wrong CRC", start);
    const last = previousLast = checkOffsets(view, start, previousLast);
    if (last >= highWatermark) {
      throw new CorruptRecordError(`last offset ${last} with high watermark ${highWatermark}`, start);
    }
    if (last >= from) columns.next = last + 1;
    const attributes = view.getInt16(start + 21);
    let skip = last < from || (attributes & CONTROL) !== 0;
    if (committed && transactions === null && (attributes & TRANSACTIONAL) !== 0) {
      transactions = new TransactionFilter(aborted, from, committed);
    }
    if (transactions !== null) skip = transactions.isAborted(bytes, view, start, end, last) || skip;
    if (!skip) decodeBatch(columns, view, start, end, from, decompressedLimit);
    start = end;
  }
  return new Records(columns);
}

function decodeBatch(columns: Columns, view: DataView, start: number, end: number, from: number, limit: number): void {
  const compression = view.getInt16(start + 21) & COMPRESSION_MASK;
  const count = view.getInt32(start + 57);
  if (end === start + HEADER_SIZE && count === 0) return;
  const fetched = columns.sources[0];
  if (compression === 0) return decodeSection(columns, 0, start + HEADER_SIZE, end, view, start, from);
  let section: Uint8Array;
  try {
    section = decompress(compression, fetched.bytes.subarray(start + HEADER_SIZE, end), limit);
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    throw new CorruptRecordError(error.detail, start + HEADER_SIZE + error.at, undefined, { cause: error.cause });
  }
  columns.sources.push({ bytes: asBuffer(section), batchStart: start });
  columns.decompressed += section.length;
  decodeSection(columns, columns.sources.length - 1, 0, section.length, view, start, from);
}

/** The records of the batch at `batch` in `view`, which lie from `start` to `end` of a source. */
function decodeSection(
  columns: Columns,
  sourceIndex: number,
  start: number,
  end: number,
  view: DataView,
  batch: number,
  from: number,
): void {
  const source = columns.sources[sourceIndex];
  const bytes: Uint8Array = source.bytes;
  const count = view.getInt32(batch + 57);
  const base = readInt64(view, batch);
  const lastDelta = view.getInt32(batch + 23);
  const appendTime = (view.getInt16(batch + 21) & LOG_APPEND_TIME) !== 0;
  const baseTimestamp = readInt64(view, batch + (appendTime ? 35 : 27));
  try {
    // Checked before the columns grow, so that a count can't make them larger than the bytes justify.
    if (count > (end - start) / SMALLEST_RECORD) throw new Malformed(`${count} records in ${end - start} bytes`, start);
    reserve(columns, columns.length + count, view.byteLength - batch);
    const { fields, offsets, timestamps } = columns;
    let index = columns.length;
    let held = 0;
    let previous = -1;
    let at = start;
    for (let i = 0; i < count; i++) {
      const length = readVarint(bytes, at, end);
      const body = varintEnd();
      if (length < SMALLEST_RECORD - 1 || length > end - body) throw new Malformed(`record length ${length}`, at);
      const recordEnd = body + length;
      const timestampDelta = readVarlong(bytes, body + 1, recordEnd);
      const offsetDelta = readVarint(bytes, at = varintEnd(), recordEnd);
      if (offsetDelta <= previous || offsetDelta > lastDelta) throw new Malformed(`offset delta ${offsetDelta}`, at);
      previous = offsetDelta;
      const keyLength = readVarint(bytes, at = varintEnd(), recordEnd);
      const keyStart = varintEnd();
      if (keyLength < -1 || keyLength > recordEnd - keyStart) throw new Malformed(`key length ${keyLength}`, at);
      const keyEnd = keyLength > 0 ? keyStart + keyLength : keyStart;
      const valueLength = readVarint(bytes, keyEnd, recordEnd);
      const valueStart = varintEnd();
      if (valueLength < -1 || valueLength > recordEnd - valueStart) {
        throw new Malformed(`value length ${valueLength}`, keyEnd);
      }
      const valueEnd = valueLength > 0 ? valueStart + valueLength : valueStart;
      const headers = readVarint(bytes, valueEnd, recordEnd);
      const rest = recordEnd - varintEnd();
      // A header has two bytes at least.
      if (headers < 0 || headers * 2 > rest || (headers === 0 && rest > 0)) {
        throw new Malformed(`${headers} headers in ${rest} bytes`, valueEnd);
      }
      at = recordEnd;
      const offset = base + offsetDelta;
      if (offset < from) continue;
      const row = index * STRIDE;
      fields[row] = sourceIndex;
      fields[row + 1] = keyStart;
      fields[row + 2] = keyLength;
      fields[row + 3] = valueStart;
      fields[row + 4] = valueLength;
      fields[row + 5] = recordEnd;
      offsets[index] = offset;
      timestamps[index] = appendTime ? baseTimestamp : baseTimestamp + timestampDelta;
      held += keyEnd - keyStart + valueEnd - valueStart;
      index++;
    }
    if (at !== end) throw new Malformed("bytes behind the records", at);
    columns.length = index;
    columns.bytes += held;
  } catch (error) {
    throw located(error, source);
  }
}

/** Makes room for `needed` records. `bytesLeft` bounds the guess of how many more batches like this one may follow. */
function reserve(columns: Columns, needed: number, bytesLeft: number): void {
  const capacity = columns.offsets.length;
  if (needed <= capacity) return;
  const size = capacity === 0
    ? Math.max(needed, Math.min(needed * 8, Math.ceil(bytesLeft / 256)))
    : Math.max(needed, capacity * 2);
  const fields = new Int32Array(size * STRIDE);
  fields.set(columns.fields.subarray(0, columns.length * STRIDE));
  const offsets = new Float64Array(size);
  offsets.set(columns.offsets.subarray(0, columns.length));
  const timestamps = new Float64Array(size);
  timestamps.set(columns.timestamps.subarray(0, columns.length));
  columns.fields = fields;
  columns.offsets = offsets;
  columns.timestamps = timestamps;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}
