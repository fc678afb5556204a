/**
 * A worker on stock kafkajs 2.2.4, with care: it asks whether its batch is stale before each record, sends the echo and
 * waits for it, and only then resolves the offset; it commits after that, and sends heartbeats.
 * @module
 */
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { asked, begin, type Echo, echoTopic, isBad, readJob, say, work } from "./job.ts";

const job = readJob();
const { name, topic, group, sessionTimeout } = job;
const kafka = new Kafka({
  clientId: name,
  brokers: job.brokers.split(","),
  logLevel: logLevel.NOTHING,
  retry: { retries: 1_000, initialRetryTime: 100, maxRetryTime: 1_000 },
});
const producer = kafka.producer({
  idempotent: true,
  maxInFlightRequests: 1,
  createPartitioner: Partitioners.DefaultPartitioner,
});
const consumer = kafka.consumer({ groupId: group, sessionTimeout, heartbeatInterval: 300, maxWaitTimeInMs: 100 });
let grant = 0;
consumer.on(consumer.events.GROUP_JOIN, () => {
  grant++;
  say("ready");
});
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  autoCommit: true,
  autoCommitInterval: 1_000,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: 4,
  eachBatch: async (
    { batch: { partition, messages }, resolveOffset, heartbeat, isRunning, isStale, commitOffsetsIfNecessary },
  ) => {
    for (const message of messages) {
      if (!isRunning() || isStale()) return;
      const offset = Number(message.offset);
      const echo: Echo = { worker: name, partition, offset, grant, at: Date.now() };
      begin(echo);
      if (offset % 3 !== 0) await new Promise((resolve) => setTimeout(resolve, work));
      const to = isBad(offset) ? `${topic}.dlt` : echoTopic(topic);
      await producer.send({ topic: to, acks: -1, messages: [{ partition, value: JSON.stringify(echo) }] });
      resolveOffset(message.offset);
      await heartbeat();
      await commitOffsetsIfNecessary();
    }
  },
});
await asked(job);
await Promise.race([consumer.disconnect(), new Promise((resolve) => setTimeout(resolve, 10_000))]);
Deno.exit(0);
