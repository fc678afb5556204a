import { type DecodeOptions, decodeRecords, type Records } from "../../src/codec/batch_decoder.ts";
import { compress, type Compression, compressionCode } from "../../src/codec/compression.ts";
import { assertEquals } from "../assert.ts";
import { batchBytes, concat, marker, recordBytes, utf8 } from "./batch_bytes.ts";

function decode(bytes: Uint8Array, options: Partial<DecodeOptions> = {}): Records {
  return decodeRecords(bytes, { from: 0, aborted: [], ...options });
}

function offsets(records: Records): Array<number> {
  return Array.from({ length: records.length }, (_, i) => records.offset(i));
}

function values(records: Records): Array<string | null> {
  return Array.from({ length: records.length }, (_, i) => records.valueText(i));
}

function compressed(baseOffset: number, compression: Compression, texts: ReadonlyArray<string>): Uint8Array {
  const section = concat(...texts.map((value, i) => recordBytes({ offsetDelta: i, key: compression, value })));
  return batchBytes({
    baseOffset,
    attributes: compressionCode(compression),
    section: compress(compression, section),
    count: texts.length,
    lastOffsetDelta: texts.length - 1,
  });
}

Deno.test("decodeRecords reads keys, values and times, null ones told from empty ones", () => {
  const records = decode(batchBytes({
    baseOffset: 2 ** 50,
    baseTimestamp: 1_700_000_000_000,
    records: [
      { key: "k", value: "v", timestampDelta: 5 },
      { key: null, value: null, timestampDelta: -7 },
      { key: "", value: "", timestampDelta: 2n ** 40n },
      { key: new Uint8Array([0xff, 0x00]), value: utf8("\uFEFFø") },
    ],
  }));
  assertEquals(offsets(records), [0, 1, 2, 3].map((i) => 2 ** 50 + i));
  assertEquals([0, 1, 2, 3].map((i) => records.timestamp(i) - 1_700_000_000_000), [5, -7, 2 ** 40, 0]);
  assertEquals([0, 1, 2, 3].map((i) => records.keyId(i)), ["k", null, "", "\u00ff\u0000"]);
  assertEquals(values(records), ["v", null, "", "\uFEFFø"]);
  assertEquals(records.key(0), new Uint8Array([107]));
  assertEquals(records.key(1), null);
  assertEquals(records.value(1), null);
  assertEquals(records.value(2), new Uint8Array(0));
  assertEquals(records.bytes, 2 + 0 + 0 + 2 + 5);
  assertEquals(records.next, 2 ** 50 + 4);
});

Deno.test("decodeRecords reads several batches, each compressed its own way", () => {
  const records = decode(concat(
    compressed(0, "gzip", ["a", "b"]),
    batchBytes({ baseOffset: 2, records: [{ value: "c" }] }),
    compressed(3, "lz4", ["d", "e".repeat(100_000)]),
    compressed(5, "snappy", ["f"]),
    compressed(9, "zstd", ["g", "h"]),
  ));
  assertEquals(values(records), ["a", "b", "c", "d", "e".repeat(100_000), "f", "g", "h"]);
  assertEquals(offsets(records), [0, 1, 2, 3, 4, 5, 9, 10]);
  assertEquals([0, 2, 4, 5, 7].map((i) => records.keyId(i)), ["gzip", null, "lz4", "snappy", "zstd"]);
  assertEquals(records.next, 11);
});

Deno.test("decodeRecords gives the batch's append time to every record when the broker set it", () => {
  const records = decode(batchBytes({
    attributes: 0x08,
    maxTimestamp: 1_700_000_000_777,
    records: [{ timestampDelta: 5 }, { timestampDelta: 6 }],
  }));
  assertEquals([records.timestamp(0), records.timestamp(1)], [1_700_000_000_777, 1_700_000_000_777]);
});

Deno.test("decodeRecords rounds times beyond 2^53 and goes on", () => {
  const records = decode(
    batchBytes({ baseTimestamp: 0, records: [{ timestampDelta: 2n ** 63n - 1n }, { value: "next" }] }),
  );
  assertEquals(records.timestamp(0), 2 ** 63);
  assertEquals(records.valueText(1), "next");
});

Deno.test("decodeRecords leaves out what lies below the position", () => {
  const bytes = concat(
    batchBytes({ baseOffset: 0, records: [{ value: "a" }, { value: "b" }] }),
    batchBytes({ baseOffset: 2, records: [{ value: "c" }, { value: "d" }] }),
  );
  assertEquals(values(decode(bytes, { from: 1 })), ["b", "c", "d"]);
  assertEquals(values(decode(bytes, { from: 3 })), ["d"]);
  assertEquals(decode(bytes, { from: 3 }).bytes, 1);
  assertEquals(decode(bytes, { from: 4 }).length, 0);
  assertEquals(decode(bytes, { from: 4 }).next, 4);
  assertEquals(decode(bytes, { from: 100 }).next, 100);
});

Deno.test("decodeRecords moves next over empty batches, compacted tails and control batches", () => {
  const compacted = batchBytes({
    baseOffset: 3,
    lastOffsetDelta: 9,
    records: [{ offsetDelta: 2 }, { offsetDelta: 5 }],
  });
  assertEquals(offsets(decode(compacted)), [5, 8]);
  assertEquals(decode(compacted).next, 13);
  const empty = batchBytes({ baseOffset: 13, lastOffsetDelta: 6 });
  assertEquals(decode(concat(compacted, empty)).next, 20);
  assertEquals(decode(concat(compacted, empty, marker(20, 1n, 1))).next, 21);
  const leaderChange = batchBytes({
    baseOffset: 21,
    attributes: 0x20,
    records: [{ key: new Uint8Array([0, 0, 0, 2]) }],
  });
  assertEquals(decode(concat(compacted, empty, leaderChange)).next, 22);
  assertEquals(decode(leaderChange).length, 0);
  assertEquals(decode(new Uint8Array(0), { from: 5 }).next, 5);
});

Deno.test("decodeRecords leaves a batch that is cut short for the next fetch", () => {
  const first = batchBytes({ baseOffset: 0, records: [{ value: "a" }] });
  const both = concat(first, compressed(1, "gzip", ["b", "c"]));
  for (let end = first.length; end < both.length; end++) {
    const records = decode(both.subarray(0, end));
    assertEquals(records.next, 1);
    assertEquals(values(records), ["a"]);
  }
  for (let end = 0; end < first.length; end++) assertEquals(decode(first.subarray(0, end)).length, 0);
});

Deno.test("decodeRecords reads bytes that do not begin at their buffer's beginning", () => {
  const bytes = concat([1, 2, 3], batchBytes({ records: [{ key: "key", value: "value" }] }), [9]).subarray(3, -1);
  const records = decode(bytes);
  assertEquals(records.keyId(0), "key");
  assertEquals(records.value(0), utf8("value"));
});

Deno.test("decodeRecords leaves batches for later once those before them are large enough", () => {
  const texts = ["a".repeat(1000), "b".repeat(1000), "c".repeat(1000), "d"];
  const batches = texts.map((text, i) => compressed(i * 10, "zstd", [text]));
  batches.splice(3, 0, batchBytes({ baseOffset: 25, records: [{ value: "plain" }] }));
  const bytes = concat(...batches, batches[0].subarray(0, 30));
  const seen: Array<string | null> = [];
  const sizes: Array<number> = [];
  let from = 0;
  for (let rest: Records["rest"] = { bytes, aborted: [] }; rest !== null;) {
    const records = decode(rest.bytes, { from, atOnce: 1500 });
    seen.push(...values(records));
    sizes.push(records.decompressed);
    ({ next: from, rest } = records);
  }
  assertEquals(seen, [texts[0], texts[1], texts[2], "plain", "d"]);
  assertEquals([sizes.length, from], [2, 31]);
  assertEquals(sizes.every((size) => size > 1000 && size < 2500), true);
  assertEquals(decode(bytes).rest, null);
  assertEquals(decode(bytes).decompressed, sizes[0] + sizes[1]);
});

Deno.test("decodeRecords copies nothing: keys, values and headers are views into the fetched bytes", () => {
  const bytes = batchBytes({ records: [{ key: "key", value: "value", headers: [["name", utf8("content")]] }] });
  const records = decode(bytes);
  const [[, content]] = records.headers(0);
  for (const view of [records.key(0), records.value(0), content]) assertEquals(view?.buffer === bytes.buffer, true);
  bytes[records.value(0)?.byteOffset ?? 0] ^= 1;
  assertEquals(records.valueText(0), "walue");
});

Deno.test("decodeRecords grows with the records of many batches", () => {
  const batches = Array.from(
    { length: 300 },
    (_, i) =>
      batchBytes({
        baseOffset: i * 10,
        records: Array.from({ length: i % 9 }, (_, k) => ({ value: `${i * 10 + k}` })),
      }),
  );
  const records = decode(concat(...batches));
  assertEquals(values(records), offsets(records).map(String));
  assertEquals(records.length, batches.reduce((sum, _, i) => sum + i % 9, 0));
});

Deno.test("decodeRecords without checkCrc takes a batch whose CRC is wrong", () => {
  const bytes = batchBytes({ records: [{ value: "a" }] });
  bytes[17] ^= 1;
  assertEquals(values(decode(bytes, { checkCrc: false })), ["a"]);
});

Deno.test("Records.headers keeps order, duplicates, null and empty values", () => {
  const records = decode(batchBytes({
    records: [
      { headers: [["a", utf8("1")], ["", null], ["a", utf8("2")], ["é", new Uint8Array(0)], ["a", utf8("3")]] },
      { value: "no headers" },
    ],
  }));
  assertEquals(records.hasHeaders(0), true);
  assertEquals(records.headers(0), [
    ["a", utf8("1")],
    ["", null],
    ["a", utf8("2")],
    ["é", new Uint8Array(0)],
    ["a", utf8("3")],
  ]);
  assertEquals(records.hasHeaders(1), false);
  assertEquals(records.headers(1), []);
});

Deno.test("Records.headerText gives the last header of a name", () => {
  const records = decode(batchBytes({
    records: [{
      headers: [["a", utf8("1")], ["b", utf8("ü")], ["a", utf8("2")], ["é", utf8("e")], ["n", utf8("x")], ["n", null], [
        "xy",
        null,
      ]],
    }],
  }));
  assertEquals(records.headerText(0, "a"), "2");
  assertEquals(records.headerText(0, "b"), "ü");
  assertEquals(records.headerText(0, "é"), "e");
  assertEquals(records.headerText(0, "n"), undefined);
  assertEquals(records.headerText(0, "x"), undefined);
  assertEquals(records.headerText(0, "Ã©"), undefined);
  assertEquals(records.headerText(0, "missing"), undefined);
});
