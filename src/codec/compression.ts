/**
 * The four compressions of record batches, all synchronous: gzip and zstd by the runtime, snappy and lz4 by WebAssembly.
 * @module
 */
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { lz4Compress, lz4Decompress, snappyCompress, snappyDecompress } from "@platformatic/wasm-utils/bundled";
import { CorruptRecordError } from "../errors.ts";
import { lz4Size } from "./lz4_size.ts";
import { snappySize } from "./snappy_size.ts";
import { zstdFrames } from "./zstd_frames.ts";

/** How the records of a batch are compressed. */
export type Compression = "none" | "gzip" | "snappy" | "lz4" | "zstd";

const codes: Readonly<Record<Compression, number>> = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 };

/** A compression's number in a batch's attributes. */
export function compressionCode(compression: Compression): number {
  return codes[compression];
}

/** Compresses `bytes`; "none" answers them as they are. */
export function compress(compression: Compression, bytes: Uint8Array): Uint8Array {
  switch (compression) {
    case "none":
      return bytes;
    case "gzip":
      return gzipSync(bytes);
    case "snappy":
      return snappyCompress(asBuffer(bytes));
    case "lz4":
      return lz4Compress(asBuffer(bytes));
    case "zstd":
      return zstdCompressSync(bytes);
  }
}

/**
 * Decompresses what attributes with `code` announce. Throws CorruptRecordError (with the position in `bytes`) on an
 * unknown code, on malformed bytes, and when the result would be above `limit` bytes, before that much is allocated.
 */
export function decompress(code: number, bytes: Uint8Array, limit: number): Uint8Array {
  switch (code) {
    case 0:
      return bytes;
    case 1:
      return guarded("gzip", limit, () => gunzipSync(bytes, { maxOutputLength: limit }));
    case 2:
      return isXerial(bytes) ? xerial(bytes, limit) : snappy(bytes, 0, bytes.length, limit);
    case 3:
      lz4Size(bytes, limit);
      return guarded("lz4", limit, () => lz4Decompress(asBuffer(bytes)));
    case 4:
      return zstd(bytes, limit);
    default:
      throw new CorruptRecordError(`unknown compression ${code}`, 0);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

function guarded(name: string, limit: number, run: () => Uint8Array): Uint8Array {
  try {
    return run();
  } catch (cause) {
    const tooLarge = cause instanceof RangeError;
    const detail = tooLarge
      ? `more bytes than the limit of ${limit}`
      : String(cause instanceof Error ? cause.message : cause);
    throw new CorruptRecordError(`${name}: ${detail}`, 0, undefined, { cause });
  }
}

function zstd(bytes: Uint8Array, limit: number): Uint8Array {
  let size = 0;
  const allow = (more: number) => {
    if (size + more > limit) throw new CorruptRecordError(`zstd: more bytes than the limit of ${limit}`, 0);
  };
  const parts = zstdFrames(bytes).map((frame) => {
    allow(frame.size);
    // A decompressor takes no limit of 0, and an empty frame may follow where no byte is left.
    const maxOutputLength = Math.max(1, limit - size);
    const part = guarded("zstd", limit, () => zstdDecompressSync(frame.bytes, { maxOutputLength }));
    allow(part.length);
    size += part.length;
    return part;
  });
  return parts.length === 1 ? parts[0] : Buffer.concat(parts, size);
}

function snappy(bytes: Uint8Array, start: number, end: number, limit: number): Uint8Array {
  snappySize(bytes, start, end, limit);
  return guarded("snappy", limit, () => snappyDecompress(asBuffer(bytes.subarray(start, end))));
}

/** What Java's snappy streams begin with; version and compatible version follow, 4 bytes each, then the chunks. */
const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const XERIAL_HEADER = 16;

function isXerial(bytes: Uint8Array): boolean {
  return bytes.length >= XERIAL_HEADER && XERIAL.every((byte, i) => bytes[i] === byte);
}

function xerial(bytes: Uint8Array, limit: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Array<Uint8Array> = [];
  let size = 0;
  for (let at = XERIAL_HEADER; at < bytes.length;) {
    if (at + 4 > bytes.length) throw new CorruptRecordError("snappy: chunk cut short", at);
    const length = view.getInt32(at);
    at += 4;
    if (length <= 0 || at + length > bytes.length) throw new CorruptRecordError(`snappy: chunk of ${length} bytes`, at);
    const chunk = snappy(bytes, at, at + length, limit - size);
    size += chunk.length;
    chunks.push(chunk);
    at += length;
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size);
}
