/**
 * Zigzag varints as records use them, read with every bound checked.
 * Source: Apache Kafka's documentation, "Message Format" (varint, as in Protocol Buffers).
 * @module
 */

/** Thrown on the way: the caller knows which batch it is about and says so. */
export class Malformed extends Error {
  /** `at` is the position in the bytes that were read. */
  constructor(readonly detail: string, readonly at: number) {
    super(detail);
  }
}

/** Where the last varint ended. One for all, as decoding never suspends: returning two numbers would allocate. */
let cursor = 0;

/** Where the last varint read ended. */
export function varintEnd(): number {
  return cursor;
}

/** A 32-bit varint at `at`, wholly below `end`. Throws Malformed. */
export function readVarint(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) throw new Malformed("varint cut short", at);
  let byte = bytes[at];
  if (byte < 128) {
    cursor = at + 1;
    return (byte >>> 1) ^ -(byte & 1);
  }
  let rest = byte & 127;
  for (let shift = 7;; shift += 7) {
    if (++at >= end) throw new Malformed("varint cut short", at);
    byte = bytes[at];
    if (shift === 28 && byte > 15) throw new Malformed("varint longer than 32 bits", at);
    rest |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  cursor = at + 1;
  return (rest >>> 1) ^ -(rest & 1);
}

/** A 64-bit varint at `at`, wholly below `end`, as a number: exact up to 2^53, rounded beyond. Throws Malformed. */
export function readVarlong(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) throw new Malformed("varint cut short", at);
  let byte = bytes[at];
  if (byte < 128) {
    cursor = at + 1;
    return (byte >>> 1) ^ -(byte & 1);
  }
  // The sign is the lowest bit; what is above it is summed apart, so that a double loses nothing before 2^53.
  const negative = (byte & 1) === 1;
  let magnitude = (byte & 127) >>> 1;
  for (let shift = 7, factor = 64;; shift += 7, factor *= 128) {
    if (++at >= end) throw new Malformed("varint cut short", at);
    byte = bytes[at];
    if (shift === 63 && byte > 1) throw new Malformed("varint longer than 64 bits", at);
    magnitude += (byte & 127) * factor;
    if (byte < 128) break;
  }
  cursor = at + 1;
  return negative ? -magnitude - 1 : magnitude;
}
