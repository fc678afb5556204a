/**
 * A message that does not end delays nothing but its own key, or its own partition where that keeps its order.
 * @module
 */
import { actor, ActorSystem, type Broker, embedded, event, kafka } from "@troupe/troupe";
import { z } from "zod";
import { assertEquals } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { within } from "./within.ts";

/** Numbers from 0 on go round 4 partitions and 10 keys; the actor gets stuck on 0. */
const numbers = Array.from({ length: 2_000 }, (_, n) => n);
const partitions = 4;
const keys = 10;

/** Whether a number has to wait until 0 is done with. */
const waits = {
  key: (n: number) => n % partitions === 0 && n % keys === 0,
  partition: (n: number) => n % partitions === 0,
};

async function checkStuck(broker: Broker, order: "key" | "partition"): Promise<void> {
  const Numbered = event({
    name: "Numbered",
    topic: freshName("numbered"),
    schema: z.number(),
    key: (n) => String(n % keys),
  });
  const stuck = Promise.withResolvers<void>();
  const free = Promise.withResolvers<void>();
  const othersDone = Promise.withResolvers<void>();
  const allDone = Promise.withResolvers<void>();
  const others = numbers.filter((n) => !waits[order](n));
  const received: number[] = [];
  const reader = actor({
    name: freshName("reader"),
    receives: [Numbered],
    order,
    // Room for the 100 that have to wait on a partition, not for all 500: what is done must make room behind what is not.
    mailboxCapacity: 150,
    receive: async (n) => {
      if (n === 0) {
        stuck.resolve();
        await free.promise;
      }
      received.push(n);
      if (received.length === others.length) othersDone.resolve();
      if (received.length === numbers.length) allDone.resolve();
    },
  });
  await using system = await ActorSystem.start({ actors: [reader], broker, partitions, logLevel: "error" });
  const publish = (n: number) => system.publish(Numbered, n, { partition: n % partitions });
  await publish(0);
  await within(stuck.promise, "the actor is stuck");
  await Promise.all(numbers.slice(1).map(publish));
  await within(othersDone.promise, () => `all that needn't wait; ${received.length} of ${others.length} came`);
  assertEquals(received.toSorted((a, b) => a - b), others);
  free.resolve();
  await within(allDone.promise, "the rest");
  assertEquals(received.slice(others.length), numbers.filter(waits[order]));
}

Deno.test("a handler stuck on one key delays no other key", () => checkStuck(embedded(), "key"));
Deno.test("a stuck partition delays no other partition", () => checkStuck(embedded(), "partition"));
realKafkaTest("a handler stuck on one key delays no other key", (brokers) => checkStuck(kafka({ brokers }), "key"));
realKafkaTest("a stuck partition delays no other partition", (brokers) => checkStuck(kafka({ brokers }), "partition"));
