import { Buffer } from "node:buffer";
import fc from "fast-check";
import Decoder from "kafkajs/src/protocol/decoder.js";
import Record from "kafkajs/src/protocol/recordBatch/record/v0/index.js";
import decodeBatch from "kafkajs/src/protocol/recordBatch/v0/decoder.js";
import batchModule from "kafkajs/src/protocol/recordBatch/v0/index.js";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import { readBatchHeader } from "../../src/codec/batch_header.ts";
import { assertEquals } from "../assert.ts";

interface Entry {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: ReadonlyArray<readonly [string, Uint8Array]>;
  readonly timestamp: number;
}

const bytes = fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 200 }));
const entries = fc.array(
  fc.record({
    key: bytes,
    value: bytes,
    // kafkajs keeps headers as an object: distinct names, no null values.
    headers: fc.uniqueArray(
      fc.tuple(fc.string({ minLength: 1, maxLength: 20 }).map((name) => `h-${name}`), fc.uint8Array({ maxLength: 30 })),
      { selector: ([name]) => name, maxLength: 3 },
    ),
    timestamp: fc.integer({ min: 1_690_000_000_000, max: 1_710_000_000_000 }),
  }),
  { minLength: 1, maxLength: 12 },
);

function list(content: Uint8Array | null): Array<number> | null {
  return content === null ? null : [...content];
}

for (const [compression, code] of [["none", 0], ["gzip", 1]] as const) {
  Deno.test(`BatchEncoder writes what kafkajs reads (${compression})`, async () => {
    await fc.assert(fc.asyncProperty(entries, fc.boolean(), async (entries: ReadonlyArray<Entry>, transactional) => {
      const encoder = new BatchEncoder(entries[0].timestamp);
      for (const { key, value, headers, timestamp } of entries) encoder.add(key, value, headers, timestamp);
      const batch = encoder.finish({ producerId: 77n, producerEpoch: 3, baseSequence: 9, compression, transactional });
      const read = await decodeBatch(new Decoder(Buffer.from(batch)));
      const { producerId, producerEpoch, firstSequence, inTransaction, lastOffsetDelta } = read;
      assertEquals(
        { producerId, producerEpoch, firstSequence, inTransaction, lastOffsetDelta },
        {
          producerId: "77",
          producerEpoch: 3,
          firstSequence: 9,
          inTransaction: transactional,
          lastOffsetDelta: entries.length - 1,
        },
      );
      assertEquals(read.records.length, entries.length);
      entries.forEach((entry, i) => {
        const record = read.records[i];
        assertEquals(record.offset, `${i}`);
        assertEquals(record.timestamp, `${entry.timestamp}`);
        assertEquals(list(record.key), list(entry.key));
        assertEquals(list(record.value), list(entry.value));
        const headers = Object.entries(record.headers as { readonly [name: string]: Uint8Array });
        assertEquals(
          headers.map(([name, value]) => [name, list(value)]),
          entry.headers.map(([name, value]) => [name, list(value)]),
        );
      });
    }));
  });

  Deno.test(`decodeRecords reads what kafkajs writes (${compression})`, async () => {
    await fc.assert(fc.asyncProperty(entries, fc.nat(1_000_000), async (entries: ReadonlyArray<Entry>, firstOffset) => {
      const firstTimestamp = entries[0].timestamp;
      const written = await batchModule.RecordBatch({
        compression: code,
        firstOffset,
        firstTimestamp,
        maxTimestamp: Math.max(...entries.map((entry) => entry.timestamp)),
        lastOffsetDelta: entries.length - 1,
        producerId: 5,
        records: entries.map((entry, offsetDelta) =>
          Record({
            offsetDelta,
            timestampDelta: entry.timestamp - firstTimestamp,
            key: entry.key === null ? null : Buffer.from(entry.key),
            value: entry.value === null ? null : Buffer.from(entry.value),
            headers: Object.fromEntries(entry.headers.map(([name, value]) => [name, Buffer.from(value)])),
          })
        ),
      });
      assertEquals(readBatchHeader(written.buffer, 0).producerId, 5n);
      const records = decodeRecords(written.buffer, { from: 0, aborted: [] });
      assertEquals(records.length, entries.length);
      assertEquals(records.next, firstOffset + entries.length);
      entries.forEach((entry, i) => {
        assertEquals(records.offset(i), firstOffset + i);
        assertEquals(records.timestamp(i), entry.timestamp);
        assertEquals(list(records.key(i)), list(entry.key));
        assertEquals(list(records.value(i)), list(entry.value));
        assertEquals(
          records.headers(i).map(([name, value]) => [name, list(value)]),
          entry.headers.map(([name, value]) => [name, list(value)]),
        );
      });
    }));
  });
}
