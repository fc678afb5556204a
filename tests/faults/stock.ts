/**
 * The job done by stock kafkajs 2.2.4, by the book: an idempotent producer with one request in flight, as its documentation
 * asks for, that goes on trying; a send is repeated until it has resolved; a consumer that commits each second.
 * @module
 */
import { type Consumer, Kafka, logLevel, type Message, Partitioners } from "kafkajs";
import { asked, Counter, readJob, say, sayHandled } from "./job.ts";

const job = readJob();
const kafka = new Kafka({
  clientId: "faults",
  brokers: job.brokers.split(","),
  logLevel: logLevel.NOTHING,
  retry: { retries: 1_000, initialRetryTime: 100, maxRetryTime: 1_000 },
});

if (job.role === "publish") await publish();
else await consume();
Deno.exit(0);

/** Records are collected as ours are: what has come in during a send goes with the next. */
async function publish(): Promise<void> {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  let waiting: Array<{ readonly message: Message; readonly done: () => void }> = [];
  let sending = false;
  const send = async () => {
    sending = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, 1_000);
      waiting = waiting.slice(1_000);
      for (;;) {
        try {
          await producer.send({ topic: job.topic, acks: -1, messages: batch.map(({ message }) => message) });
          break;
        } catch (error) {
          console.error(`send: ${error}`);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
      for (const { done } of batch) done();
    }
    sending = false;
  };
  const counter = new Counter(job, (key, value) =>
    new Promise<void>((done) => {
      waiting.push({ message: { key, value }, done });
      if (!sending) setTimeout(() => sending || send(), 5);
    }));
  say("ready");
  await counter.run();
}

async function consume(): Promise<void> {
  const consumer: Consumer = kafka.consumer({
    groupId: job.group,
    sessionTimeout: 10_000,
    heartbeatInterval: 300,
    maxWaitTimeInMs: 500,
    allowAutoTopicCreation: false,
    retry: { retries: 1_000, initialRetryTime: 100, maxRetryTime: 1_000 },
  });
  consumer.on(consumer.events.GROUP_JOIN, () => say("ready"));
  consumer.on(consumer.events.CRASH, ({ payload }) => console.error(`crash: ${payload.error}`));
  await consumer.connect();
  await consumer.subscribe({ topic: job.topic, fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 1_000,
    partitionsConsumedConcurrently: 3,
    eachMessage: ({ partition, message }) => {
      const { id } = JSON.parse(message.value?.toString() ?? "{}");
      sayHandled(partition, message.offset, id);
      return Promise.resolve();
    },
  });
  await asked();
  await Promise.race([consumer.disconnect(), new Promise((resolve) => setTimeout(resolve, 10_000))]);
}
