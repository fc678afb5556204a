/**
 * From one topic to another, changed on the way, at least once.
 * @module
 */
import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
import { Order } from "../workload/order.ts";
import { Stopwatch } from "../workload/stopwatch.ts";
import type { Task } from "../workload/task.ts";

/** See the module. */
export async function copy(task: Task): Promise<void> {
  const stopwatch = new Stopwatch();
  const all = Promise.withResolvers<void>();
  let records = 0;
  const key = (order: Order) => order.order_id;
  const OrderPlaced = event({ name: "OrderPlaced", topic: task.topic, schema: Order, key });
  const OrderDoubled = event({ name: "OrderDoubled", topic: task.outTopic, schema: Order, key });
  const copier = actor({
    name: "copier",
    group: task.group,
    receives: [OrderPlaced],
    publishes: [OrderDoubled],
    receive: (order, context) => {
      if (records === 0) stopwatch.start();
      context.publish(OrderDoubled, { ...order, amount: order.amount * 2 });
      if (++records === task.count) all.resolve();
    },
  });
  const system = await ActorSystem.start({
    actors: [copier],
    broker: kafka({ brokers: task.brokers }),
    logLevel: "warn",
  });
  await all.promise;
  const { unfinished } = await system.drain(); // what was published is acknowledged, and then committed
  stopwatch.finish(records, { unfinished });
}
