/**
 * The same benchmarks on @platformatic/kafka: its stream for reading, its `send` for writing.
 * @module
 */
import { Consumer, MessagesStreamModes, Producer } from "@platformatic/kafka";
import { Buffer } from "node:buffer";
import { feedBatches, feedSingles } from "../workload/feed.ts";
import { KeyWatch, slowly } from "../workload/key_watch.ts";
import { Order, type OrderRecord } from "../workload/order.ts";
import { Pace } from "../workload/pace.ts";
import { RecordCount } from "../workload/record_count.ts";
import { Stopwatch } from "../workload/stopwatch.ts";
import type { Task } from "../workload/task.ts";

type Bytes = Buffer;
const clientId = "bench";
const commitEach = 1_000;
const batchesAtOnce = 4;

const text = new TextDecoder();
const bootstrapBrokers = ({ brokers }: Task) => brokers.split(",");
const messageTo = (topic: string) => ({ key, value }: OrderRecord) => ({
  topic,
  key: Buffer.from(key),
  value: Buffer.from(value),
});

/** A reader that commits what was handled: the library's own `autocommit` commits what was read. */
class Reader {
  readonly #consumer: Consumer<Bytes, Bytes, Bytes, Bytes>;
  readonly #next = new Map<number, bigint>();

  constructor(private readonly task: Task) {
    this.#consumer = new Consumer({
      clientId,
      groupId: task.group,
      bootstrapBrokers: bootstrapBrokers(task),
      maxWaitTime: 250,
      minBytes: 1,
      autocommit: false,
    });
  }

  open() {
    const topics = [this.task.topic];
    return this.#consumer.consume({ topics, mode: MessagesStreamModes.COMMITTED, fallbackMode: "earliest" });
  }

  handled({ partition, offset }: { readonly partition: number; readonly offset: bigint }): void {
    this.#next.set(partition, offset + 1n);
  }

  async commit(): Promise<void> {
    const { topic } = this.task;
    const offsets = [...this.#next].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: 0 }));
    this.#next.clear();
    if (offsets.length > 0) await this.#consumer.commit({ offsets });
  }
}

async function consume(task: Task, read: (value: Uint8Array) => number): Promise<void> {
  const count = new RecordCount(task, new Stopwatch(), read);
  const reader = new Reader(task);
  const stream = await reader.open();
  let seen = 0;
  stream.on("data", (message) => {
    count.take(message.value);
    reader.handled(message);
    // The clock is looked at now and then only.
    if (++seen > task.count || (seen !== task.count && seen % 256 !== 0) || !count.due()) return;
    reader.commit().then(() => count.done && count.finish());
  });
}

/** Partitions side by side, the records of each one after another. */
async function slow(task: Task): Promise<void> {
  const stopwatch = new Stopwatch();
  const watch = new KeyWatch();
  const all = Promise.withResolvers<void>();
  const reader = new Reader(task);
  const stream = await reader.open();
  const tails = new Map<number, Promise<void>>();
  stream.on("data", (message) => {
    const handle = async () => {
      stopwatch.start();
      const { order_id, seq } = Order.parse(JSON.parse(text.decode(message.value)));
      watch.begin(order_id, seq);
      await slowly();
      watch.end(order_id, seq);
      reader.handled(message);
      if (watch.handled === task.count) all.resolve();
    };
    tails.set(message.partition, (tails.get(message.partition) ?? Promise.resolve()).then(handle));
  });
  setInterval(() => reader.commit(), commitEach);
  await all.promise;
  await reader.commit();
  stopwatch.finish(watch.handled, watch.found());
}

function producerOf(task: Task) {
  return new Producer<Bytes, Bytes, Bytes, Bytes>({
    clientId,
    bootstrapBrokers: bootstrapBrokers(task),
    idempotent: true,
    acks: -1,
    // Kafka refuses the default of 0 for these.
    producerId: -1n,
    producerEpoch: -1,
  });
}

async function produce(task: Task): Promise<void> {
  const stopwatch = new Stopwatch();
  const producer = producerOf(task);
  const message = messageTo(task.topic);
  const send = (records: ReadonlyArray<OrderRecord>) => producer.send({ messages: records.map(message) });
  await send([{ key: "o-0000000", value: new Uint8Array(200) }]);
  stopwatch.start();
  if (task.mode === "batch") await feedBatches(task.count, batchesAtOnce, send);
  else await feedSingles(task.count, (record) => send([record]));
  stopwatch.finish(task.count);
}

async function latency(task: Task): Promise<void> {
  const pace = new Pace(task.count, new Stopwatch());
  const reader = new Reader(task);
  const stream = await reader.open();
  stream.on("data", (message) => {
    reader.handled(message);
    pace.came(text.decode(message.key));
  });
  setInterval(() => reader.commit(), commitEach);
  const producer = producerOf(task);
  const message = messageTo(task.topic);
  await pace.run((record) => producer.send({ messages: [message(record)] }));
}

/** By workload. */
export const platformatic: Readonly<Record<string, (task: Task) => Promise<void>>> = {
  "consume-raw": (task) => consume(task, (value) => value.length),
  "consume-json": (task) => consume(task, (value) => Order.parse(JSON.parse(text.decode(value))).amount),
  "slow-10ms": slow,
  "produce": produce,
  "latency": latency,
};
