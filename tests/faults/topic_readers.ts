/**
 * Two clients that read a topic as a group and say what they handled: a system of ours, and stock kafkajs by the book.
 * @module
 */
import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
import { Kafka, logLevel } from "kafkajs";

/** Which client. */
export type ReaderName = "ours" | "ours, newer group protocol" | "stock kafkajs";

/** How it reads. */
export interface ReaderOptions {
  readonly brokers: string;
  readonly topic: string;
  readonly group: string;
  readonly startFrom: "earliest" | "latest";
  readonly outOfRange: "fail" | "earliest" | "latest";
}

/** A running client. */
export interface Reader extends AsyncDisposable {
  /** The values handled, in order. */
  readonly handled: ReadonlyArray<string>;
}

/** Starts one; it has joined its group when this resolves. */
export function startReader(name: ReaderName, options: ReaderOptions): Promise<Reader> {
  if (name === "stock kafkajs") return startStock(options);
  return startOurs(options, name === "ours" ? "classic" : "consumer");
}

async function startOurs(
  { brokers, topic, group, startFrom, outOfRange }: ReaderOptions,
  groupProtocol: "classic" | "consumer",
): Promise<Reader> {
  const handled: string[] = [];
  const Value = event({ name: "Value", topic });
  const reader = actor({
    name: "reader",
    group,
    startFrom,
    outOfRange,
    receives: [Value],
    receive: (bytes) => void handled.push(new TextDecoder().decode(bytes as Uint8Array)),
  });
  const system = await ActorSystem.start({
    actors: [reader],
    broker: kafka({ brokers }),
    cluster: { metadataMaxAge: 2_000 },
    groupProtocol,
    logLevel: "none",
  });
  await system.whenReady(60_000);
  return { handled, [Symbol.asyncDispose]: async () => void await system.stop().catch(() => {}) };
}

async function startStock({ brokers, topic, group, startFrom }: ReaderOptions): Promise<Reader> {
  const handled: string[] = [];
  const client = new Kafka({
    clientId: "topics",
    brokers: brokers.split(","),
    logLevel: logLevel.NOTHING,
    retry: { retries: 1_000, initialRetryTime: 100, maxRetryTime: 1_000 },
  });
  const consumer = client.consumer({
    groupId: group,
    sessionTimeout: 10_000,
    heartbeatInterval: 300,
    maxWaitTimeInMs: 500,
    metadataMaxAge: 2_000,
    allowAutoTopicCreation: false,
    retry: { retries: 1_000, initialRetryTime: 100, maxRetryTime: 1_000 },
  });
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: startFrom === "earliest" });
  await consumer.run({
    autoCommitInterval: 1_000,
    partitionsConsumedConcurrently: 3,
    eachMessage: ({ message }) => Promise.resolve(void handled.push(message.value?.toString() ?? "")),
  });
  await joined.promise;
  const end = () => Promise.race([consumer.disconnect(), new Promise((resolve) => setTimeout(resolve, 10_000))]);
  return { handled, [Symbol.asyncDispose]: async () => void await end() };
}
