/**
 * A message that does not end delays nothing but its own key, or its own partition where that keeps its order.
 * @module
 */
import { actor, ActorSystem, type Broker, embedded, event, kafka } from "@troupe/troupe";
import { z } from "zod";
import { assertEquals } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { within } from "./within.ts";

const partitions = 4;

/**
 * An actor gets stuck on one message; answers what it received until all that is to be received has come, and what came
 * after it was freed. `count` messages go round `keys` keys and all partitions, the stuck one is the first.
 */
async function whileStuck(
  broker: Broker,
  order: "key" | "partition",
  count: number,
  isBehind: (n: number) => boolean,
): Promise<{ readonly before: ReadonlyArray<number>; readonly after: ReadonlyArray<number> }> {
  const numbered = freshName("numbered");
  const Numbered = event({
    name: "Numbered",
    topic: numbered,
    schema: z.number(),
    key: (n) => `key ${n % 10}`,
  });
  const free = Promise.withResolvers<void>();
  const stuck = Promise.withResolvers<void>();
  const othersDone = Promise.withResolvers<void>();
  const allDone = Promise.withResolvers<void>();
  const others = Array.from({ length: count }, (_, n) => n).filter((n) => !isBehind(n)).length;
  const received: number[] = [];
  const reader = actor({
    name: freshName("reader"),
    receives: [Numbered],
    order,
    // Far less than comes: what is done must make room behind the message that is not.
    mailboxCapacity: 50,
    receive: async (n) => {
      if (n === 0) {
        stuck.resolve();
        await free.promise;
      }
      received.push(n);
      if (received.length === others) othersDone.resolve();
      if (received.length === count) allDone.resolve();
    },
  });
  await using system = await ActorSystem.start({ actors: [reader], broker, partitions, logLevel: "warn" });
  const place = (n: number) => ({ partition: n % partitions });
  await system.publish(Numbered, 0, place(0));
  await within(stuck.promise, "the actor is stuck");
  await Promise.all(Array.from({ length: count - 1 }, (_, i) => system.publish(Numbered, i + 1, place(i + 1))));
  await within(othersDone.promise, "all that does not wait behind the message");
  const before = [...received];
  free.resolve();
  await within(allDone.promise, "the rest");
  return { before, after: received.slice(before.length) };
}

async function stuckKey(broker: Broker): Promise<void> {
  // Key 0 stands on partitions 0 and 2; an order by key is one within a partition.
  const isBehind = (n: number) => n % 10 === 0 && n % partitions === 0;
  const numbers = Array.from({ length: 2_000 }, (_, n) => n);
  const { before, after } = await whileStuck(broker, "key", numbers.length, isBehind);
  assertEquals(before.toSorted((a, b) => a - b), numbers.filter((n) => !isBehind(n)));
  assertEquals(after, numbers.filter(isBehind));
}

async function stuckPartition(broker: Broker): Promise<void> {
  const isBehind = (n: number) => n % partitions === 0;
  const numbers = Array.from({ length: 2_000 }, (_, n) => n);
  const { before, after } = await whileStuck(broker, "partition", numbers.length, isBehind);
  assertEquals(before.toSorted((a, b) => a - b), numbers.filter((n) => !isBehind(n)));
  assertEquals(after, numbers.filter(isBehind));
}

Deno.test("a handler stuck on one key delays no other key", () => stuckKey(embedded()));
Deno.test("a stuck partition delays no other partition", () => stuckPartition(embedded()));
realKafkaTest("a handler stuck on one key delays no other key", (brokers) => stuckKey(kafka({ brokers })));
realKafkaTest("a stuck partition delays no other partition", (brokers) => stuckPartition(kafka({ brokers })));
