/**
 * Builds one record batch (magic 2), record by record, straight into its bytes: nothing is kept of a record but them.
 * Source: Apache Kafka's documentation, "Message Format" (record batch, record, record header).
 * @module
 */
import { Buffer } from "node:buffer";
import type { RecordHeaders } from "../record.ts";
import { CRC_START, HEADER_SIZE, LENGTH_END, MAGIC, TRANSACTIONAL, viewOf } from "./batch_header.ts";
import { compress, type Compression, compressionCode } from "./compression.ts";
import { crc32c } from "./crc32c.ts";

/** Whose batch it is, and how it goes on the wire. */
export interface FinishOptions {
  /** The producer's id, or -1n for a batch that is not idempotent. */
  readonly producerId: bigint;
  /** The producer's epoch, or -1. */
  readonly producerEpoch: number;
  /** The sequence number of the first record, or -1. */
  readonly baseSequence: number;
  /** How to compress the records. */
  readonly compression: Compression;
  /** Whether the batch is part of a transaction. Default: false. */
  readonly transactional?: boolean;
}

/** Length, attributes, timestamp delta, offset delta, lengths of key and value, number of headers: at their longest. */
const RECORD_OVERHEAD = 5 + 1 + 10 + 5 + 5 + 5 + 5;
/** Up to here a loop writes text faster than a call of encodeInto. */
const SHORT_TEXT = 48;
const encoder = new TextEncoder();

/** A batch being filled. */
export class BatchEncoder {
  #bytes: Uint8Array;
  #at = HEADER_SIZE;
  #count = 0;
  #maxTimestamp: number;
  #finished = false;
  readonly #firstTimestamp: number;
  // The lengths `sizeWith` has measured, for the `add` that follows it with the same key and value.
  #measuredKey: string | Uint8Array | null = null;
  #measuredValue: string | Uint8Array | null = null;
  #keyLength = -1;
  #valueLength = -1;

  /**
   * `firstTimestamp` (ms since 1970) is what the records' timestamps are written against: that of the first record.
   * `capacity` is what is allocated at first, in bytes; it grows as needed. Default: 4096.
   */
  constructor(firstTimestamp: number, capacity: number = 4096) {
    this.#firstTimestamp = firstTimestamp;
    this.#maxTimestamp = firstTimestamp;
    this.#bytes = new Uint8Array(Math.max(capacity, HEADER_SIZE));
  }

  /** Records added. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the batch as it is now, header included, before compression. */
  get size(): number {
    return this.#at;
  }

  /** The latest timestamp added, in ms since 1970; the first timestamp while empty. */
  get maxTimestamp(): number {
    return this.#maxTimestamp;
  }

  /** The size after adding such a record: exact but for at most 36 bytes of lengths, never less than it will be. */
  sizeWith(key: string | Uint8Array | null, value: string | Uint8Array | null, headers: RecordHeaders): number {
    this.#measure(key, value);
    return this.#at + RECORD_OVERHEAD + Math.max(this.#keyLength, 0) + Math.max(this.#valueLength, 0) +
      (headers.length === 0 ? 0 : headersSize(headers));
  }

  /**
   * Adds a record; text is written as UTF-8. `timestamp` (whole ms since 1970) may lie before the first one. Throws
   * RangeError on any other timestamp: nothing was added then.
   */
  add(
    key: string | Uint8Array | null,
    value: string | Uint8Array | null,
    headers: RecordHeaders,
    timestamp: number,
  ): void {
    if (this.#finished) throw new Error("the batch is finished");
    const delta = timestamp - this.#firstTimestamp;
    if (!Number.isSafeInteger(timestamp) || !Number.isSafeInteger(delta)) {
      throw new RangeError(`timestamp ${timestamp} is not a whole number of ms`);
    }
    this.#measure(key, value);
    const keyLength = this.#keyLength;
    const valueLength = this.#valueLength;
    const body = 1 + varlongSize(delta) + varintSize(this.#count) + varintSize(keyLength) + Math.max(keyLength, 0) +
      varintSize(valueLength) + Math.max(valueLength, 0) + varintSize(headers.length) +
      (headers.length === 0 ? 0 : headersSize(headers));
    this.#reserve(5 + body);
    this.#varint(body);
    this.#bytes[this.#at++] = 0; // a record's attributes: none are defined
    this.#varlong(delta);
    this.#varint(this.#count);
    this.#write(key, keyLength);
    this.#write(value, valueLength);
    this.#varint(headers.length);
    for (let i = 0; i < headers.length; i++) {
      const [name, content] = headers[i];
      this.#write(name, textLength(name));
      this.#write(content, content === null ? -1 : content.length);
    }
    this.#count++;
    if (timestamp > this.#maxTimestamp || this.#count === 1) this.#maxTimestamp = timestamp;
    this.#measuredKey = this.#measuredValue = null;
    this.#keyLength = this.#valueLength = -1;
  }

  /**
   * The batch's bytes, fixed from now on (offset 0, leader epoch -1): a repeated send sends the same. Called once, with
   * at least one record added; no record can be added any more.
   */
  finish(options: FinishOptions): Uint8Array {
    if (this.#finished || this.#count === 0) throw new Error(`the batch is ${this.#finished ? "finished" : "empty"}`);
    this.#finished = true;
    let batch = this.#bytes.subarray(0, this.#at);
    if (options.compression !== "none") {
      const packed = compress(options.compression, batch.subarray(HEADER_SIZE));
      batch = new Uint8Array(HEADER_SIZE + packed.length);
      batch.set(packed, HEADER_SIZE);
    }
    this.#bytes = batch;
    const view = viewOf(batch);
    view.setInt32(8, batch.length - LENGTH_END);
    view.setInt32(12, -1);
    view.setInt8(16, MAGIC);
    view.setInt16(21, compressionCode(options.compression) | (options.transactional === true ? TRANSACTIONAL : 0));
    view.setInt32(23, this.#count - 1);
    view.setBigInt64(27, BigInt(this.#firstTimestamp));
    view.setBigInt64(35, BigInt(this.#maxTimestamp));
    view.setBigInt64(43, options.producerId);
    view.setInt16(51, options.producerEpoch);
    view.setInt32(53, options.baseSequence);
    view.setInt32(57, this.#count);
    view.setUint32(17, crc32c(batch, CRC_START, batch.length));
    return batch;
  }

  #measure(key: string | Uint8Array | null, value: string | Uint8Array | null): void {
    if (key !== this.#measuredKey) {
      this.#keyLength = byteLength(key);
      this.#measuredKey = key;
    }
    if (value !== this.#measuredValue) {
      this.#valueLength = byteLength(value);
      this.#measuredValue = value;
    }
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, needed));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }

  #varint(value: number): void {
    const bytes = this.#bytes;
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    let at = this.#at;
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#at = at;
  }

  #varlong(value: number): void {
    if (value >= -0x40000000 && value < 0x40000000) return this.#varint(value);
    // The sign in the lowest bit, the magnitude above it: split so, a double is exact up to 2^53.
    const magnitude = value < 0 ? -value - 1 : value;
    let byte = ((magnitude % 64) << 1) | (value < 0 ? 1 : 0);
    for (let rest = Math.floor(magnitude / 64); rest > 0; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#at++] = byte | 128;
      byte = rest % 128;
    }
    this.#bytes[this.#at++] = byte;
  }

  /** The length, then the bytes. */
  #write(content: string | Uint8Array | null, length: number): void {
    this.#varint(length);
    if (content === null || length === 0) return;
    const bytes = this.#bytes;
    const at = this.#at;
    if (typeof content !== "string") bytes.set(content, at);
    else if (length <= SHORT_TEXT && length === content.length) {
      for (let i = 0; i < length; i++) bytes[at + i] = content.charCodeAt(i); // as many bytes as characters: ASCII
    } else encoder.encodeInto(content, bytes.subarray(at, at + length));
    this.#at = at + length;
  }
}

/** TextEncoder.encode would allocate and costs 20 times as much. */
function byteLength(content: string | Uint8Array | null): number {
  if (content === null) return -1;
  return typeof content === "string" ? textLength(content) : content.length;
}

/** As UTF-8. Short texts, which keys and names of headers are, are counted here: a call of the runtime costs more. */
function textLength(text: string): number {
  const { length } = text;
  if (length > SHORT_TEXT) return Buffer.byteLength(text);
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 127) return Buffer.byteLength(text);
  return length;
}

function headersSize(headers: RecordHeaders): number {
  let size = 0;
  for (let i = 0; i < headers.length; i++) {
    const name = textLength(headers[i][0]);
    const content = headers[i][1];
    const length = content === null ? -1 : content.length;
    size += varintSize(name) + name + varintSize(length) + Math.max(length, 0);
  }
  return size;
}

function varintSize(value: number): number {
  const rest = ((value << 1) ^ (value >> 31)) >>> 0;
  return rest < 0x80 ? 1 : rest < 0x4000 ? 2 : rest < 0x200000 ? 3 : rest < 0x10000000 ? 4 : 5;
}

function varlongSize(value: number): number {
  let size = 1;
  for (let rest = Math.floor((value < 0 ? -value - 1 : value) / 64); rest > 0; rest = Math.floor(rest / 128)) size++;
  return size;
}
