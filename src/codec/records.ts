/**
 * The records of a fetched chunk as columns: no object per record, and text is decoded when it is asked for.
 * @module
 */
import type { Buffer } from "node:buffer";
import { CorruptRecordError } from "../errors.ts";
import type { AbortedTransaction } from "../link/protocol.ts";
import type { RecordHeaders } from "../record.ts";
import { textOf } from "./text_memory.ts";
import { Malformed, readVarint, varintEnd } from "./varint.ts";

/** Fields of a record in `Columns.fields`. */
export const STRIDE = 6;
/** Which source the record lies in. */
export const SOURCE = 0;
/** Where the key begins. */
export const KEY_START = 1;
/** The key's length, or -1. */
export const KEY_LENGTH = 2;
/** Where the value begins. */
export const VALUE_START = 3;
/** The value's length, or -1. The number of headers follows the value. */
export const VALUE_LENGTH = 4;
/** Where the record ends. */
export const END = 5;

/** Bytes that records lie in: the fetched ones, or one batch's decompressed ones. */
export interface Source {
  /** The bytes. */
  readonly bytes: Buffer;
  /** Where the compressed batch began in the fetched bytes; -1 for the fetched bytes themselves. */
  readonly batchStart: number;
}

/** Batches that were left because those before them take enough memory: to be decoded later, from `Records.next`. */
export interface Rest {
  /** Their bytes. */
  readonly bytes: Uint8Array;
  /** The aborted transactions that are still to be left out. */
  readonly aborted: ReadonlyArray<AbortedTransaction>;
}

/** What the decoder fills. */
export interface Columns {
  /** Records. */
  length: number;
  /** The position after the last whole batch. */
  next: number;
  /** Bytes of keys and values. */
  bytes: number;
  /** Bytes of decompressed batches. */
  decompressed: number;
  /** See `Rest`. */
  rest: Rest | null;
  /** See `STRIDE`. */
  fields: Int32Array;
  /** Offsets. */
  offsets: Float64Array;
  /** Timestamps, in ms since 1970. */
  timestamps: Float64Array;
  /** What `SOURCE` counts. */
  readonly sources: Array<Source>;
}

/** Decoded records, read by index: 0 is the first. An index outside 0 to `length` - 1 is the caller's mistake. */
export class Records {
  readonly #columns: Columns;
  readonly #fields: Int32Array;
  readonly #sources: ReadonlyArray<Source>;

  /** Takes over what the decoder has filled; use `decodeRecords`. */
  constructor(columns: Columns) {
    this.#columns = columns;
    this.#fields = columns.fields;
    this.#sources = columns.sources;
  }

  /** How many there are. */
  get length(): number {
    return this.#columns.length;
  }

  /** The position to go on from: behind the last whole batch, even when that held no record for the user. */
  get next(): number {
    return this.#columns.next;
  }

  /** Bytes of all keys and values. */
  get bytes(): number {
    return this.#columns.bytes;
  }

  /** Bytes that are held beside the fetched ones: decompressed batches. */
  get decompressed(): number {
    return this.#columns.decompressed;
  }

  /** What was left to be decoded later, or null. */
  get rest(): Rest | null {
    return this.#columns.rest;
  }

  /** A record's offset. */
  offset(index: number): number {
    return this.#columns.offsets[index];
  }

  /** A record's timestamp, in ms since 1970. */
  timestamp(index: number): number {
    return this.#columns.timestamps[index];
  }

  /** A record's key: a view that keeps the whole fetched chunk in memory, so copy what is to live longer. */
  key(index: number): Uint8Array | null {
    return this.#view(index * STRIDE, KEY_START);
  }

  /** A record's value: a view, as with `key`. */
  value(index: number): Uint8Array | null {
    return this.#view(index * STRIDE, VALUE_START);
  }

  /** A record's value as text; what is not UTF-8 becomes U+FFFD. */
  valueText(index: number): string | null {
    const row = index * STRIDE;
    const length = this.#fields[row + VALUE_LENGTH];
    if (length < 0) return null;
    const start = this.#fields[row + VALUE_START];
    return this.#sources[this.#fields[row + SOURCE]].bytes.toString("utf8", start, start + length);
  }

  /** A record's key as a string that differs when the bytes differ (one character per byte), for maps. */
  keyId(index: number): string | null {
    const row = index * STRIDE;
    const length = this.#fields[row + KEY_LENGTH];
    if (length < 0) return null;
    const start = this.#fields[row + KEY_START];
    return this.#sources[this.#fields[row + SOURCE]].bytes.toString("latin1", start, start + length);
  }

  /** Whether a record has headers. */
  hasHeaders(index: number): boolean {
    const row = index * STRIDE;
    return readVarint(this.#sources[this.#fields[row + SOURCE]].bytes, this.#headersAt(row), this.#fields[row + END]) >
      0;
  }

  /** A record's headers, decoded now; the values are views. Throws CorruptRecordError when they are malformed. */
  headers(index: number): RecordHeaders {
    const headers: Array<readonly [string, Uint8Array | null]> = [];
    this.#eachHeader(index, (bytes, nameStart, nameEnd, start, length) => {
      headers.push([bytes.toString("utf8", nameStart, nameEnd), length < 0 ? null : part(bytes, start, length)]);
    });
    return headers;
  }

  /**
   * The text of a record's last header called `name`; undefined when there is none or its value is null. Throws
   * CorruptRecordError when the headers are malformed.
   */
  headerText(index: number, name: string): string | undefined {
    // Asked of every record, so without the calls and views that `headers` may make.
    const row = index * STRIDE;
    const source = this.#sources[this.#fields[row + SOURCE]];
    const { bytes } = source;
    const end = this.#fields[row + END];
    let found: string | undefined;
    try {
      const count = readVarint(bytes, this.#headersAt(row), end);
      let at = varintEnd();
      for (let i = 0; i < count; i++) {
        const nameLength = readVarint(bytes, at, end);
        const nameStart = varintEnd();
        if (nameLength < 0 || nameLength > end - nameStart) throw new Malformed("header name", at);
        const nameEnd = nameStart + nameLength;
        const length = readVarint(bytes, nameEnd, end);
        const start = varintEnd();
        if (length < -1 || length > end - start) throw new Malformed("header value", nameEnd);
        at = start + Math.max(length, 0);
        if (isName(bytes, nameStart, nameEnd, name)) found = length < 0 ? undefined : textOf(bytes, start, at);
      }
      if (at !== end) throw new Malformed("bytes behind the headers", at);
    } catch (error) {
      throw located(error, source);
    }
    return found;
  }

  #view(row: number, field: number): Uint8Array | null {
    const length = this.#fields[row + field + 1];
    if (length < 0) return null;
    return part(this.#sources[this.#fields[row + SOURCE]].bytes, this.#fields[row + field], length);
  }

  #headersAt(row: number): number {
    return this.#fields[row + VALUE_START] + Math.max(this.#fields[row + VALUE_LENGTH], 0);
  }

  #eachHeader(
    index: number,
    visit: (bytes: Buffer, nameStart: number, nameEnd: number, valueStart: number, valueLength: number) => void,
  ): void {
    const row = index * STRIDE;
    const source = this.#sources[this.#fields[row + SOURCE]];
    const bytes = source.bytes;
    const end = this.#fields[row + END];
    try {
      const count = readVarint(bytes, this.#headersAt(row), end);
      let at = varintEnd();
      for (let i = 0; i < count; i++) {
        const nameLength = readVarint(bytes, at, end);
        const nameStart = varintEnd();
        if (nameLength < 0 || nameLength > end - nameStart) throw new Malformed("header name", at);
        const nameEnd = nameStart + nameLength;
        const length = readVarint(bytes, nameEnd, end);
        const start = varintEnd();
        if (length < -1 || length > end - start) throw new Malformed("header value", nameEnd);
        visit(bytes, nameStart, nameEnd, start, length);
        at = start + Math.max(length, 0);
      }
      if (at !== end) throw new Malformed("bytes behind the headers", at);
    } catch (error) {
      throw located(error, source);
    }
  }
}

/** A Malformed becomes a CorruptRecordError that says where; other errors stay. */
export function located(error: unknown, source: Source): unknown {
  if (!(error instanceof Malformed)) return error;
  if (source.batchStart < 0) return new CorruptRecordError(error.detail, error.at);
  return new CorruptRecordError(`${error.detail} (byte ${error.at} of the decompressed batch)`, source.batchStart);
}

function part(bytes: Buffer, start: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
}

function isName(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  if (end - start < name.length) return false; // each character comes from a byte at least
  for (let i = 0; i < name.length; i++) {
    const character = name.charCodeAt(i);
    if (character > 127) return (bytes as Buffer).toString("utf8", start, end) === name;
    if (bytes[start + i] !== character) return false;
  }
  return end - start === name.length;
}
