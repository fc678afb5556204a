/**
 * Consumers that note what they handle: systems of ours, and stock kafkajs as its own documentation uses it.
 * @module
 */
import { actor, ActorSystem, event, kafka, type SystemSettingsInput } from "@troupe/troupe";
import { Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import type { Handled, Tally } from "./tally.ts";

/** One of a group. */
export interface Consumer {
  readonly name: string;
  /** Finishes what it has in hand and leaves the group. */
  readonly stop: () => Promise<void>;
}

/** What they consume and how. */
export interface Consuming {
  readonly brokers: string;
  readonly topic: string;
  readonly group: string;
  readonly tally: Tally;
  /** Milliseconds that a record takes. */
  readonly work: number;
  readonly settings?: SystemSettingsInput;
}

/** Starts one. */
export type StartConsumer = (name: string, consuming: Consuming) => Promise<Consumer>;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function handle({ tally, work }: Consuming, record: Handled, who: string): Promise<void> {
  tally.begin(record, who);
  await sleep(work);
  tally.end(record);
}

/** A system of ours, one record of a partition at a time. */
const startOurs: StartConsumer = async (name, consuming) => {
  const { topic, group, brokers, settings } = consuming;
  const Numbered = event({
    name: "Numbered",
    topic,
    schema: z.object({ key: z.string(), n: z.int(), padding: z.string() }),
    key: ({ key }) => key,
  });
  const counter = actor({
    name: "counter",
    group,
    receives: [Numbered],
    concurrency: 1,
    receive: ({ key, n }, { partition, offset }) => handle(consuming, { partition, offset, key, n }, name),
  });
  const system = await ActorSystem.start({
    actors: [counter],
    broker: kafka({ brokers }),
    logLevel: "warn",
    ...settings,
  });
  return { name, stop: async () => void await system.stop() };
};

/** A consumer of stock kafkajs that commits by itself, all partitions at once. */
const startKafkajs: StartConsumer = async (name, consuming) => {
  const { topic, group, brokers, tally, settings } = consuming;
  const client = new Kafka({ clientId: name, brokers: brokers.split(","), logLevel: logLevel.NOTHING });
  const { heartbeatInterval = 300, sessionTimeout = 6_000 } = settings ?? {};
  const consumer = client.consumer({ groupId: group, heartbeatInterval, sessionTimeout, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 500,
    partitionsConsumedConcurrently: tally.partitions,
    eachMessage: ({ partition, message }) => {
      const { key, n } = JSON.parse(message.value?.toString() ?? "");
      return handle(consuming, { partition, offset: Number(message.offset), key, n }, name);
    },
  });
  return { name, stop: () => consumer.disconnect() };
};

/** A mailbox per partition over stock kafkajs, committed by a timer: as frameworks are built on it. */
const startMailboxes: StartConsumer = async (name, consuming) => {
  const { topic, group, brokers, settings } = consuming;
  const client = new Kafka({ clientId: name, brokers: brokers.split(","), logLevel: logLevel.NOTHING });
  const { heartbeatInterval = 300, sessionTimeout = 6_000 } = settings ?? {};
  const consumer = client.consumer({
    groupId: group,
    heartbeatInterval,
    sessionTimeout,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 32_768,
  });
  const mailboxes = new Map<number, Array<Handled>>();
  const done = new Map<number, number>();
  const paused = new Set<number>();
  const work = new Set<Promise<void>>();
  let stopping = false;
  const run = async (partition: number, mailbox: Array<Handled>) => {
    for (let record = mailbox.shift(); record !== undefined && !stopping; record = mailbox.shift()) {
      await handle(consuming, record, name);
      done.set(partition, record.offset + 1);
      if (mailbox.length < 100 && paused.delete(partition)) consumer.resume([{ topic, partitions: [partition] }]);
    }
    mailboxes.delete(partition);
  };
  const commit = async () => {
    const offsets = Array.from(done, ([partition, offset]) => ({ topic, partition, offset: String(offset) }));
    done.clear();
    if (offsets.length > 0) await consumer.commitOffsets(offsets).catch(() => {});
  };
  const timer = setInterval(() => void commit(), 500);
  // Whoever gets other partitions drops what waits of those that are gone.
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const mine = new Set(payload.memberAssignment[topic] ?? []);
    for (const [partition, mailbox] of mailboxes) if (!mine.has(partition)) mailbox.length = 0;
    paused.clear();
    consumer.resume([{ topic, partitions: [...mine] }]);
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch: { partition, messages } }) => {
      const known = mailboxes.get(partition);
      const mailbox = known ?? [];
      for (const { offset, value } of messages) {
        const { key, n } = JSON.parse(value?.toString() ?? "");
        mailbox.push({ partition, offset: Number(offset), key, n });
      }
      if (mailbox.length > 200) {
        paused.add(partition);
        consumer.pause([{ topic, partitions: [partition] }]);
      }
      if (known === undefined) {
        mailboxes.set(partition, mailbox);
        const running: Promise<void> = run(partition, mailbox).finally(() => work.delete(running));
        work.add(running);
      }
      return Promise.resolve();
    },
  });
  return {
    name,
    stop: async () => {
      stopping = true;
      await Promise.all(work);
      clearInterval(timer);
      await commit();
      await consumer.disconnect();
    },
  };
};

/** All there are. */
export const consumers: Readonly<Record<"ours" | "kafkajs" | "kafkajs-mailboxes", StartConsumer>> = {
  "ours": startOurs,
  "kafkajs": startKafkajs,
  "kafkajs-mailboxes": startMailboxes,
};
