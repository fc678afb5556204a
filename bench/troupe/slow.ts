/**
 * A handler that waits 10 ms, ordered by key, 100 in hand at once; beside it 100 bare loops of the same wait, in the same
 * process.
 * @module
 */
import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
import { atOnce, bareLoops, KeyWatch, slowly } from "../workload/key_watch.ts";
import { Order } from "../workload/order.ts";
import { Stopwatch } from "../workload/stopwatch.ts";
import type { Task } from "../workload/task.ts";

/** See the module. */
export async function slow(task: Task): Promise<void> {
  const stopwatch = new Stopwatch();
  const watch = new KeyWatch();
  const all = Promise.withResolvers<void>();
  // What an actor has in hand is bounded by partition. The bound over all partitions is the program's own, as that of a
  // pool of connections would be.
  const pool = new Pool(atOnce);
  const OrderPlaced = event({ name: "OrderPlaced", topic: task.topic, schema: Order, key: (order) => order.order_id });
  const worker = actor({
    name: "worker",
    group: task.group,
    receives: [OrderPlaced],
    receive: async ({ order_id, seq }) => {
      stopwatch.start();
      await pool.take();
      watch.begin(order_id, seq);
      await slowly();
      watch.end(order_id, seq);
      pool.give();
      if (watch.handled === task.count) all.resolve();
    },
  });
  const broker = kafka({ brokers: task.brokers });
  const system = await ActorSystem.start({ actors: [worker], broker, logLevel: "warn" });
  await all.promise;
  const took = stopwatch.lap();
  await system.drain();
  const bare = await bareLoops(task.count);
  stopwatch.finish(watch.handled, {
    ...took,
    ...watch.found(),
    bare_per_s: bare,
    of_bare: watch.handled / took.ms * 1_000 / bare,
  });
}

class Pool {
  readonly #waiting: Array<() => void> = [];
  constructor(private free: number) {}

  take(): Promise<void> | undefined {
    if (this.free > 0) this.free--;
    else return new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.free++;
    else next();
  }
}
