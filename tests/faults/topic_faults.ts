/**
 * Faults of topics: what a group that reads one makes of it when it is deleted, created again, grown or trimmed.
 * @module
 */
import { type Admin, Kafka, logLevel, Partitioners, type Producer } from "kafkajs";
import { until } from "../scenarios/within.ts";
import { freshName } from "../support/kafka_broker.ts";
import { type Reader, type ReaderName, type ReaderOptions, startReader } from "./topic_readers.ts";

/** A topic under a reader. */
export interface TopicRun {
  readonly reader: Reader;
  /** Creates it, and waits for its leaders. */
  readonly create: (partitions: number) => Promise<void>;
  readonly delete: () => Promise<void>;
  readonly grow: (partitions: number) => Promise<void>;
  /** Writes `count` values `<prefix>-<n>` to the partitions in turn. */
  readonly fill: (prefix: string, count: number, partitions: ReadonlyArray<number>) => Promise<void>;
  /** Deletes all records of the partitions below these offsets. */
  readonly trim: (offsets: ReadonlyArray<number>) => Promise<void>;
  /** Ends the reader, and starts another one of the same group. */
  readonly restart: (between: () => Promise<void>) => Promise<void>;
  /** Waits until all values of a prefix are handled; not for long, and not in vain. */
  readonly handled: (prefix: string, count: number) => Promise<void>;
}

/** A fault of a topic. */
export interface TopicFault {
  readonly name: string;
  readonly what: string;
  readonly startFrom?: "earliest" | "latest";
  readonly outOfRange?: "fail" | "earliest" | "latest";
  /** Values named `new-…` are counted. Answers how many have to be handled. */
  readonly strike: (run: TopicRun) => Promise<number>;
}

/** What became of it. */
export interface TopicRow {
  readonly what: string;
  readonly client: ReaderName;
  /** Values that a reader has to handle. */
  readonly expected: number;
  readonly unhandled: number;
  readonly twice: number;
  /** From the last write to the last value handled, in ms. */
  readonly took: number;
}

const all = [0, 1, 2, 3];

function again(old: number, now: number, partitions: number): TopicFault["strike"] {
  return async (run) => {
    await run.fill("old", old, all);
    await run.handled("old", old);
    await run.delete();
    await run.create(partitions);
    await run.fill("new", now, all.slice(0, partitions));
    return now;
  };
}

/** The faults, in the order of the table. */
export const topicFaults: ReadonlyArray<TopicFault> = [
  {
    name: "smaller",
    what: "deleted, created again with fewer records (2,000, then 400)",
    strike: again(2_000, 400, 4),
  },
  { name: "equal", what: "deleted, created again with as many records (2,000)", strike: again(2_000, 2_000, 4) },
  {
    name: "larger",
    what: "deleted, created again with more records (2,000, then 3,000)",
    strike: again(2_000, 3_000, 4),
  },
  {
    name: "narrower",
    what: "deleted, created again with 2 partitions (4 before) and 3,000 records",
    strike: again(2_000, 3_000, 2),
  },
  {
    name: "absent",
    what: "deleted for 5 s, then created again and filled with 3,000 records",
    strike: async (run) => {
      await run.fill("old", 2_000, all);
      await run.handled("old", 2_000);
      await run.delete();
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      await run.create(4);
      await run.fill("new", 3_000, all);
      return 3_000;
    },
  },
  {
    name: "grown",
    what: "grown from 4 to 6 partitions, 1,000 records in the new ones at once; the group began at the end (latest)",
    startFrom: "latest",
    strike: async (run) => {
      await run.fill("old", 100, all);
      await run.handled("old", 100);
      await run.grow(6);
      await run.fill("new", 1_000, [4, 5]);
      return 1_000;
    },
  },
  {
    name: "trimmed",
    what: "records deleted below the committed position (2,000 of 3,000); outOfRange: earliest",
    outOfRange: "earliest",
    strike: async (run) => {
      await run.fill("old", 400, all);
      await run.handled("old", 400);
      await run.restart(async () => {
        await run.fill("gone", 2_000, all);
        await run.fill("new", 1_000, all);
        await run.trim(all.map(() => 600));
      });
      return 1_000;
    },
  },
];

/** How long values that do not come are waited for, in ms. */
const patience = 20_000;

/** Runs a fault under a client and counts. */
export async function sufferTopic(brokers: string, fault: TopicFault, client: ReaderName): Promise<TopicRow> {
  const topic = freshName("topic");
  const kafka = new Kafka({ clientId: "topics", brokers: brokers.split(","), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const { startFrom = "earliest", outOfRange = "fail" } = fault;
  const options: ReaderOptions = { brokers, topic, group: freshName("group"), startFrom, outOfRange };
  let reader: Reader | null = null;
  let writtenAt = 0;
  const before: string[] = [];
  const handled = (prefix: string) =>
    [...before, ...reader?.handled ?? []].filter((value) => value.startsWith(`${prefix}-`));
  try {
    await create(admin, topic, 4);
    const current = reader = await startReader(client, options);
    // A group that begins at the end begins nowhere before it has committed that.
    if (startFrom === "latest") {
      await until(
        () => admin.fetchOffsets({ groupId: options.group, topics: [topic] }),
        ([{ partitions }]) => client === "stock kafkajs" || partitions.every(({ offset }) => offset !== "-1"),
        "the group's beginning is committed",
      );
    }
    const expected = await fault.strike({
      get reader() {
        return reader ?? current;
      },
      create: (partitions) => create(admin, topic, partitions),
      delete: () => admin.deleteTopics({ topics: [topic] }),
      grow: (count) => grow(admin, topic, count),
      fill: async (prefix, count, partitions) => {
        await fill(kafka, topic, prefix, count, partitions);
        writtenAt = Date.now();
      },
      trim: async (offsets) =>
        void await admin.deleteTopicRecords({
          topic,
          partitions: offsets.map((offset, partition) => ({ partition, offset: String(offset) })),
        }),
      restart: async (between) => {
        before.push(...reader?.handled ?? []);
        await reader?.[Symbol.asyncDispose]();
        reader = null;
        await between();
        reader = await startReader(client, options);
      },
      handled: async (prefix, count) => {
        await until(() => new Set(handled(prefix)).size, (size) => size >= count, `${count} ${prefix} handled`);
        // What was handled is committed, so that there is a position to be wrong about.
        await new Promise((resolve) => setTimeout(resolve, 1_500));
      },
    });
    const deadline = Date.now() + patience;
    const missing = () => expected - new Set(handled("new")).size;
    while (missing() > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    const took = Date.now() - writtenAt;
    // What comes twice comes a little later.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const values = handled("new");
    return {
      what: fault.what,
      client,
      expected,
      unhandled: missing(),
      twice: values.length - new Set(values).size,
      took,
    };
  } finally {
    await (reader as Reader | null)?.[Symbol.asyncDispose]();
    await admin.deleteTopics({ topics: [topic] }).catch(() => {});
    await admin.disconnect();
  }
}

async function create(admin: Admin, topic: string, numPartitions: number): Promise<void> {
  const attempt = () =>
    admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions }] }).then((made) => made, () => false);
  await until(attempt, (made) => made, `${topic} is created`);
  await led(admin, topic, numPartitions);
}

async function grow(admin: Admin, topic: string, count: number): Promise<void> {
  await admin.createPartitions({ topicPartitions: [{ topic, count }] });
  await led(admin, topic, count);
}

async function led(admin: Admin, topic: string, count: number): Promise<void> {
  const ask = () =>
    admin.fetchTopicMetadata({ topics: [topic] }).then(({ topics: [{ partitions }] }) => partitions, () => []);
  await until(
    ask,
    (partitions) => partitions.length === count && partitions.every(({ leader }) => leader >= 0),
    `${topic} has leaders`,
  );
}

/** One partition a send, for stock kafkajs counts a send done once any of its partitions is. */
async function fill(
  kafka: Kafka,
  topic: string,
  prefix: string,
  count: number,
  partitions: ReadonlyArray<number>,
): Promise<void> {
  const producer: Producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  for (const [turn, partition] of partitions.entries()) {
    const messages = Array.from({ length: count }, (_, i) => ({ value: `${prefix}-${i}`, partition }))
      .filter((_, i) => i % partitions.length === turn);
    const send = () => producer.send({ topic, acks: -1, messages }).then((sent) => sent.length === 1, () => false);
    await until(send, (sent) => sent, `${messages.length} records are written to ${topic}/${partition}`);
  }
  await producer.disconnect();
}
