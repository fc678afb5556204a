/**
 * The offset map: which records above the committed offset are resolved already, in the commit's metadata, so that the
 * next owner does not repeat them. It only saves repeats; nothing relies on it. A foreign client's commit erases it.
 *
 * It also tells which topic of that name the offset is one of, and how many partitions that had when the group began: a
 * commit knows topics by their names alone.
 *
 * Bytes, before base64: a version; in version 2 the number of partitions and 8 bytes of the topic's id; in version 3
 * whether these follow, these, the number of keys in quarantine, and of each 8 bytes, the offset it is served up to and how
 * many more there are to the last; attempts, failures and deaths of the record at the committed offset; alternating lengths
 * of unresolved and resolved runs; all as unsigned varints. Then a CRC-32C of the committed offset and of what
 * stands before: other frameworks write base64 as well, and whoever takes theirs for a map loses records.
 * @module
 */
import { crc32c } from "../codec/crc32c.ts";
import type { OffsetRun } from "./frontier.ts";
import type { QuarantinedKey } from "./quarantine.ts";

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
  /** The keys in quarantine, if there are any. */
  readonly quarantined?: ReadonlyArray<QuarantinedKey>;
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
const WITH_QUARANTINE = 3;
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
  quarantined: ReadonlyArray<QuarantinedKey> = [],
): string {
  const bytes = origin === undefined ? [PLAIN] : [WITH_ORIGIN];
  if (quarantined.length > 0) bytes.splice(0, 1, WITH_QUARANTINE, origin === undefined ? 0 : 1);
  if (origin !== undefined) {
    put(bytes, origin.partitions);
    putId(bytes, origin.topic);
  }
  if (quarantined.length > 0) put(bytes, quarantined.length);
  for (const { key, served, last } of quarantined) {
    putId(bytes, key);
    put(bytes, served + 1); // before the first record it is -1
    put(bytes, last - served);
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
  const plain = bytes[0] === PLAIN && bytes.length === empty;
  if (plain && attempts === 0 && failures === 0 && deaths === 0) return "";
  const map = new Uint8Array(bytes.length + CRC_BYTES);
  map.set(bytes);
  new DataView(map.buffer).setUint32(bytes.length, checksum(offset, map));
  return btoa(String.fromCharCode(...map));
}

/** Reads a commit's metadata; whatever can't be read is nothing known. */
export function decodeOffsetMap(offset: number, metadata: string): OffsetMap {
  const bytes = decodeBase64(metadata);
  const end = bytes === null ? 0 : bytes.length - CRC_BYTES;
  if (bytes === null || end < 4 || bytes[0] < PLAIN || bytes[0] > WITH_QUARANTINE) return emptyOffsetMap;
  if (new DataView(bytes.buffer).getUint32(end) !== checksum(offset, bytes)) return emptyOffsetMap;
  const reader = { bytes: bytes.subarray(0, end), at: 1 };
  const placed = bytes[0] === WITH_ORIGIN || (bytes[0] === WITH_QUARANTINE && take(reader) === 1);
  const origin = placed ? takeOrigin(reader) : undefined;
  const quarantined = bytes[0] === WITH_QUARANTINE && origin !== null ? takeKeys(reader) : undefined;
  if (origin === null || quarantined === null) return emptyOffsetMap;
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
  return { ...map, ...(origin !== undefined && { origin }), ...(quarantined !== undefined && { quarantined }) };
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
  return { topic: takeId(reader), partitions };
}

function takeKeys(reader: { readonly bytes: Uint8Array; at: number }): ReadonlyArray<QuarantinedKey> | null {
  const keys: QuarantinedKey[] = [];
  const count = take(reader);
  if (count === null || count === 0) return null;
  for (let left = count; left > 0; left--) {
    if (reader.at + ID_BYTES > reader.bytes.length) return null;
    const key = takeId(reader);
    const [served, more] = [take(reader), take(reader)];
    if (served === null || !more || !Number.isSafeInteger(served + more)) return null;
    keys.push({ key, served: served - 1, last: served - 1 + more });
  }
  return keys;
}

function putId(bytes: number[], id: string): void {
  for (let at = 0; at < ID_BYTES * 2; at += 2) bytes.push(Number.parseInt(id.slice(at, at + 2), 16));
}

function takeId(reader: { readonly bytes: Uint8Array; at: number }): string {
  const id = reader.bytes.subarray(reader.at, reader.at += ID_BYTES);
  return Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("");
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
