/**
 * Publishing as fast as possible: a Promise for each record, or one for a thousand.
 * @module
 */
import { ActorSystem, event, kafka, type Settled } from "@troupe/troupe";
import { feedBatches, feedSingles } from "../workload/feed.ts";
import { orderRecord } from "../workload/order.ts";
import { Stopwatch } from "../workload/stopwatch.ts";
import type { Task } from "../workload/task.ts";

/** The system makes its own batches, of each partition: more of them are under way while it waits for the first. */
const batchesAtOnce = 20;

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
    await feedBatches(task.count, batchesAtOnce, (records) => {
      const all = Promise.withResolvers<void>();
      let left = records.length;
      const settled: Settled = (error) => {
        if (error !== null) all.reject(error);
        else if (--left === 0) all.resolve();
      };
      for (const { key, value } of records) system.send(Bytes, value, settled, { key });
      return all.promise;
    });
  } else {
    await feedSingles(task.count, ({ key, value }) => system.publish(Bytes, value, { key }));
  }
  stopwatch.finish(task.count);
}
