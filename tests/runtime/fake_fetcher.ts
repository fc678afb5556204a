/**
 * A fetcher whose log is what a test delivers, and which remembers what it was told.
 * @module
 */
import type { FetchedChunk, Fetcher, FetchTarget } from "../../src/client/port.ts";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import type { Compression } from "../../src/codec/compression.ts";
import type { RecordHeaders, TopicPartition } from "../../src/record.ts";

/** A record to deliver. */
export interface LogRecord {
  readonly key?: string | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: RecordHeaders;
}

/** One chunk with these records from `from` on. */
export function chunkOf(
  { topic, partition }: TopicPartition,
  from: number,
  records: ReadonlyArray<LogRecord>,
  compression: Compression = "none",
): FetchedChunk {
  const encoder = new BatchEncoder(1_000);
  for (const { key = null, value, headers = [] } of records) encoder.add(key, value, headers, 1_000);
  const options = { producerId: -1n, producerEpoch: -1, baseSequence: -1, compression };
  const bytes = encoder.finish(options);
  new DataView(bytes.buffer, bytes.byteOffset).setBigInt64(0, BigInt(from));
  const next = from + records.length;
  return { topic, partition, bytes, from, next, count: records.length, highWatermark: next, aborted: [] };
}

/** See the module. One partition at a time. */
export class FakeFetcher implements Fetcher {
  /** What was called, in order. */
  readonly calls: string[] = [];
  target: FetchTarget | null = null;
  /** Where fetching goes on. */
  position = -1;
  paused = false;
  #at: TopicPartition = { topic: "", partition: -1 };

  readonly add = (at: TopicPartition, position: number, target: FetchTarget): void => {
    this.calls.push(`add ${position}`);
    this.#at = { topic: at.topic, partition: at.partition };
    this.target = target;
    this.position = position;
    this.paused = false;
  };
  readonly remove = (): void => {
    this.calls.push("remove");
    this.target = null;
  };
  readonly pause = (): void => {
    this.calls.push("pause");
    this.paused = true;
  };
  readonly resume = (): void => {
    this.calls.push("resume");
    this.paused = false;
  };

  /** Delivers records as one chunk, from the position on. */
  deliver(records: ReadonlyArray<LogRecord>): void {
    const chunk = chunkOf(this.#at, this.position, records);
    this.position = chunk.next;
    this.target?.deliver(chunk);
  }
}
