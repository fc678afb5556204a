/**
 * The same by stock kafkajs 2.2.4, by the book: `eachMessage`, commits each second, its own time-outs.
 * @module
 */
import { Kafka, logLevel } from "kafkajs";
import { readJob, say } from "./job.ts";

const job = readJob();
const client = new Kafka({ clientId: "watched", brokers: job.brokers.split(","), logLevel: logLevel.NOTHING });
const consumer = client.consumer({
  groupId: job.group,
  sessionTimeout: 10_000,
  heartbeatInterval: 300,
  maxWaitTimeInMs: 500,
});
consumer.on(consumer.events.GROUP_JOIN, () => say("joined"));
consumer.on(
  consumer.events.CRASH,
  ({ payload }) => say(`crash ${payload.restart ? "restarts" : "ends"}: ${payload.error}`),
);
consumer.on(consumer.events.REQUEST_TIMEOUT, ({ payload }) => say(`request timed out: ${payload.apiName}`));
await consumer.connect();
await consumer.subscribe({ topic: job.topic, fromBeginning: true });
await consumer.run({
  autoCommitInterval: 1_000,
  eachMessage: ({ message }) => {
    const text = message.value?.toString() ?? "";
    say(`received ${text} 1 @${message.offset}`);
    return text.startsWith("stuck") && job.handler === "never" ? new Promise<void>(() => {}) : Promise.resolve();
  },
});
