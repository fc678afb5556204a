/**
 * A worker of plain kafkajs 2.2.4, written with care: batches in chunks, nothing committed before its answers are
 * acknowledged, a commit and a heartbeat after each chunk, no work for a group that has gone on, a goodbye on SIGTERM.
 * @module
 */
import { type Consumer, type EachBatchPayload, Kafka, type KafkaMessage, logLevel, Partitioners } from "kafkajs";
import { asked, say } from "../faults/job.ts";
import { isSlow, type Job, keyOf, sleep, watchStalls } from "./job.ts";
import { Journal } from "./journal.ts";

const job: Job = JSON.parse(Deno.args[0]);
const journal = new Journal(job.journal);
const chunk = 100;

const kafka = new Kafka({
  clientId: `soak-${job.worker}`,
  brokers: [job.brokers],
  logLevel: logLevel.NOTHING,
  retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1_000 },
});
// Its idempotent producer is said to be experimental, and does not always get over a broker's death.
const producer = kafka.producer({
  maxInFlightRequests: 1,
  allowAutoTopicCreation: false,
  createPartitioner: Partitioners.DefaultPartitioner,
});
const consumer: Consumer = kafka.consumer({
  groupId: job.group,
  sessionTimeout: job.sessionTimeout,
  heartbeatInterval: 300,
  maxWaitTimeInMs: 500,
  allowAutoTopicCreation: false,
  retry: { retries: 1_000, initialRetryTime: 100, maxRetryTime: 1_000 },
});

let life = 0;
consumer.on(consumer.events.GROUP_JOIN, () => {
  life++;
  say("ready");
});
// Who can't go on ends, and is started again by whoever watches.
consumer.on(consumer.events.CRASH, ({ payload }) => {
  console.error(`crash: ${payload.error}`);
  if (!payload.restart) Deno.exit(1);
});

const stalls = watchStalls(say);
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic: job.tasks, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: 4,
  eachBatch: async (payload) => {
    try {
      await handle(payload);
    } catch (error) {
      life++; // the batch comes again
      throw error;
    }
  },
});
await asked();
await Promise.race([consumer.disconnect().then(() => producer.disconnect()), sleep(20_000)]);
stalls[Symbol.dispose]();
Deno.exit(0);

async function handle({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
  const over = () => !isRunning() || isStale();
  for (let from = 0; from < batch.messages.length; from += chunk) {
    if (over()) return;
    const mine = life;
    const messages = batch.messages.slice(from, from + chunk);
    const answers = [];
    for (const message of messages) answers.push(await answer(message, mine));
    if (!await send(answers, over)) return;
    const { offset } = messages[messages.length - 1];
    resolveOffset(offset);
    await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset: `${Number(offset) + 1}` }]);
    await heartbeat();
  }
}

async function answer(
  { value }: KafkaMessage,
  life: number,
): Promise<{ readonly key: string; readonly value: string }> {
  const { id } = JSON.parse(value?.toString() ?? "");
  journal.begin(id, life);
  if (isSlow(id, job.slow)) await sleep(job.slow.ms);
  return { key: keyOf(id), value: JSON.stringify({ id, worker: job.worker, life }) };
}

/** Sends until it has succeeded, or the partition is another's. */
async function send(messages: Array<{ key: string; value: string }>, over: () => boolean): Promise<boolean> {
  while (!over()) {
    try {
      await producer.send({ topic: job.answers, acks: -1, messages });
      return true;
    } catch (error) {
      console.error(`send: ${error}`);
      await sleep(200);
    }
  }
  return false;
}
