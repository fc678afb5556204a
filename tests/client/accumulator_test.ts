import { Clock, Effect } from "effect";
import { Accumulator } from "../../src/client/produce/accumulator.ts";
import type { TopicMetadata } from "../../src/link/protocol.ts";
import { assertEquals } from "../assert.ts";
import { virtual } from "./virtual.ts";

const topic = (topicId: string): TopicMetadata => ({
  errorCode: 0,
  name: "orders",
  topicId: topicId.repeat(32),
  partitions: [{ partition: 0, errorCode: 0, leader: 1, leaderEpoch: 0, replicas: [1], isr: [1] }],
});

Deno.test("an accumulator takes back and parks any number of records of a topic that was created again, in order", () =>
  virtual(Effect.gen(function* () {
    let metadata: TopicMetadata | undefined;
    const accumulator = new Accumulator(
      { linger: 5, batchRecords: 10_000, batchBytes: 900_000, memoryBytes: Infinity },
      {
        clock: yield* Clock.Clock,
        random: () => 0,
        metadata: () => metadata,
        absent: () => false,
        due: () => {},
        room: () => {},
        settled: () => {},
        thrown: () => {},
      },
    );
    const settled: Array<number> = [];
    const offer = (n: number) =>
      accumulator.offer({ topic: "orders", key: null, value: "" }, { settled: () => settled.push(n) }, null);
    // More than may be given to one call as its arguments.
    const many = 200_000;
    for (let n = 0; n < many; n++) offer(n);
    metadata = topic("1");
    accumulator.adopt();
    metadata = topic("2");
    accumulator.adopt();
    assertEquals([accumulator.records, accumulator.topics.get("orders")?.parked.size], [many, 0]);
    const [partition] = accumulator.active;
    partition.close();
    for (const batch of partition.queue) accumulator.settle(partition, batch, null, 0);
    assertEquals(settled, Array.from({ length: many }, (_, n) => n));
    assertEquals([accumulator.records, accumulator.memory], [0, 0]);
  })));
