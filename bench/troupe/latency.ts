/**
 * From a publish to the actor that receives it, at 500 records a second.
 * @module
 */
import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
import { Pace } from "../workload/pace.ts";
import { Stopwatch } from "../workload/stopwatch.ts";
import type { Task } from "../workload/task.ts";

/** See the module. */
export async function latency(task: Task): Promise<void> {
  const pace = new Pace(task.count, new Stopwatch());
  const Bytes = event({ name: "OrderPlaced", topic: task.topic });
  const receiver = actor({
    name: "receiver",
    group: task.group,
    receives: [Bytes],
    receive: (_value, { key }) => key === null ? undefined : pace.came(key),
  });
  const system = await ActorSystem.start({
    actors: [receiver],
    broker: kafka({ brokers: task.brokers }),
    producer: { linger: 0 },
    logLevel: "warn",
  });
  await system.whenReady();
  await pace.run(({ key, value }) => system.publish(Bytes, value, { key }));
}
