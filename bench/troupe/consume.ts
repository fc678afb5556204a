/**
 * Reading as fast as possible, through an actor: bytes, or JSON checked by a schema. Positions are committed each second.
 * @module
 */
import { actor, type ActorDefinition, ActorSystem, event, kafka } from "@troupe/troupe";
import { Order } from "../workload/order.ts";
import { Stopwatch } from "../workload/stopwatch.ts";
import type { Task } from "../workload/task.ts";

/** Messages are the records' bytes. */
export async function consumeBytes(task: Task): Promise<void> {
  const Bytes = event({ name: "OrderPlaced", topic: task.topic });
  await consume(task, (counted) =>
    actor({
      name: "reader",
      group: task.group,
      receives: [Bytes],
      receive: (value) => counted(value.length),
    }));
}

/** Messages are orders. */
export async function consumeJson(task: Task): Promise<void> {
  const OrderPlaced = event({ name: "OrderPlaced", topic: task.topic, schema: Order, key: (order) => order.order_id });
  await consume(task, (counted) =>
    actor({
      name: "reader",
      group: task.group,
      receives: [OrderPlaced],
      receive: (order) => counted(order.amount),
    }));
}

async function consume(task: Task, reader: (counted: (size: number) => void) => ActorDefinition): Promise<void> {
  const stopwatch = new Stopwatch();
  const all = Promise.withResolvers<void>();
  let records = 0;
  let sum = 0;
  const counted = (size: number) => {
    if (records === 0) stopwatch.start();
    sum += size;
    if (++records === task.count) all.resolve();
  };
  const broker = kafka({ brokers: task.brokers });
  const system = await ActorSystem.start({ actors: [reader(counted)], broker, logLevel: "warn" });
  await all.promise;
  await system.drain(); // the last commit
  stopwatch.finish(records, { sum });
}
