import { decodeRecords, type Records } from "../../src/codec/batch_decoder.ts";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import { scanBatches, setBaseOffset } from "../../src/codec/batch_header.ts";
import type { Compression } from "../../src/codec/compression.ts";
import { CorruptRecordError } from "../../src/errors.ts";
import { assert, assertEquals } from "../assert.ts";
import { batchBytes, concat, marker, utf8 } from "./batch_bytes.ts";

const MUTATIONS = 20_000;
const ABORTED = [{ producerId: 9n, firstOffset: 10 }];

/** A small seeded generator (xorshift32): whole numbers below `bound`. */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

function encoded(
  baseOffset: number,
  compression: Compression,
  count: number,
  random: (bound: number) => number,
): Uint8Array {
  const encoder = new BatchEncoder(1_700_000_000_000);
  for (let i = 0; i < count; i++) {
    const value = Uint8Array.from({ length: random(60) }, () => 97 + random(4));
    const headers = random(3) === 0 ? [["trace", utf8(`${random(1000)}`)], ["trace", null]] as const : [];
    encoder.add(
      random(5) === 0 ? null : `key-${random(50)}`,
      random(9) === 0 ? null : value,
      headers,
      1_700_000_000_000 + random(99),
    );
  }
  const batch = encoder.finish({ producerId: 4n, producerEpoch: 0, baseSequence: 0, compression }).slice();
  setBaseOffset(batch, 0, baseOffset, 1);
  return batch;
}

/** Chunks of every kind: each compression, transactions, control and empty batches, a compacted tail. */
function seeds(random: (bound: number) => number): Array<Uint8Array> {
  const kinds = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
  const chunks = kinds.map((kind) => concat(encoded(3, kind, 12, random), encoded(20, kind, 5, random)));
  chunks.push(concat(...kinds.map((kind, i) => encoded(i * 10, kind, 6, random))));
  const transactional = { attributes: 0x10, producerId: 9n, records: [{ value: "a" }, { value: "b" }] };
  chunks.push(concat(
    batchBytes({ baseOffset: 0, records: [{ key: "k", value: "v" }], lastOffsetDelta: 7 }),
    batchBytes({ baseOffset: 10, ...transactional }),
    marker(12, 9n, 0),
    batchBytes({ baseOffset: 13, ...transactional }),
    marker(15, 9n, 1),
    batchBytes({ baseOffset: 16, lastOffsetDelta: 3 }),
    encoded(20, "none", 3, random),
  ));
  chunks.push(batchBytes({ records: [{}] }));
  return chunks;
}

/** What of a record the CRC protects: everything but the base offset. */
function contents(records: Records): Array<string> {
  return Array.from({ length: records.length }, (_, i) => {
    const headers = records.headers(i).map(([name, value]) => `${name}=${value === null ? null : [...value]}`);
    return JSON.stringify([records.timestamp(i), records.keyId(i), records.valueText(i), headers]);
  });
}

function mutate(bytes: Uint8Array, random: (bound: number) => number): Uint8Array {
  const kind = random(6);
  if (kind === 0) return bytes.slice(0, random(bytes.length));
  const copy = bytes.slice();
  if (kind === 1) copy.fill(random(256), random(bytes.length), random(bytes.length));
  else if (kind === 2) copy.copyWithin(random(bytes.length), random(bytes.length), random(bytes.length));
  else for (let flips = kind === 3 ? 1 : 1 + random(8); flips > 0; flips--) copy[random(copy.length)] ^= 1 << random(8);
  return copy;
}

/** Runs all mutations; answers how many were refused. */
function fuzz(seed: number, checkCrc: boolean, accepted: (original: Array<string>, records: Records) => void): number {
  const random = generator(seed);
  const chunks = seeds(random);
  const originals = chunks.map((bytes) => contents(decodeRecords(bytes, { from: 0, aborted: ABORTED })));
  let refused = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const which = i % chunks.length;
    const bytes = mutate(chunks[which], random);
    try {
      const records = decodeRecords(bytes, { from: 0, aborted: ABORTED, checkCrc, decompressedLimit: 1 << 20 });
      assertEquals(records.next, scanBatches(bytes, 0).next);
      assert(records.length <= scanBatches(bytes, 0).count);
      accepted(originals[which], records);
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error;
      refused++;
    }
  }
  return refused;
}

Deno.test("decodeRecords refuses damaged chunks or gives records of the original, in its order", () => {
  const refused = fuzz(20260501, true, (original, records) => {
    // Base offset and length lie outside the CRC: a batch may be moved, or be missing at the end, but never changed.
    let at = 0;
    for (const record of contents(records)) {
      at = original.indexOf(record, at) + 1;
      assert(at > 0, `${record} is none of the original's records`);
    }
  });
  // A sixth of the mutations only cut the end off, another sixth change nothing: both are to be read.
  assert(refused > MUTATIONS * 0.6, `${refused} refused`);
});

Deno.test("decodeRecords without CRC refuses or reads damaged chunks, and throws nothing else", () => {
  const refused = fuzz(7, false, (_, records) => {
    for (let i = 0; i < records.length; i++) {
      const key = records.key(i);
      assertEquals(records.keyId(i)?.length ?? -1, key?.length ?? -1);
      records.valueText(i);
      assertEquals(records.hasHeaders(i), records.headers(i).length > 0);
    }
  });
  assert(refused > MUTATIONS * 0.3, `${refused} refused`);
});
