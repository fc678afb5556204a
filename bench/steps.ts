/**
 * What each step of a record costs by itself, in nanoseconds, without a Kafka: `deno run -A bench/steps.ts`. The least of
 * many rounds, so that it is nearly the same on a busy machine.
 * @module
 */
import { actor, event } from "@troupe/troupe";
import { decodeRecords } from "../src/codec/batch_decoder.ts";
import { BatchEncoder } from "../src/codec/batch_encoder.ts";
import { confirmedBatches, scanBatches } from "../src/codec/batch_header.ts";
import { crc32c } from "../src/codec/crc32c.ts";
import { murmur2 } from "../src/codec/murmur2.ts";
import { MessageReader, type ReadMessage } from "../src/runtime/message_reader.ts";
import { recordOf } from "../src/runtime/publication.ts";
import type { RecordHeaders } from "../src/record.ts";
import { Order, orderPool, type OrderRecord } from "./workload/order.ts";

const perBatch = 290;
const rounds = 60;
const text = new TextEncoder();
const time = 1_700_000_000_000;

/** The step that the others are compared with in a test: it reads each byte once, and makes nothing. */
export const checksum = "CRC-32C";

/** Kept, so that nothing is left out as unused. */
let _sink: unknown;

/** Nanoseconds a record of the fastest round. */
export function nanosEach(records: number, work: () => unknown): number {
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    _sink = work();
    least = Math.min(least, performance.now() - begun);
  }
  return least * 1e6 / records;
}

/** Records as they lie in a fetched chunk: batches of 64 KB. */
export function chunkOf(pool: ReadonlyArray<OrderRecord>, headers: RecordHeaders): Uint8Array {
  const batches: Uint8Array[] = [];
  for (let from = 0; from < pool.length; from += perBatch) {
    const batch = new BatchEncoder(time, 65_536);
    for (const { key, value } of pool.slice(from, from + perBatch)) batch.add(key, value, headers, time);
    const bytes = batch.finish({ producerId: 1n, producerEpoch: 0, baseSequence: 0, compression: "none" });
    new DataView(bytes.buffer, bytes.byteOffset).setBigInt64(0, BigInt(from));
    batches.push(bytes);
  }
  const chunk = new Uint8Array(batches.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const bytes of batches) {
    chunk.set(bytes, at);
    at += bytes.length;
  }
  return chunk;
}

function each(count: number, work: (index: number) => unknown): () => unknown {
  return () => {
    let last: unknown;
    for (let index = 0; index < count; index++) last = work(index);
    return last;
  };
}

/** The steps of a record that is read, by name. */
export function reading(pool: ReadonlyArray<OrderRecord>): ReadonlyArray<readonly [string, () => unknown]> {
  const Bytes = event({ name: "OrderPlaced", topic: "steps" });
  const OrderPlaced = event({ name: "OrderPlaced", topic: "steps", schema: Order, key: (order) => order.order_id });
  const bare = chunkOf(pool, []);
  const typed = chunkOf(pool, [["type", text.encode("OrderPlaced")]]);
  const options = { from: 0, aborted: [], highWatermark: pool.length, committed: true };
  const [records, withType] = [bare, typed].map((bytes) => decodeRecords(bytes, options));
  const orders = pool.map((_, index) => JSON.parse(records.valueText(index) ?? ""));
  const bytes = new MessageReader(actor({ name: "a", receives: [Bytes], receive: () => {} }), "steps", [Bytes]);
  const json = new MessageReader(actor({ name: "b", receives: [OrderPlaced], receive: () => {} }), "steps", [
    OrderPlaced,
  ]);
  const into: ReadMessage = { type: null, message: undefined };
  const { length } = pool;
  return [
    [checksum, () => crc32c(bare, 0, bare.length)],
    ["batch headers, for the next position", () => [confirmedBatches(bare, length, 0), scanBatches(bare, 0)]],
    ["decoding without the CRC", () => decodeRecords(bare, { ...options, checkCrc: false })],
    ["a view of the value", each(length, (index) => records.value(index))],
    ["the key, for its lane", each(length, (index) => records.keyId(index))],
    ["the header with the type", each(length, (index) => withType.headerText(index, "type"))],
    ["the value as text", each(length, (index) => records.valueText(index))],
    ["text and JSON.parse", each(length, (index) => JSON.parse(records.valueText(index) ?? ""))],
    ["zod's safeParse", each(length, (index) => Order.safeParse(orders[index]))],
    ["message of bytes, without a type", each(length, (index) => bytes.read(records, 0, index, into))],
    ["message of bytes, with a type", each(length, (index) => bytes.read(withType, 0, index, into))],
    ["message of JSON, with a type", each(length, (index) => json.read(withType, 0, index, into))],
  ];
}

/** Those of one that is published. */
export function writing(pool: ReadonlyArray<OrderRecord>): ReadonlyArray<readonly [string, () => unknown]> {
  const Bytes = event({ name: "OrderPlaced", topic: "steps" });
  const OrderPlaced = event({ name: "OrderPlaced", topic: "steps", schema: Order, key: (order) => order.order_id });
  const headers: RecordHeaders = [["type", text.encode("OrderPlaced")]];
  const keys = pool.map(({ key }) => text.encode(key));
  const orders = pool.map(({ value }) => JSON.parse(new TextDecoder().decode(value)));
  const { length } = pool;
  const filled = (headers: RecordHeaders, measured: boolean) => () => {
    let batch = new BatchEncoder(time);
    for (const { key, value } of pool) {
      if (batch.count === 500) batch = new BatchEncoder(time);
      if (measured) _sink = batch.sizeWith(key, value, headers);
      batch.add(key, value, headers, time);
    }
    return batch;
  };
  return [
    [
      "message of bytes to record",
      each(length, (at) => recordOf(Bytes, pool[at].value, { key: pool[at].key }, undefined)),
    ],
    ["message of JSON to record", each(length, (at) => recordOf(OrderPlaced, orders[at], undefined, undefined))],
    ["murmur2 of the key", each(length, (at) => murmur2(keys[at]))],
    ["into the batch, without headers", filled([], false)],
    ["into the batch, measured before, with its type", filled(headers, true)],
  ];
}

if (import.meta.main) {
  const pool = orderPool(perBatch * 14);
  console.log("| step | ns a record |\n| --- | --- |");
  for (const [name, work] of [...reading(pool), ...writing(pool)]) {
    console.log(`| ${name} | ${Math.round(nanosEach(pool.length, work))} |`);
  }
}
