import { type DecodeOptions, decodeRecords } from "../../src/codec/batch_decoder.ts";
import { compress } from "../../src/codec/compression.ts";
import { CorruptRecordError } from "../../src/errors.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { batchBytes, concat, type HandBatch, recordBytes, utf8, varint } from "./batch_bytes.ts";

function refuses(bytes: Uint8Array, detail: string, options: Partial<DecodeOptions> = {}): void {
  assertThrows(() => decodeRecords(bytes, { from: 0, aborted: [], ...options }), CorruptRecordError, detail);
}

/** A batch with one record section of these bytes, plain and compressed. */
function refusesSection(section: Uint8Array, detail: string, batch: HandBatch = {}): void {
  refuses(batchBytes({ count: 1, ...batch, section }), detail);
  refuses(batchBytes({ count: 1, ...batch, attributes: 4, section: compress("zstd", section) }), detail);
}

/** A record of these body bytes, with the right length before them. */
function body(...parts: ReadonlyArray<ReadonlyArray<number>>): Uint8Array {
  const bytes = concat(...parts);
  return concat(varint(bytes.length), bytes);
}

const good = batchBytes({ baseOffset: 5, records: [{ key: "k", value: "v" }, { value: "w" }] });

Deno.test("decodeRecords refuses any flipped bit behind the CRC, and a changed CRC", () => {
  for (let at = 17; at < good.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const bytes = good.slice();
      bytes[at] ^= 1 << bit;
      refuses(bytes, "wrong CRC at byte 0");
    }
  }
});

Deno.test("decodeRecords refuses another magic and impossible lengths", () => {
  for (
    const [at, value, detail] of [[16, 1, "magic 1"], [16, 3, "magic 3"], [11, 48, "length 48"], [
      8,
      255,
      "length -",
    ]] as const
  ) {
    const bytes = good.slice();
    bytes[at] = value;
    refuses(bytes, detail);
  }
});

Deno.test("decodeRecords says of a message of before Kafka 0.11 that its format is older", () => {
  for (const magic of [0, 1]) {
    // Offset, size, CRC, magic, attributes, (timestamp,) null key, null value: shorter than a batch's header.
    const message = new Uint8Array(12 + 14 + 8 * magic);
    new DataView(message.buffer).setInt32(8, message.length - 12);
    message[16] = magic;
    message.fill(0xff, message.length - 8);
    refuses(message, `magic ${magic}, an older format`);
    refuses(concat(good, message), `at byte ${good.length}`);
  }
});

Deno.test("decodeRecords refuses bytes in a batch that says it is empty, also compressed ones", () => {
  refusesSection(recordBytes({}), "bytes behind the records", { count: 0 });
  const nothing = batchBytes({ attributes: 4, section: compress("zstd", new Uint8Array(0)), count: 0 });
  assertEquals(decodeRecords(nothing, { from: 0, aborted: [] }).next, 1);
});

Deno.test("decodeRecords ignores attribute bits it does not know, and refuses compressions it does not know", () => {
  const section = recordBytes({ value: "v" });
  // 0x40: the batch's first timestamp is when its tombstones may go; deltas count from it all the same.
  for (const attributes of [0x40, 0x80, 0x0100, 0x4000]) {
    const records = decodeRecords(batchBytes({ attributes, count: 1, section }), { from: 0, aborted: [] });
    assertEquals([records.valueText(0), records.timestamp(0)], ["v", 1000]);
  }
  for (const code of [5, 6, 7]) {
    refuses(batchBytes({ attributes: code, count: 1, section }), `unknown compression ${code}`);
  }
});

Deno.test("decodeRecords refuses impossible counts and offsets", () => {
  const records = [{ value: "a" }, { value: "b" }];
  refuses(batchBytes({ records, count: -1 }), "-1 records");
  refuses(batchBytes({ records, lastOffsetDelta: 0 }), "2 records with last offset delta 0");
  refuses(batchBytes({ lastOffsetDelta: -1 }), "last offset delta -1");
  refuses(batchBytes({ records, baseOffset: -2 }), "base offset -2");
  refuses(batchBytes({ records, baseOffset: 2 ** 60 }), "base offset");
  refuses(concat(good, good), `at byte ${good.length}`);
  refuses(good, "high watermark 6", { highWatermark: 6 });
  assertEquals(decodeRecords(good, { from: 0, aborted: [], highWatermark: 7 }).length, 2);
});

Deno.test("decodeRecords refuses more or fewer bytes than the count of records needs", () => {
  const one = recordBytes({ value: "v" });
  refusesSection(concat(one, [0]), "bytes behind the records");
  refusesSection(concat(one, recordBytes({ offsetDelta: 1 })), "bytes behind the records", { lastOffsetDelta: 1 });
  refusesSection(one, "2 records in", { count: 2, lastOffsetDelta: 1 });
  refusesSection(concat(one, one.subarray(0, 6)), "record length 7", { count: 2, lastOffsetDelta: 1 });
  refusesSection(recordBytes({ value: "a value" }), "varint cut short", { count: 2, lastOffsetDelta: 1 });
  refusesSection(one, "2147483647 records in", { count: 2147483647, lastOffsetDelta: 2147483647 });
  refuses(batchBytes({ section: one, count: 0 }), "bytes behind the records");
});

Deno.test("decodeRecords refuses offset deltas that do not rise or go past the last one", () => {
  const section = (...deltas: ReadonlyArray<number>) =>
    concat(...deltas.map((offsetDelta) => recordBytes({ offsetDelta })));
  const two = { count: 2, lastOffsetDelta: 5 };
  refusesSection(section(1, 1), "offset delta 1", two);
  refusesSection(section(2, 1), "offset delta 1", two);
  refusesSection(section(-1, 1), "offset delta -1", two);
  refusesSection(section(0, 6), "offset delta 6", two);
});

Deno.test("decodeRecords refuses lengths that reach out of their record", () => {
  const rest = [1, 1, 0]; // null key, null value, no headers
  refusesSection(body([0], varint(0), varint(0), varint(-2), rest), "key length -2");
  refusesSection(body([0], varint(0), varint(0), varint(9), rest), "key length 9");
  refusesSection(body([0], varint(0), varint(0), varint(-1), varint(-2), [0, 0]), "value length -2");
  refusesSection(body([0], varint(0), varint(0), varint(-1), varint(9), [0]), "value length 9");
  refusesSection(body([0], varint(0), varint(0), [1, 1], varint(-1)), "-1 headers");
  refusesSection(body([0], varint(0), varint(0), [1, 1], varint(2), [0, 0, 0]), "2 headers in 3 bytes");
  refusesSection(body([0], varint(0), varint(0), [1, 1], [0], [7]), "0 headers in 1 bytes");
  refusesSection(concat(varint(-1), [0, 0, 0, 1, 1, 0]), "record length -1");
  refusesSection(concat(varint(5), [0, 0, 0, 1, 1, 0]), "record length 5");
  refusesSection(concat(varint(7), [0, 0, 0, 1, 1, 0]), "record length 7");
});

Deno.test("decodeRecords refuses varints that are too long or cut short", () => {
  refusesSection(concat([0x80, 0x80, 0x80, 0x80, 0x80, 0x00], [0, 0, 0, 1, 1, 0]), "longer than 32 bits");
  refusesSection(concat([0x80, 0x80, 0x80, 0x80, 0x10], [0, 0, 0, 1, 1, 0]), "longer than 32 bits");
  refusesSection(new Uint8Array(8).fill(0x80).subarray(0, 3), "", { count: 1 });
  const nine = new Array(9).fill(0xff);
  refusesSection(body([0], nine, [0x02], [0, 1, 1, 0]), "longer than 64 bits");
  refusesSection(body([0], nine, [0xff, 0], [0, 1, 1, 0]), "longer than 64 bits");
  refusesSection(body([0], [0x80, 0x80, 0x80, 0x80, 0x80]), "varint cut short");
  // Not even when the next record's bytes would do.
  const ends = body([0], [0x80, 0x80, 0x80, 0x80, 0x00]);
  refusesSection(concat(ends, recordBytes({ offsetDelta: 1 })), "varint cut short", { count: 2, lastOffsetDelta: 3 });
});

Deno.test("decodeRecords refuses compressed records that do not decompress, or to too much", () => {
  const section = recordBytes({ value: "v".repeat(5000) });
  for (const [attributes, name] of [[1, "gzip"], [2, "snappy"], [3, "lz4"], [4, "zstd"]] as const) {
    refuses(batchBytes({ attributes, count: 1, section: utf8("these are no such bytes") }), name);
    const packed = compress(name, section);
    refuses(batchBytes({ attributes, count: 1, section: packed.subarray(0, packed.length - 5) }), "");
    const bytes = batchBytes({ attributes, count: 1, section: packed });
    refuses(bytes, "limit of 5000", { decompressedLimit: 5000 });
    assertEquals(decodeRecords(bytes, { from: 0, aborted: [], decompressedLimit: section.length }).length, 1);
  }
  refuses(batchBytes({ attributes: 5, count: 1, section }), "unknown compression 5");
});

Deno.test("decodeRecords says where in the fetched bytes it went wrong", () => {
  const cases: ReadonlyArray<[Uint8Array, number]> = [
    [batchBytes({ baseOffset: 9, count: 1, section: body([0], [0], [0], varint(9), [1, 0]) }), 61 + 1 + 3],
    [
      batchBytes({
        baseOffset: 9,
        attributes: 1,
        count: 1,
        section: compress("gzip", body([0], [0], [0], varint(9), [1, 0])),
      }),
      0,
    ],
    [batchBytes({ baseOffset: 9, attributes: 2, count: 1, section: new Uint8Array([1, 0x0c]) }), 61 + 2],
  ];
  for (const [bytes, at] of cases) {
    try {
      decodeRecords(concat(good, bytes), { from: 0, aborted: [] });
      throw new Error("not refused");
    } catch (error) {
      assertEquals(error instanceof CorruptRecordError ? error.at : error, good.length + at);
    }
  }
});

Deno.test("Records.headers refuses malformed headers, without harm to key and value", () => {
  const of = (...headers: ReadonlyArray<ReadonlyArray<number>>) =>
    decodeRecords(
      batchBytes({ count: 1, section: body([0], [0], [0], varint(1), [107], varint(1), [118], ...headers) }),
      { from: 0, aborted: [] },
    );
  const cases: ReadonlyArray<[ReadonlyArray<ReadonlyArray<number>>, string]> = [
    [[varint(1), varint(-1), varint(0)], "header name"],
    [[varint(1), varint(2), [65]], "header name"],
    [[varint(1), varint(0), varint(-2)], "header value"],
    [[varint(1), varint(0), varint(3), [1]], "header value"],
    [[varint(1), varint(1), [65]], "varint cut short"],
    [[varint(1), varint(0), varint(0), [0]], "bytes behind the headers"],
    [[varint(2), varint(1), [65], varint(-1), [1]], "header name"],
  ];
  for (const [headers, detail] of cases) {
    const records = of(...headers);
    assertThrows(() => records.headers(0), CorruptRecordError, detail);
    assertThrows(() => records.headerText(0, "A"), CorruptRecordError, detail);
    assertEquals([records.keyId(0), records.valueText(0), records.hasHeaders(0)], ["k", "v", true]);
  }
});
