/**
 * What a block of Snappy decompresses to, found by walking its tags without copying anything. The decompressor behind
 * it traps on wrong bytes and gives the memory it held never back: only what this walk has accepted is handed to it.
 * Source: google/snappy, "Snappy compressed format description".
 * @module
 */
import { CorruptRecordError } from "../errors.ts";

function corrupt(detail: string, at: number): CorruptRecordError {
  return new CorruptRecordError(`snappy: ${detail}`, at);
}

/**
 * The size of the block from `start` to `end` once decompressed, in bytes. Throws CorruptRecordError when the block is
 * not well-formed or its size is above `limit`.
 */
export function snappySize(bytes: Uint8Array, start: number, end: number, limit: number): number {
  let at = start;
  let size = 0;
  for (let factor = 1;; factor *= 128) {
    if (at >= end || factor > 2 ** 28) throw corrupt("length", at);
    const byte = bytes[at++];
    size += (byte & 127) * factor;
    if (byte < 128) break;
  }
  if (size > limit) throw corrupt(`${size} bytes are more than the limit of ${limit}`, start);
  let out = 0;
  while (at < end) {
    const tag = bytes[at++];
    const kind = tag & 3;
    if (kind === 0) {
      let length = (tag >>> 2) + 1;
      if (length > 60) {
        const width = length - 60;
        if (at + width > end) throw corrupt("literal cut short", at);
        length = 1;
        for (let i = 0, factor = 1; i < width; i++, factor *= 256) length += bytes[at + i] * factor;
        at += width;
      }
      at += length;
      out += length;
      if (at > end) throw corrupt("literal cut short", at - length);
    } else {
      const width = kind === 3 ? 4 : kind;
      if (at + width > end) throw corrupt("copy cut short", at);
      let offset: number;
      if (kind === 1) {
        offset = ((tag >>> 5) << 8) | bytes[at];
        out += ((tag >>> 2) & 7) + 4;
        if (offset === 0 || offset > out - ((tag >>> 2) & 7) - 4) throw corrupt("copy offset", at);
      } else {
        offset = bytes[at] | (bytes[at + 1] << 8);
        if (kind === 3) offset += bytes[at + 2] * 65536 + bytes[at + 3] * 16777216;
        if (offset === 0 || offset > out) throw corrupt("copy offset", at);
        out += (tag >>> 2) + 1;
      }
      at += width;
    }
    if (out > size) throw corrupt("more bytes than announced", at);
  }
  if (out !== size) throw corrupt("fewer bytes than announced", at);
  return size;
}
