/**
 * Two troubles with ours, all times as they are by default, and stock kafkajs side by side: a handler that never returns,
 * and a connection whose fetches get no answer any more.
 * @module
 */
import { ActorSystem, event, kafka } from "@troupe/troupe";
import { Kafka, logLevel } from "kafkajs";
import { startKafka } from "../../tools/kafka/node.ts";
import { Proxy } from "../faults/proxy.ts";
import { freshName } from "../support/kafka_broker.ts";
import type { Job } from "./job.ts";
import { Watched } from "./watched.ts";

/** Who. */
export type Client = "ours" | "stock kafkajs";

const FETCH = 1;
// How long it is looked at, in milliseconds.
const long = 180_000;

/** A node behind a proxy, a topic of two partitions, and a process that reads it. */
interface Place extends AsyncDisposable {
  readonly proxy: Proxy;
  readonly brokers: string;
  readonly group: string;
  readonly watched: Watched;
  readonly publish: (value: string, ...partitions: ReadonlyArray<number>) => Promise<void>;
}

async function begin(client: Client, job: Partial<Job>): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  let port = 0;
  const proxy = stack.use(new Proxy(0, () => port));
  const brokers = `127.0.0.1:${proxy.port}`;
  const node = stack.use(await startKafka({ settings: { "advertised.listeners": `PLAINTEXT://${brokers}` } }));
  port = Number(node.brokers.split(":")[1]);
  const [topic, group] = [freshName("beside"), freshName("reader")];
  const Noted = event({ name: "Noted", topic });
  const options = {
    actors: [],
    events: [Noted],
    broker: kafka({ brokers }),
    partitions: 2,
    logLevel: "error",
  } as const;
  const publisher = stack.use(await ActorSystem.start(options));
  await publisher.whenReady(30_000);
  const publish = async (value: string, ...partitions: ReadonlyArray<number>) => {
    for (const partition of partitions) {
      await publisher.publish(Noted, new TextEncoder().encode(value), { partition });
    }
  };
  await publish("first", 0, 1);
  const watched = stack.use(new Watched(client, { brokers, topic, group, defaults: true, ...job }));
  await watched.first(/^received first/);
  await watched.first(client === "ours" ? /ready 200/ : /^joined/);
  const kept = stack.move();
  return { proxy, brokers, group, watched, publish, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const seconds = (from: number, to: number | undefined) =>
  to === undefined ? `not within ${long / 1_000} s` : `${Math.round((to - from) / 100) / 10} s`;

/** Waits until it has received all of these, or until nobody waits any longer. */
async function received(watched: Watched, ...what: ReadonlyArray<RegExp>): Promise<ReadonlyArray<number | undefined>> {
  const ats = () => what.map((one) => watched.happened.find((happened) => one.test(happened.what))?.at);
  for (const end = Date.now() + long; ats().includes(undefined) && watched.ended === null && Date.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return ats();
}

/** What else is to be known at the end. */
async function state({ watched, brokers, group }: Place): Promise<string> {
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const [found] = (await admin.describeGroups([group])).groups;
  await admin.disconnect();
  const crashes = watched.happened.filter(({ what }) => what.startsWith("crash")).length;
  const timedOut = watched.happened.filter(({ what }) => what.startsWith("request timed out")).length;
  const process = watched.ended === null ? "the process lives" : `exit code ${watched.ended.code}`;
  const last = watched.happened.findLast(({ what }) => what.startsWith("live"))?.what;
  return [`${process}, ${found.members.length} members`, `${crashes} crashes`, `${timedOut} requests timed out`, last]
    .filter((one) => one !== undefined && !one.startsWith("0 ")).join(", ");
}

/** A handler that never returns on one partition. */
export async function stuckHandler(client: Client): Promise<string> {
  await using place = await begin(client, { handler: "never" });
  const { watched, publish } = place;
  await publish("stuck", 0);
  const { at } = await watched.first(/^received stuck/);
  await publish("next", 0, 1);
  const [other, own] = await received(watched, /^received next 1 @1/, /^received next 1 @2/);
  return `next of another partition: ${seconds(at, other)}; of its own: ${seconds(at, own)}; ${await state(place)}`;
}

/** Fetches on the connections that are open get no answer any more; others do. */
export async function deafConnection(client: Client): Promise<string> {
  await using place = await begin(client, {});
  const { watched, proxy, publish } = place;
  const armed = performance.now();
  proxy.answer = ({ apiKey, opened }) => apiKey === FETCH && opened < armed ? "swallow" : "pass";
  const at = Date.now();
  await publish("next", 0, 1);
  const [first] = await received(watched, /^received next 1 @1/);
  return `received again after ${seconds(at, first)}; ${await state(place)}`;
}
