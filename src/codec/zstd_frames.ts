/**
 * Where the frames of Zstandard data begin and end, found by walking their blocks. The decompressor behind it stops
 * without a word at the end of the first frame and where a frame is cut short.
 * Source: RFC 8878, "Zstandard Compression", section 3.
 * @module
 */
import { CorruptRecordError } from "../errors.ts";
import { viewOf } from "./batch_header.ts";

const MAGIC = 0xfd2fb528;
/** The magic of a frame that holds no data; its last four bits may be any. */
const SKIPPABLE = 0x184d2a50;
const MAX_BLOCK = 128 * 1024;

/** One frame with data. */
export interface ZstdFrame {
  /** Its bytes. */
  readonly bytes: Uint8Array;
  /** What it says it decompresses to, in bytes; -1 where it does not say so. */
  readonly size: number;
}

function corrupt(detail: string, at: number): CorruptRecordError {
  return new CorruptRecordError(`zstd: ${detail}`, at);
}

/** All frames with data. Throws CorruptRecordError where there is anything but whole frames, or none at all. */
export function zstdFrames(bytes: Uint8Array): ReadonlyArray<ZstdFrame> {
  const view = viewOf(bytes);
  const frames: Array<ZstdFrame> = [];
  for (let at = 0; at < bytes.length || frames.length === 0;) {
    const magic = at + 8 <= bytes.length ? view.getUint32(at, true) : 0;
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      const end = at + 8 + view.getUint32(at + 4, true);
      if (end > bytes.length) throw corrupt("frame cut short", at);
      at = end;
      continue;
    }
    if (magic !== MAGIC) throw corrupt(frames.length === 0 ? "no frame" : "bytes behind the frame", at);
    const descriptor = bytes[at + 4];
    if ((descriptor & 0x08) !== 0) throw corrupt("a reserved flag", at + 4);
    const single = (descriptor & 0x20) !== 0;
    const dictionary = [0, 1, 2, 4][descriptor & 3];
    const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >>> 6];
    let end = at + 5 + (single ? 0 : 1) + dictionary;
    if (end + sizeBytes > bytes.length) throw corrupt("frame cut short", at);
    const size = contentSize(view, end, sizeBytes);
    end += sizeBytes;
    for (let last = false; !last;) {
      if (end + 3 > bytes.length) throw corrupt("block cut short", end);
      const header = bytes[end] | (bytes[end + 1] << 8) | (bytes[end + 2] << 16);
      last = (header & 1) === 1;
      const type = (header >>> 1) & 3;
      const length = header >>> 3;
      if (type === 3 || length > MAX_BLOCK) throw corrupt("block", end);
      end += 3 + (type === 1 ? 1 : length);
    }
    if ((descriptor & 0x04) !== 0) end += 4; // a checksum
    if (end > bytes.length) throw corrupt("block cut short", at);
    frames.push({ bytes: bytes.subarray(at, end), size });
    at = end;
  }
  return frames;
}

function contentSize(view: DataView, at: number, width: number): number {
  switch (width) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296;
    default:
      return -1;
  }
}
