/**
 * Record batches made by hand, as slowly and plainly as possible, also wrong ones.
 * @module
 */
import { setProducer } from "../../src/codec/batch_header.ts";
import type { RecordHeaders } from "../../src/record.ts";

const encoder = new TextEncoder();

/** Text as UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes one behind the other. */
export function concat(...parts: ReadonlyArray<Uint8Array | ReadonlyArray<number>>): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A zigzag varint. */
export function varint(value: number | bigint): Array<number> {
  const signed = BigInt(value);
  let rest = BigInt.asUintN(64, (signed << 1n) ^ (signed >> 63n));
  const bytes: Array<number> = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return bytes;
}

/** A record of a batch made by hand. */
export interface HandRecord {
  readonly offsetDelta?: number;
  readonly timestampDelta?: number | bigint;
  readonly key?: string | Uint8Array | null;
  readonly value?: string | Uint8Array | null;
  readonly headers?: RecordHeaders;
}

function sized(content: string | Uint8Array | null): Uint8Array {
  if (content === null) return Uint8Array.from(varint(-1));
  const bytes = typeof content === "string" ? utf8(content) : content;
  return concat(varint(bytes.length), bytes);
}

/** A record's bytes. */
export function recordBytes(record: HandRecord): Uint8Array {
  const headers = record.headers ?? [];
  const body = concat(
    [0],
    varint(record.timestampDelta ?? 0),
    varint(record.offsetDelta ?? 0),
    sized(record.key ?? null),
    sized(record.value ?? null),
    varint(headers.length),
    ...headers.flatMap(([name, value]) => [sized(name), sized(value)]),
  );
  return concat(varint(body.length), body);
}

/** What to put into a batch made by hand; all of it may be nonsense. */
export interface HandBatch {
  readonly baseOffset?: number;
  readonly attributes?: number;
  readonly lastOffsetDelta?: number;
  readonly baseTimestamp?: number;
  readonly maxTimestamp?: number;
  readonly producerId?: bigint;
  readonly count?: number;
  readonly records?: ReadonlyArray<HandRecord>;
  /** The record section, instead of `records`. */
  readonly section?: Uint8Array;
}

/** A batch's bytes, with its right length and CRC. */
export function batchBytes(batch: HandBatch): Uint8Array {
  const records = (batch.records ?? []).map((record, i) => recordBytes({ offsetDelta: i, ...record }));
  const section = batch.section ?? concat(...records);
  const bytes = new Uint8Array(61 + section.length);
  bytes.set(section, 61);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, BigInt(batch.baseOffset ?? 0));
  view.setInt32(8, bytes.length - 12);
  view.setInt32(12, 3);
  view.setInt8(16, 2);
  view.setInt16(21, batch.attributes ?? 0);
  view.setInt32(23, batch.lastOffsetDelta ?? Math.max(0, records.length - 1));
  view.setBigInt64(27, BigInt(batch.baseTimestamp ?? 1000));
  view.setBigInt64(35, BigInt(batch.maxTimestamp ?? 2000));
  view.setInt32(57, batch.count ?? records.length);
  setProducer(bytes, batch.producerId ?? -1n, 0, 0);
  return bytes;
}

/** A transaction marker; type 0 aborts, 1 commits. */
export function marker(baseOffset: number, producerId: bigint, type: number): Uint8Array {
  const key = new Uint8Array([0, 0, 0, type]);
  const value = new Uint8Array(6);
  return batchBytes({ baseOffset, attributes: 0x30, producerId, records: [{ key, value }] });
}
