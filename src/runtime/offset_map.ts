/**
 * The offset map: which records above the committed offset are resolved already, in the commit's metadata, so that the
 * next owner does not repeat them. It only saves repeats; nothing relies on it. A foreign client's commit erases it.
 *
 * It also tells which topic of that name the offset is one of, and how many partitions that had when the group began: a
 * commit knows topics by their names alone.
 *
 * Bytes, before base64: a version; in version 2 the number of partitions and 8 bytes of the topic's id; attempts, failures and deaths of the record at the committed offset; alternating
 * lengths of unresolved and resolved runs; all as unsigned varints. Then a CRC-32C of the committed offset and of what
 * stands before: other frameworks write base64 as well, and whoever takes theirs for a map loses records.
 * @module
 */
import { crc32c } from "../codec/crc32c.ts";
import type { OffsetRun } from "./frontier.ts";

/** What the metadata of a commit says. */
export interface OffsetMap {
  /** How often `receive` was called with the record at the committed offset. */
  readonly attempts: number;
  /** How many of these calls failed, which is what the retry schedule counts. */
  readonly failures: number;
  /** How often an incarnation ended by that record. */
  readonly deaths: number;
  /** Resolved runs above the committed offset, in order. */
  readonly resolved: ReadonlyArray<OffsetRun>;
  /** Of which topic the offset is one, if that is said. */
  readonly origin?: Origin;
}

/** Which topic of its name a position is one of. */
export interface Origin {
  /** The first 16 hex digits of its id. */
  readonly topic: string;
  /** Its partitions when the group began with this one. */
  readonly partitions: number;
}

/** Of a topic with this id; undefined where brokers tell none. */
export function originOf(topicId: string, partitions: number): Origin | undefined {
  const topic = topicId.slice(0, ID_BYTES * 2);
  return /^[0-9a-f]{16}$/.test(topic) && /[^0]/.test(topic) ? { topic, partitions } : undefined;
}

/** Nothing known. */
export const emptyOffsetMap: OffsetMap = { attempts: 0, failures: 0, deaths: 0, resolved: [] };

const PLAIN = 1;
const WITH_ORIGIN = 2;
const ID_BYTES = 8;
// 4,096 is the broker's default for offset.metadata.max.bytes; 3,072 bytes make 4,096 in base64.
const LIMIT = 3_072;
const CRC_BYTES = 4;

/** The metadata for a commit of `offset`; "" where there is nothing to say. The far end is cut to fit. */
export function encodeOffsetMap(
  offset: number,
  { attempts, failures, deaths }: Omit<OffsetMap, "resolved">,
  runs: Iterable<OffsetRun>,
  origin?: Origin,
): string {
  const bytes = origin === undefined ? [PLAIN] : [WITH_ORIGIN];
  if (origin !== undefined) {
    put(bytes, origin.partitions);
    for (let at = 0; at < ID_BYTES * 2; at += 2) bytes.push(Number.parseInt(origin.topic.slice(at, at + 2), 16));
  }
  put(bytes, attempts);
  put(bytes, failures);
  put(bytes, deaths);
  const empty = bytes.length;
  let at = offset;
  for (const { from, to } of runs) {
    const length = bytes.length;
    put(bytes, from - at);
    put(bytes, to - from);
    at = to;
    if (bytes.length > LIMIT - CRC_BYTES) {
      bytes.length = length;
      break;
    }
  }
  if (origin === undefined && bytes.length === empty && attempts === 0 && failures === 0 && deaths === 0) return "";
  const map = new Uint8Array(bytes.length + CRC_BYTES);
  map.set(bytes);
  new DataView(map.buffer).setUint32(bytes.length, checksum(offset, map));
  return btoa(String.fromCharCode(...map));
}

/** Reads a commit's metadata; whatever can't be read is nothing known. */
export function decodeOffsetMap(offset: number, metadata: string): OffsetMap {
  const bytes = decodeBase64(metadata);
  const end = bytes === null ? 0 : bytes.length - CRC_BYTES;
  if (bytes === null || end < 4 || (bytes[0] !== PLAIN && bytes[0] !== WITH_ORIGIN)) return emptyOffsetMap;
  if (new DataView(bytes.buffer).getUint32(end) !== checksum(offset, bytes)) return emptyOffsetMap;
  const reader = { bytes: bytes.subarray(0, end), at: 1 };
  const origin = bytes[0] === WITH_ORIGIN ? takeOrigin(reader) : undefined;
  if (origin === null) return emptyOffsetMap;
  const attempts = take(reader);
  const failures = take(reader);
  const deaths = take(reader);
  if (attempts === null || failures === null || deaths === null) return emptyOffsetMap;
  const resolved: OffsetRun[] = [];
  let at = offset;
  while (reader.at < end) {
    const open = take(reader);
    const done = take(reader);
    if (open === null || done === null || open === 0 || done === 0) return emptyOffsetMap;
    const from = at + open;
    at = from + done;
    if (!Number.isSafeInteger(at)) return emptyOffsetMap;
    resolved.push({ from, to: at });
  }
  const map = { attempts, failures, deaths, resolved };
  return origin === undefined ? map : { ...map, origin };
}

/** Of the offset and of all but the last four bytes. */
function checksum(offset: number, map: Uint8Array): number {
  const bytes = new Uint8Array(8 + map.length - CRC_BYTES);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(offset));
  bytes.set(map.subarray(0, map.length - CRC_BYTES), 8);
  return crc32c(bytes, 0, bytes.length);
}

function put(bytes: number[], value: number): void {
  while (value > 127) {
    bytes.push(value % 128 + 128);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
}

function takeOrigin(reader: { readonly bytes: Uint8Array; at: number }): Origin | null {
  const partitions = take(reader);
  if (partitions === null || reader.at + ID_BYTES > reader.bytes.length) return null;
  const id = reader.bytes.subarray(reader.at, reader.at += ID_BYTES);
  return { topic: Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join(""), partitions };
}

function take(reader: { readonly bytes: Uint8Array; at: number }): number | null {
  let value = 0;
  for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
    if (reader.at >= reader.bytes.length) return null;
    const byte = reader.bytes[reader.at++];
    value += (byte & 127) * factor;
    if (byte < 128) return value;
  }
  return null;
}

function decodeBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null; // another client's metadata
  }
}
