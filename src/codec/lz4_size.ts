/**
 * What an LZ4 frame decompresses to, found by walking its blocks without copying anything. The decompressor behind it
 * knows no limit, and traps on wrong bytes: only what this walk has accepted is handed to it.
 * Source: lz4/lz4, "LZ4 Frame Format Description" 1.6 and "LZ4 Block Format Description".
 * @module
 */
import { CorruptRecordError } from "../errors.ts";

const MAGIC = 0x184d2204;
const WINDOW = 65536;

function corrupt(detail: string, at: number): CorruptRecordError {
  return new CorruptRecordError(`lz4: ${detail}`, at);
}

/**
 * The size of a frame once decompressed, in bytes. Throws CorruptRecordError when it is not one well-formed frame or
 * its size is above `limit`. The checksums in the frame are left to the decompressor.
 */
export function lz4Size(bytes: Uint8Array, limit: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 7 || view.getUint32(0, true) !== MAGIC) throw corrupt("no frame", 0);
  const flags = bytes[4];
  if (flags >>> 6 !== 1) throw corrupt(`version ${flags >>> 6}`, 4);
  const linked = (flags & 0x20) === 0;
  const blockChecksum = (flags & 0x10) === 0 ? 0 : 4;
  const contentChecksum = (flags & 0x04) === 0 ? 0 : 4;
  if ((flags & 0x03) !== 0) throw corrupt("a dictionary or a reserved flag", 4);
  const sizeCode = (bytes[5] >>> 4) & 7;
  if (sizeCode < 4 || (bytes[5] & 0x8f) !== 0) throw corrupt("block size", 5);
  const maxBlock = 1 << (8 + 2 * sizeCode);
  let at = 6;
  let announced = -1;
  if ((flags & 0x08) !== 0) {
    if (bytes.length < 15) throw corrupt("header cut short", at);
    announced = view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296;
    at += 8;
  }
  at++; // the header's checksum
  let size = 0;
  for (;;) {
    if (at + 4 > bytes.length) throw corrupt("block cut short", at);
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const length = word & 0x7fffffff;
    if (length > maxBlock || at + length + blockChecksum > bytes.length) throw corrupt(`block length ${length}`, at);
    const plain = word >= 0x80000000;
    size += plain ? length : blockSize(bytes, at, at + length, linked ? Math.min(size, WINDOW) : 0, maxBlock);
    if (size > limit) throw corrupt(`more bytes than the limit of ${limit}`, at);
    at += length + blockChecksum;
  }
  at += contentChecksum;
  if (at !== bytes.length) throw corrupt(at > bytes.length ? "checksum cut short" : "bytes behind the frame", at);
  if (announced >= 0 && announced !== size) throw corrupt(`${size} bytes where ${announced} were announced`, 6);
  return size;
}

/** The size of one compressed block; `history` bytes before it may be referred to. */
function blockSize(bytes: Uint8Array, start: number, end: number, history: number, max: number): number {
  let at = start;
  let out = 0;
  for (;;) {
    if (at >= end) throw corrupt("block cut short", at);
    const token = bytes[at++];
    let literals = token >>> 4;
    if (literals === 15) {
      let byte: number;
      do {
        if (at >= end) throw corrupt("literal length cut short", at);
        byte = bytes[at++];
        literals += byte;
      } while (byte === 255);
    }
    at += literals;
    out += literals;
    if (at > end) throw corrupt("literals cut short", at - literals);
    if (out > max) throw corrupt("block larger than its frame allows", at);
    if (at === end) return out; // a block ends with literals
    if (at + 2 > end) throw corrupt("match cut short", at);
    const offset = bytes[at] | (bytes[at + 1] << 8);
    if (offset === 0 || offset > out + history) throw corrupt("match offset", at);
    at += 2;
    let length = token & 15;
    if (length === 15) {
      let byte: number;
      do {
        if (at >= end) throw corrupt("match length cut short", at);
        byte = bytes[at++];
        length += byte;
      } while (byte === 255);
    }
    out += length + 4;
    if (out > max) throw corrupt("block larger than its frame allows", at);
  }
}
