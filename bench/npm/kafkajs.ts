/**
 * The same benchmarks on kafkajs: whole batches where its users would take them, for speed.
 * @module
 */
import { Kafka, type KafkaMessage, logLevel, Partitioners, type Producer } from "kafkajs";
import { Buffer } from "node:buffer";
import { feedBatches, feedSingles } from "../workload/feed.ts";
import { KeyWatch, slowly } from "../workload/key_watch.ts";
import { Order, type OrderRecord } from "../workload/order.ts";
import { Pace } from "../workload/pace.ts";
import { Stopwatch } from "../workload/stopwatch.ts";
import { RecordCount } from "../workload/record_count.ts";
import type { Task } from "../workload/task.ts";

const commitEach = 1_000;
const batchesAtOnce = 4;
const partitions = 8;

const text = new TextDecoder();
const kafka = ({ brokers }: Task) => new Kafka({ brokers: brokers.split(","), logLevel: logLevel.ERROR });
const message = ({ key, value }: OrderRecord) => ({ key, value: Buffer.from(value) });

async function consumerOf(task: Task) {
  const consumer = kafka(task).consumer({ groupId: task.group, maxWaitTimeInMs: 250 });
  await consumer.connect();
  await consumer.subscribe({ topics: [task.topic], fromBeginning: true });
  return consumer;
}

async function producerOf(task: Task): Promise<Producer> {
  const producer = kafka(task).producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true });
  await producer.connect();
  return producer;
}

/** Reading by `eachBatch`. */
async function consume(task: Task, read: (value: Uint8Array) => number): Promise<void> {
  const stopwatch = new Stopwatch();
  const count = new RecordCount(task, stopwatch, read);
  const consumer = await consumerOf(task);
  await consumer.run({
    autoCommitInterval: commitEach,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary }) => {
      for (const { value } of batch.messages) count.take(value ?? new Uint8Array());
      resolveOffset(batch.lastOffset());
      await commitOffsetsIfNecessary();
      if (count.done) count.finish();
    },
  });
}

/** By `eachMessage`, partitions side by side: the order within a partition is kept, and with it that of keys. */
async function slow(task: Task): Promise<void> {
  const stopwatch = new Stopwatch();
  const watch = new KeyWatch();
  const consumer = await consumerOf(task);
  const all = Promise.withResolvers<void>();
  await consumer.run({
    autoCommitInterval: commitEach,
    partitionsConsumedConcurrently: partitions,
    eachMessage: async ({ message }: { readonly message: KafkaMessage }) => {
      stopwatch.start();
      const { order_id, seq } = Order.parse(JSON.parse(text.decode(message.value ?? new Uint8Array())));
      watch.begin(order_id, seq);
      await slowly();
      watch.end(order_id, seq);
      if (watch.handled === task.count) all.resolve();
    },
  });
  await all.promise;
  stopwatch.finish(watch.handled, watch.found());
}

/** A request for each record, or for each thousand: that is what `send` does. */
async function produce(task: Task): Promise<void> {
  const stopwatch = new Stopwatch();
  const producer = await producerOf(task);
  const send = (records: ReadonlyArray<OrderRecord>) =>
    producer.send({ topic: task.topic, acks: -1, messages: records.map(message) });
  await send([{ key: "o-0000000", value: new Uint8Array(200) }]);
  stopwatch.start();
  if (task.mode === "batch") await feedBatches(task.count, batchesAtOnce, send);
  else await feedSingles(task.count, (record) => send([record]));
  stopwatch.finish(task.count);
}

async function latency(task: Task): Promise<void> {
  const pace = new Pace(task.count, new Stopwatch());
  const [producer, consumer] = [await producerOf(task), await consumerOf(task)];
  const joined = Promise.withResolvers<void>();
  consumer.on("consumer.group_join", () => joined.resolve());
  await consumer.run({
    autoCommitInterval: commitEach,
    eachMessage: ({ message: { key } }: { readonly message: KafkaMessage }) => {
      if (key !== null) pace.came(text.decode(key));
      return Promise.resolve();
    },
  });
  await joined.promise;
  await pace.run((record) => producer.send({ topic: task.topic, acks: -1, messages: [message(record)] }));
}

/** By workload. */
export const kafkajs: Readonly<Record<string, (task: Task) => Promise<void>>> = {
  "consume-raw": (task) => consume(task, (value) => value.length),
  "consume-json": (task) => consume(task, (value) => Order.parse(JSON.parse(text.decode(value))).amount),
  "slow-10ms": slow,
  "produce": produce,
  "latency": latency,
};
