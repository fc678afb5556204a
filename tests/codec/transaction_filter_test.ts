import { decodeRecords, type Records } from "../../src/codec/batch_decoder.ts";
import { compress } from "../../src/codec/compression.ts";
import { CorruptRecordError } from "../../src/errors.ts";
import type { AbortedTransaction } from "../../src/link/protocol.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { batchBytes, concat, marker, recordBytes } from "./batch_bytes.ts";

const ABORT = 0;
const COMMIT = 1;

/** A transactional batch of two records. */
function part(baseOffset: number, producerId: bigint): Uint8Array {
  return batchBytes({ baseOffset, attributes: 0x10, producerId, records: [{ value: "a" }, { value: "b" }] });
}

function offsets(bytes: Uint8Array, aborted: ReadonlyArray<AbortedTransaction>, from = 0): Array<number> {
  const records = decodeRecords(bytes, { from, aborted });
  return Array.from({ length: records.length }, (_, i) => records.offset(i));
}

Deno.test("decodeRecords leaves out aborted transactions of interleaved producers", () => {
  const bytes = concat(
    part(0, 1n),
    part(2, 2n),
    batchBytes({ baseOffset: 4, producerId: 1n, records: [{ value: "not transactional" }] }),
    part(5, 1n),
    marker(7, 1n, ABORT),
    part(8, 1n),
    part(10, 2n),
    marker(12, 2n, COMMIT),
    marker(13, 1n, COMMIT),
    part(14, 1n),
    marker(16, 1n, ABORT),
  );
  const aborted = [{ producerId: 1n, firstOffset: 14 }, { producerId: 1n, firstOffset: 0 }];
  assertEquals(offsets(bytes, aborted), [2, 3, 4, 8, 9, 10, 11]);
  assertEquals(decodeRecords(bytes, { from: 0, aborted }).next, 17);
  assertEquals(offsets(bytes, []), [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 14, 15]);
});

Deno.test("decodeRecords takes up an aborted transaction that began before the fetched range", () => {
  const bytes = concat(part(100, 9n), marker(102, 9n, ABORT), part(103, 9n), marker(105, 9n, COMMIT));
  assertEquals(offsets(bytes, [{ producerId: 9n, firstOffset: 40 }], 101), [103, 104]);
});

Deno.test("decodeRecords follows markers below the position too", () => {
  const bytes = concat(part(0, 9n), marker(2, 9n, ABORT), part(3, 9n));
  assertEquals(offsets(bytes, [{ producerId: 9n, firstOffset: 0 }], 3), [3, 4]);
});

Deno.test("decodeRecords goes by the control bit, not by keys that look like markers", () => {
  const lookalike = batchBytes({
    baseOffset: 0,
    attributes: 0x10,
    producerId: 5n,
    records: [{ key: new Uint8Array([0, 0, 0, ABORT]), value: "user" }],
  });
  assertEquals(offsets(concat(lookalike, part(1, 5n)), [{ producerId: 5n, firstOffset: 0 }]), []);
  assertEquals(offsets(lookalike, []), [0]);
});

Deno.test("decodeRecords keeps a transaction open over a marker that compaction has emptied", () => {
  const emptied = batchBytes({ baseOffset: 2, attributes: 0x30, producerId: 5n });
  assertEquals(offsets(concat(part(0, 5n), emptied), [{ producerId: 5n, firstOffset: 0 }]), []);
});

/** Decodes what came under read_committed. */
function committed(bytes: Uint8Array, aborted: ReadonlyArray<AbortedTransaction>, from = 0): Array<number> {
  const records = decodeRecords(bytes, { from, aborted, committed: true });
  return Array.from({ length: records.length }, (_, i) => records.offset(i));
}

Deno.test("decodeRecords refuses a list that lacks a transaction which a marker aborts", () => {
  const bytes = concat(part(0, 1n), part(2, 2n), marker(4, 1n, ABORT), marker(5, 2n, COMMIT));
  const list = [{ producerId: 1n, firstOffset: 0 }];
  assertEquals(committed(bytes, list), [2, 3]);
  const refuses = (list: ReadonlyArray<AbortedTransaction>, from = 0) =>
    assertThrows(() => committed(bytes, list, from), CorruptRecordError, "not among those the broker named");
  refuses([]);
  refuses([{ producerId: 3n, firstOffset: 6 }]);
  refuses([], 1);
  // Without records of it there is nothing to be refused: compaction takes them away before it takes the marker.
  const emptied = batchBytes({ baseOffset: 0, attributes: 0x10, producerId: 1n, lastOffsetDelta: 1 });
  assertEquals(committed(concat(emptied, marker(4, 1n, ABORT)), []), []);
  assertEquals(committed(marker(4, 1n, ABORT), []), []);
  // What lies below the position need not be named, and who asks for all records gets no list.
  assertEquals(committed(bytes, [], 5), []);
  assertEquals(offsets(bytes, []), [0, 1, 2, 3]);
  // One that had no records is not in the list, whatever its producer has committed before.
  const empty = concat(part(0, 1n), marker(2, 1n, COMMIT), marker(3, 1n, ABORT));
  assertEquals(committed(empty, []), [0, 1]);
  // A later transaction of the same producer stands for itself.
  assertEquals(committed(concat(bytes, part(6, 1n), marker(8, 1n, COMMIT)), list), [2, 3, 6, 7]);
  assertThrows(
    () => committed(concat(bytes, part(6, 1n), marker(8, 1n, ABORT)), list),
    CorruptRecordError,
    "not among",
  );
});

Deno.test("decodeRecords refuses an aborted transaction that a marker commits", () => {
  const bytes = concat(part(0, 1n), marker(2, 1n, COMMIT), part(3, 1n), marker(5, 1n, ABORT));
  assertEquals(committed(bytes, [{ producerId: 1n, firstOffset: 3 }]), [0, 1]);
  assertThrows(() => committed(bytes, [{ producerId: 1n, firstOffset: 0 }]), CorruptRecordError, "1 was committed");
});

Deno.test("decodeRecords refuses an aborted transaction that begins in another's batch", () => {
  const plain = batchBytes({ baseOffset: 2, producerId: 1n, records: [{ value: "not transactional" }] });
  const bytes = concat(part(0, 1n), plain, part(3, 2n));
  for (const firstOffset of [2, 3, 4]) {
    assertThrows(() => committed(bytes, [{ producerId: 1n, firstOffset }]), CorruptRecordError, "not its own");
  }
  // Where compaction has left a gap there is nothing to compare with.
  assertEquals(committed(concat(part(0, 1n), part(7, 2n)), [{ producerId: 3n, firstOffset: 4 }]), [0, 1, 7, 8]);
});

Deno.test("decodeRecords takes the list in any order and with repetitions, and refuses ids and offsets below zero", () => {
  const bytes = concat(part(0, 1n), part(2, 2n), marker(4, 1n, ABORT), marker(5, 2n, ABORT), part(6, 3n));
  const [one, two] = [{ producerId: 1n, firstOffset: 0 }, { producerId: 2n, firstOffset: 2 }];
  assertEquals(committed(bytes, [two, one, two, one]), [6, 7]);
  const detail = "aborted transaction of producer";
  assertThrows(() => committed(bytes, [one, two, { producerId: -1n, firstOffset: 90 }]), CorruptRecordError, detail);
  assertThrows(() => committed(bytes, [one, two, { producerId: 4n, firstOffset: -1 }]), CorruptRecordError, detail);
});

Deno.test("decodeRecords follows transactions over batches that are left for later", () => {
  const large = (baseOffset: number, producerId: bigint) => {
    const section = recordBytes({ value: "a".repeat(100) });
    return batchBytes({ baseOffset, attributes: 0x14, producerId, count: 1, section: compress("zstd", section) });
  };
  const bytes = concat(
    large(10, 1n), // aborted
    large(11, 2n),
    marker(12, 3n, ABORT), // began before
    large(13, 3n),
    marker(14, 1n, ABORT),
    large(15, 1n),
    large(16, 4n), // aborted
    marker(17, 1n, COMMIT),
    marker(18, 4n, ABORT),
    large(19, 2n),
  );
  const list = [
    { producerId: 4n, firstOffset: 16 },
    { producerId: 1n, firstOffset: 10 },
    { producerId: 3n, firstOffset: 0 },
  ];
  const given: Array<number> = [];
  let [from, rounds] = [0, 0];
  for (let rest: Records["rest"] = { bytes, aborted: list }; rest !== null; rounds++) {
    const records: Records = decodeRecords(rest.bytes, { from, aborted: rest.aborted, committed: true, atOnce: 1 });
    for (let i = 0; i < records.length; i++) given.push(records.offset(i));
    ({ next: from, rest } = records);
  }
  assertEquals(given, [11, 13, 15, 19]);
  assertEquals([from, rounds], [20, 4]);
});

Deno.test("decodeRecords refuses malformed markers while transactions are followed", () => {
  const aborted = [{ producerId: 5n, firstOffset: 0 }];
  const control = { baseOffset: 0, attributes: 0x30, producerId: 5n };
  const refuses = (bytes: Uint8Array, detail: string) =>
    assertThrows(() => offsets(bytes, aborted), CorruptRecordError, detail);
  refuses(batchBytes({ ...control, records: [{ key: new Uint8Array(3) }] }), "control record's key");
  refuses(batchBytes({ ...control, records: [{ key: null }] }), "control record's key");
  refuses(batchBytes({ ...control, records: [{}, {}] }), "control batch");
  refuses(batchBytes({ ...control, attributes: 0x31, records: [{}] }), "control batch");
  const cut = recordBytes({ key: new Uint8Array(4) }).subarray(0, 6);
  refuses(batchBytes({ ...control, section: cut, count: 1 }), "control record's key");
  refuses(batchBytes({ ...control, section: new Uint8Array(0), count: 1 }), "cut short");
});
