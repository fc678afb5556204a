/**
 * Topics as somebody else's client writes and reads them: stock kafkajs, of whose records nothing passes through code of
 * ours.
 * @module
 */
import { type Consumer, Kafka, logLevel, type Message, Partitioners } from "kafkajs";
import { freshName } from "../support/kafka_broker.ts";
import { within } from "./within.ts";

/** A record on a topic, its bytes as text (each byte one character, so that nothing is lost). */
export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  /** The last value of each name. */
  readonly headers: Readonly<Record<string, string>>;
}

function client(brokers: string): Kafka {
  return new Kafka({ clientId: "scenario", brokers: [brokers], logLevel: logLevel.NOTHING });
}

/** Writes records, in order, to the partitions their keys choose; ends when all replicas have them. */
export async function produce(brokers: string, topic: string, messages: Message[]): Promise<void> {
  // Idempotent: what it sends again because a busy broker was late would else stand twice.
  const producer = client(brokers).producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
  await producer.connect();
  try {
    for (let i = 0; i < messages.length; i += 1_000) {
      await producer.send({ topic, messages: messages.slice(i, i + 1_000), acks: -1 });
    }
  } finally {
    await producer.disconnect();
  }
}

/** Follows a topic from its beginning. */
export class TopicReader implements AsyncDisposable {
  /** What was read so far: in order within each partition. */
  readonly records: TopicRecord[] = [];
  readonly #consumer: Consumer;
  readonly #next = new Map<number, number>();
  #look: () => void = () => {};

  private constructor(readonly brokers: string, readonly topic: string, consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** Begins to read; the topic must be there. */
  static async open(brokers: string, topic: string): Promise<TopicReader> {
    const consumer = client(brokers).consumer({ groupId: freshName("reader"), maxWaitTimeInMs: 50 });
    const reader = new TopicReader(brokers, topic, consumer);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        for (const { offset, timestamp, key, value, headers } of batch.messages) {
          // The consumer commits nothing, so it begins again when its group is formed anew.
          if (Number(offset) < (reader.#next.get(batch.partition) ?? 0)) continue;
          reader.#next.set(batch.partition, Number(offset) + 1);
          reader.records.push({
            partition: batch.partition,
            offset: Number(offset),
            timestamp: Number(timestamp),
            key: textOf(key),
            value: textOf(value),
            headers: Object.fromEntries(
              Object.entries(headers ?? {}).map(([name, value]) => [name, textOf([value].flat().at(-1)) ?? ""]),
            ),
          });
        }
        reader.#look();
        return Promise.resolve();
      },
    });
    return reader;
  }

  /** Waits until what was read is enough. */
  async until(enough: (records: ReadonlyArray<TopicRecord>) => boolean, what: string): Promise<void> {
    const reached = Promise.withResolvers<void>();
    this.#look = () => enough(this.records) && reached.resolve();
    this.#look();
    await within(reached.promise, what).catch(async (error: Error) => {
      const there = await recordsOn(this.brokers, this.topic);
      throw new Error(`${error.message}; of ${there} records on ${this.topic} ${this.records.length} were read`);
    });
  }

  /** Stops reading. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.disconnect();
  }
}

/** All that stands on a topic now. */
export async function readTopic(brokers: string, topic: string): Promise<ReadonlyArray<TopicRecord>> {
  const count = await recordsOn(brokers, topic);
  await using reader = await TopicReader.open(brokers, topic);
  await reader.until((records) => records.length >= count, `${count} records`);
  return reader.records;
}

async function recordsOn(brokers: string, topic: string): Promise<number> {
  const admin = client(brokers).admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect());
  return ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
}

/** The partition of a key among so many, by the same foreign client. */
export function partitionOf(key: string, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  return Partitioners.DefaultPartitioner()({ topic: "", partitionMetadata, message: { key, value: null } });
}

function textOf(bytes: Uint8Array | string | null | undefined): string | null {
  if (bytes === null || bytes === undefined) return null;
  return typeof bytes === "string" ? bytes : String.fromCharCode(...bytes);
}
