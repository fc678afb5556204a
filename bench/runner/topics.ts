/**
 * The topics that are measured on: filled once, or new and deleted again.
 * @module
 */
import { ActorSystem, type Admin, event, kafka } from "@troupe/troupe";
import { orderRecord } from "../workload/order.ts";
import { partitions } from "./measurements.ts";

/** Bytes of a batch on a topic that is read: as a busy service with a short linger writes them. */
const batchBytes = 65_536;

/** A topic that is deleted at the end. */
export interface NewTopic extends AsyncDisposable {
  readonly name: string;
}

/** Makes a topic for one run. */
export async function newTopic(admin: Admin, name: string): Promise<NewTopic> {
  await admin.createTopics([{ name, partitions }]);
  return { name, [Symbol.asyncDispose]: () => admin.deleteTopics([name]) };
}

/** How many records stand on a topic. */
export async function recordsOn(admin: Admin, topic: string): Promise<number> {
  const ends = await admin.listOffsets([topic], "latest");
  return ends.reduce((sum, { offset }) => sum + offset, 0);
}

/** Makes and fills a topic, unless that was done by an earlier run: its name says what it holds. Answers its name. */
export async function filledTopic(
  admin: Admin,
  brokers: string,
  base: string,
  count: number,
  keys: number,
): Promise<string> {
  const name = `${base}-${count}-${keys}`;
  const [{ created }] = await admin.createTopics([{ name, partitions }], { existing: "keep" });
  if (!created && await recordsOn(admin, name) === count) return name;
  if (!created && await recordsOn(admin, name) > 0) {
    throw new Error(`topic ${name} holds something else than ${count} records: delete it, and run this again`);
  }
  const Bytes = event({ name: "OrderPlaced", topic: name });
  await using system = await ActorSystem.start({
    actors: [],
    events: [Bytes],
    broker: kafka({ brokers }),
    producer: { batchBytes, linger: 50 },
    logLevel: "warn",
  });
  for (let id = 0; id < count; id++) {
    const { key, value } = orderRecord(id % keys, Math.floor(id / keys));
    await system.send(Bytes, value, undefined, { key });
  }
  await system.drain();
  if (await recordsOn(admin, name) !== count) throw new Error(`topic ${name} could not be filled`);
  return name;
}
