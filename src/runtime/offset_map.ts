/**
 * The offset map: which records above the committed offset are resolved already, in the commit's metadata, so that the
 * next owner does not repeat them. It only saves repeats; nothing relies on it. A foreign client's commit erases it.
 *
 * Bytes, before base64: a version, the attempts of the record at the committed offset, how often a process died with
 * that record at the frontier, then alternating lengths of unresolved and resolved runs, all as unsigned varints.
 * @module
 */
import type { OffsetRun } from "./frontier.ts";

/** What the metadata of a commit says. */
export interface OffsetMap {
  /** How often `receive` was called with the record at the committed offset. */
  readonly attempts: number;
  /** How often a process ended without a goodbye while that record was the oldest. */
  readonly deaths: number;
  /** Resolved runs above the committed offset, in order. */
  readonly resolved: ReadonlyArray<OffsetRun>;
}

/** Nothing known. */
export const emptyOffsetMap: OffsetMap = { attempts: 0, deaths: 0, resolved: [] };

const VERSION = 1;
// 4,096 is the broker's default for offset.metadata.max.bytes; 3,072 bytes make 4,096 in base64.
const LIMIT = 3_072;

/** The metadata for a commit of `offset`; "" where there is nothing to say. The far end is cut to fit. */
export function encodeOffsetMap(offset: number, attempts: number, deaths: number, runs: Iterable<OffsetRun>): string {
  const bytes = [VERSION];
  put(bytes, attempts);
  put(bytes, deaths);
  const empty = bytes.length;
  let at = offset;
  for (const { from, to } of runs) {
    const length = bytes.length;
    put(bytes, from - at);
    put(bytes, to - from);
    at = to;
    if (bytes.length > LIMIT) {
      bytes.length = length;
      break;
    }
  }
  return bytes.length === empty && attempts === 0 && deaths === 0 ? "" : encodeBase64(Uint8Array.from(bytes));
}

/** Reads a commit's metadata; whatever can't be read is nothing known. */
export function decodeOffsetMap(offset: number, metadata: string): OffsetMap {
  const bytes = decodeBase64(metadata);
  if (bytes === null || bytes.length < 3 || bytes[0] !== VERSION) return emptyOffsetMap;
  const reader = { bytes, at: 1 };
  const attempts = take(reader);
  const deaths = take(reader);
  if (attempts === null || deaths === null) return emptyOffsetMap;
  const resolved: OffsetRun[] = [];
  let at = offset;
  while (reader.at < bytes.length) {
    const open = take(reader);
    const done = take(reader);
    if (open === null || done === null || done === 0) return emptyOffsetMap;
    const from = at + open;
    at = from + done;
    if (!Number.isSafeInteger(at)) return emptyOffsetMap;
    resolved.push({ from, to: at });
  }
  return { attempts, deaths, resolved };
}

function put(bytes: number[], value: number): void {
  while (value > 127) {
    bytes.push(value % 128 + 128);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
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

function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function decodeBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null; // another client's metadata
  }
}
