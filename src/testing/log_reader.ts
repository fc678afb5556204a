/**
 * Reads what stands in an embedded Kafka's logs, past every consumer.
 * @module
 */
import { decodeRecords } from "../codec/batch_decoder.ts";
import { readBatchHeader } from "../codec/batch_header.ts";
import type { EmbeddedKafka } from "../link/embedded/embedded.ts";
import { type ConsumerRecord, partitionKey } from "../record.ts";

/** Reads on from where it was. */
export class LogReader {
  readonly #next = new Map<string, number>();

  /** Begins with the first record of each log. */
  constructor(private readonly kafka: Pick<EmbeddedKafka, "topics" | "log">) {}

  /** The records that were not read yet: in offset order per partition. */
  read(topics: Iterable<string> = this.kafka.topics()): ReadonlyArray<ConsumerRecord> {
    const found: ConsumerRecord[] = [];
    for (const topic of topics) {
      for (let partition = 0; this.#readPartition(topic, partition, found); partition++);
    }
    return found;
  }

  /** False where there is no such partition. */
  #readPartition(topic: string, partition: number, into: ConsumerRecord[]): boolean {
    const log = this.kafka.log(topic, partition);
    if (log === undefined) return false;
    const key = partitionKey(topic, partition);
    const from = Math.max(this.#next.get(key) ?? 0, log.startOffset);
    if (from >= log.endOffset) return true;
    for (const batch of log.batches) {
      const { baseOffset, lastOffsetDelta } = readBatchHeader(batch, 0);
      if (baseOffset + lastOffsetDelta < from) continue;
      const records = decodeRecords(batch, { from, aborted: [] });
      for (let i = 0; i < records.length; i++) {
        into.push({
          topic,
          partition,
          offset: records.offset(i),
          timestamp: records.timestamp(i),
          key: records.key(i),
          value: records.value(i),
          headers: records.headers(i),
        });
      }
    }
    this.#next.set(key, log.endOffset);
    return true;
  }
}
