import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { compress, type Compression, compressionCode, decompress } from "../../src/codec/compression.ts";
import { CorruptRecordError } from "../../src/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { concat, utf8 } from "./batch_bytes.ts";

const all: ReadonlyArray<Compression> = ["none", "gzip", "snappy", "lz4", "zstd"];
const text = utf8("a record is a record is a record; ".repeat(4000));
const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1];

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 24);
}

/** Chunks as Java's snappy stream writes them. */
function xerial(...chunks: ReadonlyArray<Uint8Array>): Uint8Array {
  return concat(
    XERIAL,
    ...chunks.flatMap((chunk) => {
      const packed = compress("snappy", chunk);
      const length = new Uint8Array(4);
      new DataView(length.buffer).setInt32(0, packed.length);
      return [length, packed];
    }),
  );
}

for (const compression of all) {
  Deno.test(`decompress gives back what compress was given (${compression})`, () => {
    const code = compressionCode(compression);
    for (const bytes of [new Uint8Array(0), utf8("x"), text, noise(300_000), text.subarray(5, 70_000)]) {
      assert(same(decompress(code, compress(compression, bytes), bytes.length + 1), bytes));
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(50), (bytes, times) => {
      const repeated = concat(...Array.from({ length: times }, () => bytes.subarray(0, 200)), bytes);
      return same(decompress(code, compress(compression, repeated), 1 << 20), repeated);
    }));
  });
}

for (const compression of all.slice(1)) {
  const code = compressionCode(compression);

  Deno.test(`decompress refuses one byte more than the limit (${compression})`, () => {
    assert(same(decompress(code, compress(compression, text), text.length), text));
    assertThrows(
      () => decompress(code, compress(compression, text), text.length - 1),
      CorruptRecordError,
      "limit",
    );
  });

  Deno.test(`decompress refuses a bomb (${compression})`, () => {
    const bomb = compress(compression, new Uint8Array(64 << 20));
    assert(bomb.length < 4 << 20);
    assertThrows(() => decompress(code, bomb, 1 << 20), CorruptRecordError, "limit");
  });

  Deno.test(`decompress throws nothing but CorruptRecordError on damaged bytes (${compression})`, () => {
    const packed = compress(compression, concat(text.subarray(0, 3000), noise(500), text.subarray(0, 3000)));
    let refused = 0;
    const attempt = (bytes: Uint8Array) => {
      try {
        assert(decompress(code, bytes, 1 << 20).length <= 1 << 20);
      } catch (error) {
        assert(error instanceof CorruptRecordError, String(error));
        refused++;
      }
    };
    for (let i = 0; i < packed.length; i++) {
      attempt(packed.subarray(0, i));
      const flipped = packed.slice();
      flipped[i] ^= 1 << (i & 7);
      attempt(flipped);
    }
    assert(refused > packed.length);
  });
}

Deno.test("decompress reads what other writers make of gzip and zstd", () => {
  assert(same(decompress(1, concat(gzipSync(utf8("two ")), gzipSync(utf8("members"))), 100), utf8("two members")));
  assert(same(decompress(4, zstdCompressSync(text), text.length), text));
});

Deno.test("decompress reads each frame of zstd, and refuses what is cut short or follows it", () => {
  const frame = (content: string) => new Uint8Array(zstdCompressSync(utf8(content)));
  const skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];
  const two = concat(frame("two "), skippable, frame("frames"));
  assert(same(decompress(4, two, 10), utf8("two frames")));
  assertThrows(() => decompress(4, two, 9), CorruptRecordError, "limit of 9");
  const one = frame("one ".repeat(1000));
  for (let end = 0; end < one.length; end++) {
    assertThrows(() => decompress(4, one.subarray(0, end), 1 << 20), CorruptRecordError, "zstd: ");
  }
  assertThrows(() => decompress(4, concat(one, utf8("and more")), 1 << 20), CorruptRecordError, "behind the frame");
  assertThrows(() => decompress(4, concat(one, skippable.slice(0, -1)), 1 << 20), CorruptRecordError, "cut short");
  // A frame by hand: its size in the header, one block that is not compressed.
  const raw = (size: number, ...block: ReadonlyArray<number>) => concat([0x28, 0xb5, 0x2f, 0xfd, 0x20, size], block);
  assertEquals([...decompress(4, raw(2, 0x11, 0, 0, 7, 8), 100)], [7, 8]);
  assertThrows(() => decompress(4, raw(200, 0x11, 0, 0, 7, 8), 100), CorruptRecordError, "limit of 100");
  assertThrows(() => decompress(4, raw(3, 0x11, 0, 0, 7, 8), 100), CorruptRecordError, "zstd: ");
  assertThrows(() => decompress(4, raw(2, 0x17, 0, 0, 7, 8), 100), CorruptRecordError, "zstd: block");
  assertThrows(() => decompress(4, raw(2, 0x10, 0, 0, 7, 8), 100), CorruptRecordError, "block cut short");
});

Deno.test("decompress checks the checksums in an lz4 frame", () => {
  // What `lz4 -B4 -BX` makes of forty bytes: block checksums and a content checksum.
  const frame = Uint8Array.fromHex(
    "04224d187440bd14000000af68656c6c6f206c7a34200a000650206c7a3420bfa5fd42000000000b4384cc",
  );
  assert(same(decompress(3, frame, 100), utf8("hello lz4 ".repeat(4))));
  for (const at of [frame.length - 1, frame.length - 9]) {
    const damaged = frame.slice();
    damaged[at] ^= 1;
    assertThrows(() => decompress(3, damaged, 100), CorruptRecordError, "lz4");
  }
});

Deno.test("decompress reads xerial-framed snappy", () => {
  assert(same(decompress(2, xerial(text), text.length), text));
  assert(
    same(decompress(2, xerial(text.subarray(0, 33), text.subarray(33, 70_000), text.subarray(70_000)), 1 << 20), text),
  );
  assertEquals(decompress(2, concat(XERIAL), 100).length, 0);
});

Deno.test("decompress refuses malformed xerial framing", () => {
  const good = xerial(text, text);
  assertThrows(() => decompress(2, good, text.length * 2 - 1), CorruptRecordError, "limit");
  assertThrows(() => decompress(2, good.subarray(0, good.length - 1), 1 << 20), CorruptRecordError, "chunk of");
  assertThrows(() => decompress(2, concat(good, [0, 0]), 1 << 20), CorruptRecordError, "cut short");
  assertThrows(() => decompress(2, concat(good, [255, 255, 255, 255]), 1 << 20), CorruptRecordError, "chunk of -1");
});

Deno.test("decompress refuses a snappy block that lies about its length", () => {
  const literal = (length: ReadonlyArray<number>) => concat(length, [0x08], utf8("abc"));
  assertEquals(decompress(2, literal([3]), 100).length, 3);
  assertThrows(() => decompress(2, literal([2]), 100), CorruptRecordError, "more bytes than announced");
  assertThrows(() => decompress(2, literal([4]), 100), CorruptRecordError, "fewer bytes than announced");
  assertThrows(() => decompress(2, literal([255, 255, 255, 255, 15]), 1000), CorruptRecordError, "limit");
  assertThrows(() => decompress(2, literal([255, 255, 255, 255, 255, 1]), 1000), CorruptRecordError, "length");
  assertThrows(
    () => decompress(2, concat([9], [0x08], utf8("abc"), [0x01, 4]), 1000),
    CorruptRecordError,
    "copy offset",
  );
});

Deno.test("decompress refuses an lz4 frame that lies about itself", () => {
  // A frame by hand: version 1, independent blocks of at most 64 KiB, one block that is not compressed.
  const frame = (flags: number, size: number, ...rest: ReadonlyArray<ReadonlyArray<number>>) =>
    concat([0x04, 0x22, 0x4d, 0x18, flags, size, 0], ...rest);
  const block = [3, 0, 0, 0x80, 1, 2, 3];
  const end = [0, 0, 0, 0];
  assertThrows(() => decompress(3, frame(0x60, 0x40, block), 100), CorruptRecordError, "block cut short");
  assertThrows(() => decompress(3, frame(0x60, 0x40, block, end, [0]), 100), CorruptRecordError, "behind the frame");
  assertThrows(() => decompress(3, frame(0x64, 0x40, block, end), 100), CorruptRecordError, "checksum cut short");
  assertThrows(() => decompress(3, frame(0x61, 0x40, block, end), 100), CorruptRecordError, "dictionary");
  assertThrows(() => decompress(3, frame(0xa0, 0x40, block, end), 100), CorruptRecordError, "version");
  assertThrows(() => decompress(3, frame(0x60, 0x30, block, end), 100), CorruptRecordError, "block size");
  assertThrows(() => decompress(3, frame(0x60, 0x40, [1, 0, 1, 0x80]), 1 << 20), CorruptRecordError, "block length");
  // Ten literals and a match that reaches back before them.
  const match = [14, 0, 0, 0, 0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 0];
  assertThrows(() => decompress(3, frame(0x60, 0x40, match, end), 100), CorruptRecordError, "match offset");
  assertThrows(() => decompress(3, frame(0x60, 0x40, block, end), 2), CorruptRecordError, "limit");
  assertThrows(() => decompress(3, utf8("not a frame"), 100), CorruptRecordError, "no frame");
  const packed = compress("lz4", text).slice();
  packed[6] ^= 1;
  assertThrows(() => decompress(3, packed, 1 << 20), CorruptRecordError, "lz4");
});

Deno.test("decompress refuses a compression it does not know", () => {
  for (const code of [5, 6, 7]) {
    assertThrows(() => decompress(code, text, 10), CorruptRecordError, "unknown compression");
  }
});
