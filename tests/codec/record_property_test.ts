import fc from "fast-check";
import { decodeRecords, type Records } from "../../src/codec/batch_decoder.ts";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import { scanBatches, setBaseOffset } from "../../src/codec/batch_header.ts";
import type { Compression } from "../../src/codec/compression.ts";
import { CorruptRecordError } from "../../src/errors.ts";
import { headerText, type RecordHeaders } from "../../src/record.ts";
import { assert, assertEquals } from "../assert.ts";
import { batchBytes, concat, recordBytes, utf8, varint } from "./batch_bytes.ts";

const bytes = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 12 }) },
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  // Where a length begins to take a byte more.
  { weight: 2, arbitrary: fc.constantFrom(63, 64, 65).map((length) => new Uint8Array(length)) },
);
const text = fc.oneof(
  fc.constantFrom("", "\uFEFF", "\uFEFFa", "\uFFFD", "\0", "é"),
  fc.string({ unit: "binary", maxLength: 12 }),
);
/** Few names, so that they come twice; the same length in bytes or in characters, so that they are mixed up. */
const name = fc.oneof(fc.constantFrom("", "a", "b", "é", "éa", "ab", "\uFEFF", "type", "typé"), text);
const value = fc.option(fc.oneof(bytes, text.map(utf8)));
const headers: fc.Arbitrary<RecordHeaders> = fc.array(fc.tuple(name, value), { maxLength: 8 });

interface Sent {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: RecordHeaders;
  readonly timestamp: number;
}

const sent: fc.Arbitrary<Sent> = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers,
  timestamp: fc.nat(2 ** 42),
});
const compression = fc.constantFrom<Compression>("none", "none", "gzip", "snappy", "lz4", "zstd");
const log = fc.array(
  fc.record({
    records: fc.array(sent, { minLength: 1, maxLength: 5 }),
    compression,
    /** Offsets that are missing before it. */
    gap: fc.nat(3),
  }),
  { minLength: 1, maxLength: 5 },
);

function batchOf(records: ReadonlyArray<Sent>, compression: Compression, offset: number): Uint8Array {
  const encoder = new BatchEncoder(records[0].timestamp, 0);
  for (const { key, value, headers, timestamp } of records) encoder.add(key, value, headers, timestamp);
  const batch = encoder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, compression });
  setBaseOffset(batch, 0, offset, 0);
  return batch;
}

/** Views are of other classes than what was sent: compared as plain numbers. */
function plain(headers: RecordHeaders): unknown {
  return headers.map(([name, value]) => [name, value === null ? null : [...value]]);
}

function read(records: Records): unknown {
  return Array.from({ length: records.length }, (_, i) => {
    const [key, value] = [records.key(i), records.value(i)];
    return [records.offset(i), records.timestamp(i), key && [...key], value && [...value], plain(records.headers(i))];
  });
}

Deno.test("property: decodeRecords gives back what BatchEncoder wrote, from any offset on and in any helpings", () =>
  fc.assert(
    fc.property(log, fc.nat(30), fc.nat(600), (batches, start, atOnce) => {
      const expected: Array<[number, Sent]> = [];
      let next = 0;
      const all = concat(...batches.map(({ records, compression, gap }) => {
        const offset = next + gap;
        records.forEach((record, i) => expected.push([offset + i, record]));
        next = offset + records.length;
        return batchOf(records, compression, offset);
      }));
      assertEquals(scanBatches(all, start).next, Math.max(next, start));
      const found: unknown[] = [];
      let from = start;
      for (let rest: Records["rest"] = { bytes: all, aborted: [] }; rest !== null;) {
        const records = decodeRecords(rest.bytes, { from, atOnce: atOnce + 1, aborted: [] });
        found.push(...read(records) as unknown[]);
        ({ next: from, rest } = records);
      }
      assertEquals(from, Math.max(next, start));
      const wanted = expected.filter(([offset]) => offset >= start).map((
        [offset, { key, value, headers, timestamp }],
      ) => [
        offset,
        timestamp,
        key && [...key],
        value && [...value],
        plain(headers.map(([name, value]) => [name.toWellFormed(), value])),
      ]);
      assertEquals(found, wanted);
    }),
    { numRuns: 150 },
  ));

Deno.test("property: Records.keyId tells keys apart exactly when their bytes differ, null from empty too", () =>
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.array(fc.constantFrom(0, 0x61, 0x80, 0xff), { maxLength: 2 })), { minLength: 2 }),
      (keys) => {
        const sent = keys.map((key) => ({
          key: key && Uint8Array.from(key),
          value: null,
          headers: [],
          timestamp: 0,
        }));
        const records = decodeRecords(batchOf(sent, "none", 0), { from: 0, aborted: [] });
        const spelled = keys.map((key) => JSON.stringify(key));
        spelled.forEach((one, i) =>
          spelled.forEach((other, n) => assertEquals(records.keyId(i) === records.keyId(n), one === other))
        );
      },
    ),
    { numRuns: 200 },
  ));

/** The text of the last one of that name, by the rules of UTF-8 alone. */
function lastText(headers: RecordHeaders, wanted: string): string | undefined {
  const last = headers.filter(([name]) => name === wanted).at(-1)?.[1];
  return last === undefined || last === null ? undefined : new TextDecoder("utf-8", { ignoreBOM: true }).decode(last);
}

Deno.test("property: headerText and Records.headerText give the text of the last header of a name, byte for byte", () =>
  fc.assert(
    fc.property(headers, name, (headers, other) => {
      const [record] = [{ key: null, value: null, headers, timestamp: 0 }];
      const records = decodeRecords(batchOf([record], "none", 0), { from: 0, aborted: [] });
      for (const wanted of [...headers.map(([name]) => name), other, other.slice(1), `${other}a`]) {
        const expected = lastText(headers, wanted);
        assertEquals(headerText(headers, wanted), expected);
        assertEquals(records.headerText(0, wanted), expected);
      }
    }),
    { numRuns: 500 },
  ));

Deno.test("property: Records.headerText finds what Records.headers names, also where names and values are no UTF-8", () => {
  const raw = fc.oneof(
    fc.array(fc.constantFrom(0x61, 0xc3, 0xa9, 0xff, 0xef, 0xbb, 0xbf), { maxLength: 4 }).map((all) =>
      Uint8Array.from(all)
    ),
    text.map(utf8),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(raw, fc.option(raw)), { maxLength: 5 }), (list) => {
      const sized = (part: Uint8Array | null) => part === null ? varint(-1) : concat(varint(part.length), part);
      const tail = concat(varint(list.length), ...list.flatMap(([name, value]) => [sized(name), sized(value)]));
      // A record without headers ends with their number, which is 0.
      const bare = recordBytes({}).slice(1, -1);
      const section = concat(varint(bare.length + tail.length), bare, tail);
      const records = decodeRecords(batchBytes({ section, count: 1 }), { from: 0, aborted: [] });
      const headers = records.headers(0);
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      assertEquals(
        plain(headers),
        list.map(([name, value]) => [decoder.decode(name), value && [...value]]),
      );
      for (const [name] of headers) assertEquals(records.headerText(0, name), lastText(headers, name), name);
    }),
    { numRuns: 500 },
  );
});

Deno.test("property: Records.headers gives all of the headers or throws CorruptRecordError, whatever stands there", () =>
  fc.assert(
    fc.property(
      headers,
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      (list, changes) => {
        const whole = batchBytes({ records: [{ headers: list }, { value: "next" }] });
        const first = 61 + recordBytes({ headers: list }).length;
        for (const [at, to] of changes) whole[61 + at % (first - 61)] = to;
        try {
          const records = decodeRecords(whole, { from: 0, aborted: [], checkCrc: false });
          assertEquals(records.valueText(records.length - 1), "next");
          for (let i = 0; i < records.length; i++) {
            assertEquals(records.hasHeaders(i), records.headers(i).length > 0);
            for (const [name, value] of records.headers(i)) {
              const end = (value?.byteOffset ?? 0) + (value?.length ?? 0);
              assert(name.length <= first && end <= whole.byteOffset + whole.length);
            }
          }
        } catch (error) {
          assert(error instanceof CorruptRecordError, String(error));
        }
      },
    ),
    { numRuns: 500 },
  ));
