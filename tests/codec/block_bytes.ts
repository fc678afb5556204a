/**
 * Compressed blocks made by hand, and readers of them that are as slow and plain as possible: they build what the block
 * stands for byte by byte, so that what is only counted elsewhere can be compared.
 * @module
 */

/** A copy of what went before, which comes after some literal bytes. */
export interface Sequence {
  /** Bytes that stand for themselves. */
  readonly literals: ReadonlyArray<number>;
  /** Any number from 0 on: made a distance that exists. -1: the distance 0, which is none. */
  readonly back: number;
  /** Bytes copied. */
  readonly length: number;
}

/** How an LZ4 frame begins. */
export interface Lz4Options {
  /** Whether blocks may refer to earlier ones. */
  readonly linked: boolean;
  /** Whether the header says the size. */
  readonly announced: boolean;
}

/** Thrown by the slow readers: the bytes are no block. */
export class NotABlock extends Error {}

/** A cursor that ends where it is told to. */
class Bytes {
  constructor(readonly all: Uint8Array, public at: number, readonly end: number) {}

  get left(): number {
    return this.end - this.at;
  }

  take(count: number): number[] {
    if (count > this.left) throw new NotABlock();
    return [...this.all.subarray(this.at, this.at += count)];
  }

  /** Little-endian. */
  number(width: number): number {
    return this.take(width).reduceRight((value, byte) => value * 256 + byte, 0);
  }
}

function copy(out: number[], back: number, length: number, oldest: number): void {
  if (back === 0 || back > out.length - oldest) throw new NotABlock();
  for (let i = 0; i < length; i++) out.push(out[out.length - back]);
}

/** A number of `width` bytes, little-endian. */
function little(value: number, width: number): number[] {
  return Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

/** What follows a nibble of 15. */
function lz4Length(value: number): number[] {
  return value < 15 ? [] : [...new Array(Math.floor((value - 15) / 255)).fill(255), (value - 15) % 255];
}

/** One LZ4 block: the sequences, then literals. Matches reach into `history` bytes before it. */
export function lz4Block(sequences: ReadonlyArray<Sequence>, last: ReadonlyArray<number>, history: number): number[] {
  const bytes: number[] = [];
  let out = 0;
  for (const { literals, back, length } of sequences) {
    out += literals.length;
    const reach = Math.min(out + history, 65_535);
    if (reach === 0) continue;
    bytes.push((Math.min(literals.length, 15) << 4) | Math.min(length - 4, 15), ...lz4Length(literals.length));
    bytes.push(...literals, ...little(1 + back % reach, 2), ...lz4Length(length - 4));
    out += length;
  }
  return [...bytes, Math.min(last.length, 15) << 4, ...lz4Length(last.length), ...last];
}

/** An LZ4 frame of blocks of at most 64 KiB, with the header's checksum right. */
export function lz4Frame(
  options: Lz4Options,
  size: number,
  blocks: ReadonlyArray<{ readonly bytes: ReadonlyArray<number>; readonly plain: boolean }>,
): Uint8Array {
  const descriptor = [
    0x40 | (options.linked ? 0 : 0x20) | (options.announced ? 0x08 : 0),
    0x40,
    ...options.announced ? little(size, 8) : [],
  ];
  const body = blocks.flatMap(({ bytes, plain }) => [...little(bytes.length + (plain ? 2 ** 31 : 0), 4), ...bytes]);
  return Uint8Array.from([4, 0x22, 0x4d, 0x18, ...descriptor, (xxh32(descriptor) >>> 8) & 255, ...body, 0, 0, 0, 0]);
}

/** xxHash32 with seed 0 of fewer than 16 bytes. */
function xxh32(bytes: ReadonlyArray<number>): number {
  const turn = (value: number, bits: number) => (value << bits) | (value >>> (32 - bits));
  let hash = (0x165667b1 + bytes.length) | 0;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4).reduceRight((value, byte) => value * 256 + byte, 0);
    hash = Math.imul(turn((hash + Math.imul(word, 0xc2b2ae3d)) | 0, 17), 0x27d4eb2f);
  }
  for (; at < bytes.length; at++) {
    hash = Math.imul(turn((hash + Math.imul(bytes[at], 0x165667b1)) | 0, 11), 0x9e3779b1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae3d);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** What an LZ4 frame stands for; its checksums are passed over. */
export function readLz4(bytes: Uint8Array): number[] {
  const all = new Bytes(bytes, 0, bytes.length);
  if (all.number(4) !== 0x184d2204) throw new NotABlock();
  const [flags, sizes] = all.take(2);
  const bit = (n: number) => (flags >> n) % 2 === 1;
  const largest = 4 ** ((sizes >> 4) + 4); // code 4 is 64 KiB, each further one four times that
  const reserved = bit(7) || !bit(6) || bit(1) || bit(0) || sizes % 16 > 0 || sizes >= 128 || sizes < 64;
  if (reserved) throw new NotABlock();
  const announced = bit(3) ? all.number(8) : null;
  all.take(1);
  const out: number[] = [];
  for (;;) {
    const word = all.number(4);
    if (word === 0) break;
    const length = word % 2 ** 31;
    if (length > largest) throw new NotABlock();
    const before = out.length;
    const end = all.at + length;
    if (word >= 2 ** 31) out.push(...all.take(length));
    else {
      all.take(length);
      readLz4Block(new Bytes(bytes, end - length, end), out, bit(5) ? before : Math.max(0, before - 65_536));
    }
    if (out.length - before > largest) throw new NotABlock();
    if (bit(4)) all.take(4);
  }
  if (bit(2)) all.take(4);
  if (all.left > 0 || (announced !== null && announced !== out.length)) throw new NotABlock();
  return out;
}

function readLz4Block(block: Bytes, out: number[], oldest: number): void {
  const length = (nibble: number) => {
    if (nibble < 15) return nibble;
    for (let sum = 15;;) {
      const byte = block.number(1);
      sum += byte;
      if (byte < 255) return sum;
    }
  };
  for (;;) {
    const token = block.number(1);
    out.push(...block.take(length(token >> 4)));
    if (block.left === 0) return;
    const back = block.number(2);
    copy(out, back, length(token % 16) + 4, oldest);
  }
}

/** One Snappy block. Which of the forms that fit a literal or a copy has is chosen by its numbers. */
export function snappyBlock(sequences: ReadonlyArray<Sequence>, last: ReadonlyArray<number>): Uint8Array {
  const body: number[] = [];
  let out = 0;
  const literal = (bytes: ReadonlyArray<number>, choice: number) => {
    if (bytes.length === 0) return;
    const length = bytes.length - 1;
    const least = length < 60 ? 0 : length < 256 ? 1 : 2;
    const width = least + Math.abs(choice) % (5 - least);
    body.push(width === 0 ? length << 2 : (59 + width) << 2, ...little(length, width), ...bytes);
    out += bytes.length;
  };
  for (const { literals, back, length } of sequences) {
    literal(literals, back);
    if (out === 0) continue;
    const offset = 1 + back % Math.min(out, 65_535);
    const count = 1 + (length - 1) % 64;
    if (count >= 4 && count <= 11 && offset < 2_048) {
      body.push(1 | ((count - 4) << 2) | ((offset >> 8) << 5), offset & 255);
    } else if (back % 2 === 0) body.push(2 | ((count - 1) << 2), ...little(offset, 2));
    else body.push(3 | ((count - 1) << 2), ...little(offset, 4));
    out += count;
  }
  literal(last, 0);
  const size: number[] = [];
  for (let rest = out;; rest = Math.floor(rest / 128)) {
    size.push(rest % 128 + (rest > 127 ? 128 : 0));
    if (rest <= 127) break;
  }
  return Uint8Array.from([...size, ...body]);
}

/** What a Snappy block stands for. */
export function readSnappy(bytes: Uint8Array): number[] {
  const all = new Bytes(bytes, 0, bytes.length);
  let size = 0;
  for (let i = 0, more = true; more; i++) {
    if (i === 5) throw new NotABlock();
    const byte = all.number(1);
    size += (byte % 128) * 128 ** i;
    more = byte >= 128;
  }
  const out: number[] = [];
  while (all.left > 0) {
    const tag = all.number(1);
    const upper = tag >> 2;
    const kind = tag % 4;
    if (kind === 0) out.push(...all.take(1 + (upper < 60 ? upper : all.number(upper - 59))));
    else if (kind === 1) copy(out, (upper >> 3) * 256 + all.number(1), 4 + upper % 8, 0);
    else copy(out, all.number(kind === 2 ? 2 : 4), 1 + upper, 0);
  }
  if (out.length !== size) throw new NotABlock();
  return out;
}
