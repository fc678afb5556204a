import {
  confirmedBatches,
  crcMatches,
  forEachBatch,
  readBatchHeader,
  scanBatches,
  setBaseOffset,
  setProducer,
} from "../../src/codec/batch_header.ts";
import { CorruptRecordError } from "../../src/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { batchBytes, concat, marker } from "./batch_bytes.ts";

const two = [{ value: "a" }, { value: "b" }];

function changed(bytes: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = bytes.slice();
  change(new DataView(copy.buffer));
  return copy;
}

Deno.test("readBatchHeader reads every field", () => {
  const bytes = batchBytes({
    baseOffset: 2 ** 40 + 5,
    attributes: 0x18,
    lastOffsetDelta: 9,
    baseTimestamp: -1,
    maxTimestamp: 1_700_000_000_123,
    producerId: 2n ** 60n + 7n,
    records: two,
  });
  const view = new DataView(bytes.buffer);
  view.setInt16(51, -3);
  view.setInt32(53, 77);
  const { crc, ...rest } = readBatchHeader(concat([9, 9, 9], bytes), 3);
  assertEquals(crc, view.getUint32(17));
  assertEquals(rest, {
    baseOffset: 2 ** 40 + 5,
    length: bytes.length - 12,
    leaderEpoch: 3,
    magic: 2,
    attributes: 0x18,
    lastOffsetDelta: 9,
    baseTimestamp: -1,
    maxTimestamp: 1_700_000_000_123,
    producerId: 2n ** 60n + 7n,
    producerEpoch: -3,
    baseSequence: 77,
    count: 2,
  });
});

Deno.test("scanBatches counts whole batches at or above the position", () => {
  const bytes = concat(
    batchBytes({ baseOffset: 10, records: two }),
    batchBytes({ baseOffset: 20, lastOffsetDelta: 9, records: [{}, {}, {}] }),
    batchBytes({ baseOffset: 30, lastOffsetDelta: 4 }),
  );
  assertEquals(scanBatches(bytes, 0), { next: 35, count: 5 });
  assertEquals(scanBatches(bytes, 11), { next: 35, count: 4 });
  assertEquals(scanBatches(bytes, 12), { next: 35, count: 3 });
  assertEquals(scanBatches(bytes, 28), { next: 35, count: 2 });
  assertEquals(scanBatches(bytes, 35), { next: 35, count: 0 });
  assertEquals(scanBatches(bytes, 99), { next: 99, count: 0 });
  assertEquals(scanBatches(new Uint8Array(0), 7), { next: 7, count: 0 });
});

Deno.test("scanBatches stops before a batch that is cut short, wherever it is cut", () => {
  const first = batchBytes({ baseOffset: 5, records: two });
  const both = concat(first, batchBytes({ baseOffset: 7, records: two }));
  for (let end = first.length; end < both.length; end++) {
    assertEquals(scanBatches(both.subarray(0, end), 0), { next: 7, count: 2 });
  }
  assertEquals(scanBatches(both, 0), { next: 9, count: 4 });
});

Deno.test("confirmedBatches stops before the first batch that reaches the high watermark, or is cut short", () => {
  const parts = [batchBytes({ baseOffset: 5, records: two }), batchBytes({ baseOffset: 7, lastOffsetDelta: 3 })];
  const bytes = concat(...parts, parts[1].subarray(0, 20));
  const [a, b] = parts.map((part) => part.length);
  const at = (highWatermark: number) => {
    const { end, beyond } = confirmedBatches(bytes, highWatermark, -1);
    return [end, beyond];
  };
  for (const highWatermark of [0, 5, 6]) assertEquals(at(highWatermark), [0, true]);
  for (const highWatermark of [7, 10]) assertEquals(at(highWatermark), [a, true]);
  for (const highWatermark of [11, 12, Infinity]) assertEquals(at(highWatermark), [a + b, false]);
  assertEquals(confirmedBatches(new Uint8Array(0), 9, 3), { end: 0, beyond: false, epoch: -1 });
  assertThrows(() => confirmedBatches(concat(parts[0], parts[0]), 9, 3), CorruptRecordError, "that ends at 6");
});

Deno.test("confirmedBatches gives the last leader epoch, unless the epochs fall or pass the leader's", () => {
  const epochs = (leaderEpoch: number, ...epochs: ReadonlyArray<number>) => {
    const parts = epochs.map((epoch, i) =>
      changed(batchBytes({ baseOffset: i, records: [{}] }), (view) => view.setInt32(12, epoch))
    );
    return confirmedBatches(concat(...parts), epochs.length, leaderEpoch).epoch;
  };
  assertEquals([epochs(9, 3), epochs(9, 3, 3, 9), epochs(-1, 3, 70), epochs(9, -1, 2)], [3, 9, 70, 2]);
  assertEquals([epochs(9, 4, 3), epochs(9, 4, 3, 5), epochs(9, 3, 10), epochs(9, 10, 10)], [-1, -1, -1, -1]);
  assertEquals(confirmedBatches(batchBytes({ records: [{}, {}] }), 1, 9).epoch, -1);
});

Deno.test("scanBatches refuses headers no broker sends", () => {
  const good = batchBytes({ baseOffset: 5, records: two });
  const refuses = (bytes: Uint8Array, detail: string) =>
    assertThrows(() => scanBatches(bytes, 0), CorruptRecordError, detail);
  refuses(changed(good, (view) => view.setInt8(16, 1)), "magic 1");
  refuses(changed(good, (view) => view.setInt32(8, 48)), "batch length 48");
  refuses(changed(good, (view) => view.setInt32(8, -1)), "batch length -1");
  refuses(changed(good, (view) => view.setInt32(57, -1)), "-1 records");
  refuses(changed(good, (view) => view.setInt32(57, 3)), "3 records");
  refuses(changed(good, (view) => view.setInt32(23, -1)), "last offset delta -1");
  refuses(changed(good, (view) => view.setBigInt64(0, -1n)), "base offset -1");
  refuses(changed(good, (view) => view.setBigInt64(0, 2n ** 62n)), "base offset");
  refuses(concat(good, good), "behind a batch that ends at 6");
  refuses(concat(good, batchBytes({ baseOffset: 6, records: two })), "at byte " + good.length);
});

Deno.test("forEachBatch visits whole batches and answers where they end", () => {
  const parts = [batchBytes({ baseOffset: 1, records: two }), marker(3, 8n, 1), batchBytes({ baseOffset: 4 })];
  const bytes = concat(...parts, parts[0].subarray(0, 30));
  const seen: Array<[number, number, number]> = [];
  const end = forEachBatch(bytes, (header, start, end) => {
    seen.push([header.baseOffset, start, end]);
    assert(crcMatches(bytes, start, end));
  });
  const [a, b, c] = parts.map((part) => part.length);
  assertEquals(seen, [[1, 0, a], [3, a, a + b], [4, a + b, a + b + c]]);
  assertEquals(end, a + b + c);
});

Deno.test("setBaseOffset leaves the CRC right, setProducer makes it right", () => {
  const part = batchBytes({ records: two });
  const bytes = concat([0, 0], part);
  setBaseOffset(bytes, 2, 2 ** 45, 12);
  assertEquals(readBatchHeader(bytes, 2).baseOffset, 2 ** 45);
  assertEquals(readBatchHeader(bytes, 2).leaderEpoch, 12);
  assert(crcMatches(bytes, 2, bytes.length));
  setProducer(part, 123n, 4, 56);
  const { producerId, producerEpoch, baseSequence } = readBatchHeader(part, 0);
  assertEquals({ producerId, producerEpoch, baseSequence }, { producerId: 123n, producerEpoch: 4, baseSequence: 56 });
  assert(crcMatches(part, 0, part.length));
  part[70] ^= 1;
  assert(!crcMatches(part, 0, part.length));
});
