import fc from "fast-check";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import { readBatchHeader } from "../../src/codec/batch_header.ts";
import type { Compression } from "../../src/codec/compression.ts";
import type { RecordHeaders } from "../../src/record.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { batchBytes, utf8 } from "./batch_bytes.ts";

const plain = { producerId: -1n, producerEpoch: -1, baseSequence: -1, compression: "none" as const };

interface Input {
  readonly key: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers: RecordHeaders;
  readonly timestamp: number;
}

function bytesOf(content: string | Uint8Array | null): Array<number> | null {
  return content === null ? null : [...typeof content === "string" ? utf8(content) : content];
}

const content = fc.oneof(
  fc.constant(null),
  fc.string({ unit: "binary", maxLength: 100 }),
  fc.array(fc.nat(0xffff), { maxLength: 60 }).map((units) => String.fromCharCode(...units)), // lone surrogates too
  fc.string({ maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
);
const headers: fc.Arbitrary<RecordHeaders> = fc.array(
  fc.tuple(
    fc.oneof(fc.constantFrom("", "a", "é"), fc.string({ unit: "grapheme", maxLength: 70 })),
    fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 90 })),
  ),
  { maxLength: 4 },
);
const input: fc.Arbitrary<Input> = fc.record({
  key: content,
  value: content,
  headers,
  timestamp: fc.oneof(
    fc.integer({ min: 1_700_000_000_000 - 9, max: 1_700_000_000_000 + 99 }),
    fc.nat(2 ** 31 - 1),
    fc.maxSafeNat(),
  ),
});

for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] satisfies ReadonlyArray<Compression>) {
  Deno.test(`BatchEncoder writes what decodeRecords reads (${compression})`, () => {
    fc.assert(fc.property(fc.array(input, { minLength: 1, maxLength: 20 }), fc.nat(200), (inputs, capacity) => {
      const encoder = new BatchEncoder(inputs[0].timestamp, capacity);
      for (const { key, value, headers, timestamp } of inputs) {
        const bound = encoder.sizeWith(key, value, headers);
        encoder.add(key, value, headers, timestamp);
        assert(encoder.size <= bound && bound - encoder.size <= 36);
      }
      const batch = encoder.finish({ ...plain, compression });
      if (compression === "none") assertEquals(batch.length, encoder.size);
      assertEquals(readBatchHeader(batch, 0).maxTimestamp, Math.max(...inputs.map((input) => input.timestamp)));
      const records = decodeRecords(batch, { from: 0, aborted: [] });
      assertEquals(records.length, inputs.length);
      assertEquals(records.next, inputs.length);
      let held = 0;
      inputs.forEach((input, i) => {
        assertEquals(records.offset(i), i);
        assertEquals(records.timestamp(i), input.timestamp);
        assertEquals(bytesOf(records.key(i)), bytesOf(input.key));
        assertEquals(bytesOf(records.value(i)), bytesOf(input.value));
        if (typeof input.value === "string") assertEquals(records.valueText(i), input.value.toWellFormed());
        assertEquals(records.hasHeaders(i), input.headers.length > 0);
        assertEquals(
          records.headers(i).map(([name, value]) => [name, bytesOf(value)]),
          input.headers.map(([name, value]) => [name.toWellFormed(), bytesOf(value)]),
        );
        held += (bytesOf(input.key)?.length ?? 0) + (bytesOf(input.value)?.length ?? 0);
      });
      assertEquals(records.bytes, held);
    }));
  });
}

Deno.test("BatchEncoder writes the bytes a plain writer writes", () => {
  const encoder = new BatchEncoder(1000);
  const list: RecordHeaders = [["h", utf8("1")], ["h", null], ["", new Uint8Array(0)]];
  encoder.add("key", utf8("value"), [], 1000);
  encoder.add(null, "", list, 3000);
  encoder.add("", null, [], 999);
  encoder.add("ключ", "x".repeat(200), [], 1000 + 2 ** 45);
  const expected = batchBytes({
    baseTimestamp: 1000,
    maxTimestamp: 1000 + 2 ** 45,
    attributes: 0x10,
    records: [
      { key: "key", value: "value" },
      { value: "", headers: list, timestampDelta: 2000 },
      { key: "", timestampDelta: -1 },
      { key: "ключ", value: "x".repeat(200), timestampDelta: 2 ** 45 },
    ],
  });
  new DataView(expected.buffer).setInt32(12, -1); // a producer knows no leader epoch
  assertEquals(
    encoder.finish({ producerId: -1n, producerEpoch: 0, baseSequence: 0, compression: "none", transactional: true }),
    expected,
  );
});

Deno.test("BatchEncoder.finish writes the producer's fields", () => {
  const encoder = new BatchEncoder(5);
  encoder.add("k", "v", [], 7);
  encoder.add("k", "v", [], 6);
  assertEquals(encoder.count, 2);
  assertEquals(encoder.maxTimestamp, 7);
  const batch = encoder.finish({
    producerId: 2n ** 62n,
    producerEpoch: 9,
    baseSequence: 2 ** 31 - 1,
    compression: "zstd",
  });
  const { length: _length, crc: _crc, ...header } = readBatchHeader(batch, 0);
  assertEquals(header, {
    baseOffset: 0,
    leaderEpoch: -1,
    magic: 2,
    attributes: 4,
    lastOffsetDelta: 1,
    baseTimestamp: 5,
    maxTimestamp: 7,
    producerId: 2n ** 62n,
    producerEpoch: 9,
    baseSequence: 2 ** 31 - 1,
    count: 2,
  });
});

Deno.test("BatchEncoder starts with the size of an empty batch and grows past any capacity", () => {
  const encoder = new BatchEncoder(0, 0);
  assertEquals(encoder.size, 61);
  assertEquals(encoder.count, 0);
  encoder.add(null, new Uint8Array(1_000_000), [], 0);
  for (let i = 0; i < 1000; i++) encoder.add(`${i}`, "v", [], i);
  const records = decodeRecords(encoder.finish(plain), { from: 0, aborted: [] });
  assertEquals(records.length, 1001);
  assertEquals(records.keyId(1000), "999");
});

Deno.test("BatchEncoder measures afresh when sizeWith was asked about another record", () => {
  const encoder = new BatchEncoder(0);
  encoder.sizeWith("a long key", "a long value", []);
  encoder.add("k", "v", [], 0);
  encoder.sizeWith(null, null, []);
  encoder.add("k", "v", [], 0);
  encoder.add(null, null, [], 0);
  const records = decodeRecords(encoder.finish(plain), { from: 0, aborted: [] });
  assertEquals([0, 1, 2].map((i) => [records.keyId(i), records.valueText(i)]), [["k", "v"], ["k", "v"], [null, null]]);
});

Deno.test("BatchEncoder refuses to be used after finish, to finish empty, and times that are no times", () => {
  const encoder = new BatchEncoder(0);
  assertThrows(() => encoder.finish(plain), Error, "empty");
  for (const timestamp of [NaN, 0.5, 2 ** 60]) {
    assertThrows(() => encoder.add("k", "v", [], timestamp), RangeError, "timestamp");
  }
  assertEquals(encoder.size, 61);
  encoder.add("k", "v", [], 0);
  encoder.finish(plain);
  assertThrows(() => encoder.add("k", "v", [], 0), Error, "finished");
  assertThrows(() => encoder.finish(plain), Error, "finished");
});
