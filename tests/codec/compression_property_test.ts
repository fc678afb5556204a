import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { compress, type Compression, compressionCode, decompress } from "../../src/codec/compression.ts";
import { lz4Size } from "../../src/codec/lz4_size.ts";
import { snappySize } from "../../src/codec/snappy_size.ts";
import { CorruptRecordError } from "../../src/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { concat } from "./batch_bytes.ts";
import { lz4Block, lz4Frame, NotABlock, readLz4, readSnappy, type Sequence, snappyBlock } from "./block_bytes.ts";

/** What is read, or null where it is refused as it should be. */
function unless<T>(refusal: typeof NotABlock | typeof CorruptRecordError, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    assert(error instanceof refusal, String(error));
    return null;
  }
}

const length = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 4, max: 24 }) }, {
  weight: 1,
  arbitrary: fc.integer({ min: 25, max: 700 }),
});
const literals = (minLength: number) =>
  fc.oneof(
    { weight: 5, arbitrary: fc.uint8Array({ minLength, maxLength: 24 }) },
    // From two numbers: what is found wrong with a long one becomes short soon.
    {
      weight: 1,
      arbitrary: fc.tuple(fc.nat(255), fc.integer({ min: 50, max: 600 }))
        .map(([first, length]) => Uint8Array.from({ length }, (_, i) => first + i * 7)),
    },
  ).map((bytes) => [...bytes]);
type Sequences = fc.Arbitrary<ReadonlyArray<Sequence>>;
const sequencesWith = (back: fc.Arbitrary<number>): Sequences =>
  fc.array(fc.record({ literals: literals(0), back, length }), { maxLength: 5 });
const right = sequencesWith(fc.nat(70_000));
const wrong = sequencesWith(
  fc.oneof({ weight: 6, arbitrary: fc.nat(70_000) }, { weight: 1, arbitrary: fc.constant(-1) }),
);

/** A byte changed, one left out, two blank (no distance), or the end cut off: at most two of it. */
const damage = fc.array(
  fc.record({
    how: fc.constantFrom("change", "change", "blank", "leave out", "cut"),
    at: fc.nat(400),
    to: fc.oneof(fc.constantFrom(0, 1, 0xff), fc.nat(255)),
  }),
  { maxLength: 2 },
);

function damaged(bytes: Uint8Array, changes: ReadonlyArray<{ how: string; at: number; to: number }>): Uint8Array {
  let all = [...bytes];
  for (const { how, at, to } of changes) {
    const place = at % Math.max(1, all.length);
    if (how === "cut") all = all.slice(0, place);
    else if (how === "leave out") all.splice(place, 1);
    else if (how === "blank") all.fill(0, place, place + 2);
    else all[place] = to;
  }
  return Uint8Array.from(all);
}

const lz4 = (sequences: Sequences) =>
  fc.record({
    linked: fc.boolean(),
    announced: fc.boolean(),
    blocks: fc.array(fc.record({ sequences, last: literals(12), plain: fc.boolean() }), { maxLength: 3 }),
  }).map(({ linked, announced, blocks }) => {
    let size = 0;
    const made = blocks.map(({ sequences, last, plain }) => {
      const bytes = plain ? last : lz4Block(sequences, last, linked ? size : 0);
      // The size so far, from a frame of these blocks alone, is how far the next may reach back.
      size += plain ? last.length : sizeOf(sequences, last, linked ? size : 0);
      return { bytes, plain };
    });
    return lz4Frame({ linked, announced }, size, made);
  });

function sizeOf(sequences: ReadonlyArray<Sequence>, last: ReadonlyArray<number>, history: number): number {
  let out = 0;
  for (const { literals, length } of sequences) {
    if (out + literals.length + history > 0) out += literals.length + length;
  }
  return out + last.length;
}

const readers = [
  {
    name: "lz4Size",
    code: compressionCode("lz4"),
    made: lz4,
    size: lz4Size,
    slow: readLz4,
  },
  {
    name: "snappySize",
    code: compressionCode("snappy"),
    made: (sequences: Sequences) =>
      fc.tuple(sequences, literals(0)).map(([sequences, last]) => snappyBlock(sequences, last)),
    size: (bytes: Uint8Array, limit: number) => snappySize(bytes, 0, bytes.length, limit),
    slow: readSnappy,
  },
];

for (const { name, code, made, size, slow } of readers) {
  Deno.test(`property: ${name} counts what a block made by hand stands for, and decompress gives just that`, () =>
    fc.assert(
      fc.property(made(right), fc.integer({ min: -3, max: 3 }), (bytes, more) => {
        const content = slow(bytes);
        const limit = Math.max(0, content.length + more);
        assertEquals(size(bytes, 1 << 20), content.length);
        assertEquals([...decompress(code, bytes, content.length)], content);
        const counted = unless(CorruptRecordError, () => size(bytes, limit));
        assertEquals(counted, content.length <= limit ? content.length : null);
      }),
      { numRuns: 300 },
    ));

  Deno.test(`property: ${name} refuses a damaged block when it stands for nothing, and only then`, () =>
    fc.assert(
      fc.property(made(right), made(wrong), damage, (bytes, other, changes) => {
        const wrong = damaged(other, changes);
        const content = unless(NotABlock, () => slow(wrong));
        const limit = 1 << 20;
        assertEquals(unless(CorruptRecordError, () => size(wrong, limit)), content?.length ?? null);
        // Checksums are the decompressor's, which may refuse what the count took.
        const out = unless(CorruptRecordError, () => decompress(code, wrong, limit));
        if (out !== null) assertEquals([...out], content);
        assertEquals([...decompress(code, bytes, limit)], slow(bytes), "the next one is read as ever");
      }),
      { numRuns: 400 },
    ));

  Deno.test(`property: ${name} throws nothing but CorruptRecordError on any bytes`, () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(100), (bytes, limit) => {
        for (const all of [bytes, concat([4, 0x22, 0x4d, 0x18, 0x40, 0x40, 0], bytes)]) {
          const found = unless(CorruptRecordError, () => size(all, limit));
          assert(found === null || found <= limit);
        }
      }),
      { numRuns: 500 },
    ));
}

const compressions: ReadonlyArray<Compression> = ["gzip", "snappy", "lz4", "zstd"];
/** Text that repeats, and noise. */
const content = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(40), fc.uint8Array({ maxLength: 300 }))
  .map(([part, times, rest]) => concat(...Array.from({ length: times }, () => part), rest));

for (const compression of compressions) {
  Deno.test(`property: decompress gives ${compression} back at the very size, and refuses it at one byte less`, () =>
    fc.assert(
      fc.property(content, (bytes) => {
        const packed = compress(compression, bytes);
        const code = compressionCode(compression);
        assertEquals([...decompress(code, packed, Math.max(1, bytes.length))], [...bytes]);
        if (bytes.length < 2) return;
        assertThrows(() => decompress(code, packed, bytes.length - 1), CorruptRecordError, "limit");
      }),
      { numRuns: 100 },
    ));
}

Deno.test("property: decompress reads any number of gzip members and zstd frames one after the other", () => {
  const skippable = fc.tuple(fc.nat(15), fc.uint8Array({ maxLength: 20 }))
    .map(([kind, bytes]) => concat([0x50 + kind, 0x2a, 0x4d, 0x18, bytes.length, 0, 0, 0], bytes));
  const maybe = fc.oneof(content, fc.constant(new Uint8Array()));
  const part = fc.record({ content: maybe, skipped: fc.array(skippable, { maxLength: 2 }) });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const all = concat(...parts.map(({ content }) => content));
      const limit = Math.max(1, all.length);
      const gzip = concat(...parts.map(({ content }) => gzipSync(content)));
      assertEquals([...decompress(compressionCode("gzip"), gzip, limit)], [...all]);
      const zstd = concat(...parts.flatMap(({ content, skipped }) => [...skipped, zstdCompressSync(content)]));
      assertEquals([...decompress(compressionCode("zstd"), zstd, limit)], [...all]);
      if (all.length < 2) return;
      assertThrows(() => decompress(compressionCode("zstd"), zstd, all.length - 1), CorruptRecordError, "limit");
    }),
    { numRuns: 60 },
  );
});
