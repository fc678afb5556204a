/**
 * Publishing as fast as possible: a Promise for each record, or fire and forget by the thousand.
 * @module
 */
import { ActorSystem, event, kafka } from "@troupe/troupe";
import { feedBatches, feedSingles } from "../workload/feed.ts";
import { orderRecord } from "../workload/order.ts";
import { Stopwatch } from "../workload/stopwatch.ts";
import type { Task } from "../workload/task.ts";

/** See the module. */
export async function produce(task: Task): Promise<void> {
  const stopwatch = new Stopwatch();
  const Bytes = event({ name: "OrderPlaced", topic: task.topic });
  const system = await ActorSystem.start({
    actors: [],
    events: [Bytes],
    broker: kafka({ brokers: task.brokers }),
    producer: { compression: task.compression },
    logLevel: "warn",
  });
  const first = orderRecord(0, 0);
  await system.publish(Bytes, first.value, { key: first.key }); // what is connected and asked for once is not measured
  stopwatch.start();
  if (task.mode === "batch") {
    await feedBatches(task.count, async (records) => {
      let accepted: Promise<void> | undefined;
      for (const { key, value } of records) accepted = system.send(Bytes, value, undefined, { key });
      await accepted; // the last is accepted when all are
    });
    await system.drain(); // until all are acknowledged
  } else {
    await feedSingles(task.count, ({ key, value }) => system.publish(Bytes, value, { key }));
  }
  stopwatch.finish(task.count);
}
