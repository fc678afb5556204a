/**
 * Record batches for the contract suite.
 * @module
 */
import { decodeRecords, type Records } from "../../src/codec/batch_decoder.ts";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import { CRC_START, viewOf } from "../../src/codec/batch_header.ts";
import type { Compression } from "../../src/codec/compression.ts";
import { crc32c } from "../../src/codec/crc32c.ts";

/** What is special about a batch. */
export interface BatchOptions {
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly compression?: Compression;
  /** The first record's timestamp; each further one is a millisecond later. */
  readonly timestamp?: number;
  /** Of each record; default none. */
  readonly key?: string;
}

/** A batch of records with these values. */
export function batch(values: ReadonlyArray<string>, options: BatchOptions = {}): Uint8Array {
  const { producerId = -1n, producerEpoch = -1, baseSequence = -1, compression = "none", timestamp = 1_000 } = options;
  const { key = null } = options;
  const encoder = new BatchEncoder(timestamp);
  values.forEach((value, i) => encoder.add(key, value, [], timestamp + i));
  return encoder.finish({ producerId, producerEpoch, baseSequence, compression });
}

/** The batch with a field changed and a CRC that is right again. */
export function altered(bytes: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = bytes.slice();
  const view = viewOf(copy);
  change(view);
  view.setUint32(17, crc32c(copy, CRC_START, copy.length));
  return copy;
}

/** The records of all whole batches from `from` on. */
export function decoded(bytes: Uint8Array, from = 0): Records {
  return decodeRecords(bytes, { from, aborted: [] });
}

/** Their values. */
export function values(bytes: Uint8Array, from = 0): ReadonlyArray<string> {
  const records = decoded(bytes, from);
  const decoder = new TextDecoder();
  return Array.from({ length: records.length }, (_, i) => decoder.decode(records.value(i) ?? new Uint8Array()));
}

/** One behind the other. */
export function joined(...parts: ReadonlyArray<Uint8Array>): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
