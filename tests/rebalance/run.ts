/**
 * Consumers join and leave a group while it works through a topic.
 * @module
 */
import { Kafka, logLevel } from "kafkajs";
import type { SystemSettingsInput } from "@troupe/troupe";
import { produce } from "../scenarios/topic.ts";
import { until } from "../scenarios/within.ts";
import { freshName } from "../support/kafka_broker.ts";
import { type Consumer, consumers, type Consuming } from "./consumers.ts";
import { Tally } from "./tally.ts";

/** What is run. */
export interface RebalanceRun extends Pick<Consuming, "brokers" | "settings"> {
  readonly records: number;
  readonly partitions: number;
  /** Milliseconds that a record takes. */
  readonly work: number;
  /** Joins ("+") and leaves ("-", who is there longest) after the first consumer has begun. */
  readonly steps: ReadonlyArray<"+" | "-">;
  /** Milliseconds after each step beyond the time in which the partitions find their places. */
  readonly pause: number;
  readonly client: "ours" | "kafkajs" | "kafkajs-mailboxes";
  /** More settings, for each that joins: 0 is the first. */
  readonly deployed?: (join: number) => SystemSettingsInput;
  /** Told how it goes. */
  readonly log?: (line: string) => void;
}

/** What came of it. */
export interface RebalanceReport {
  readonly tally: Tally;
  /** How long each step took until all partitions went on with consumers that were there to stay, in milliseconds. */
  readonly took: ReadonlyArray<number>;
  /** Whether all steps were done before the records ran out. */
  readonly underLoad: boolean;
}

/** Ten of them: at most six consumers at once. */
export const tenSteps: ReadonlyArray<"+" | "-"> = ["+", "+", "-", "+", "-", "+", "-", "+", "-", "+"];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Fills a topic, runs the steps, and works on until every record was handled, or nothing comes any more. */
export async function runRebalance(run: RebalanceRun): Promise<RebalanceReport> {
  const { brokers, partitions, work, steps, pause, settings, log = () => {} } = run;
  const perPartition = Math.ceil(run.records / partitions);
  const topic = freshName("rebalance");
  await fill(brokers, topic, partitions, perPartition);
  log(`${partitions * perPartition} records on ${partitions} partitions`);
  const tally = new Tally(partitions, perPartition);
  const consuming: Consuming = { brokers, topic, group: freshName("rebalance"), tally, work, settings };
  const start = consumers[run.client];
  let joins = 0;
  const watch = tally.watch();
  const live: Array<Consumer> = [];
  const took: Array<number> = [];
  let underLoad = true;
  try {
    for (const [at, step] of (["+", ...steps] as const).entries()) {
      const began = performance.now();
      if (step === "+") {
        const settings = { ...run.settings, ...run.deployed?.(joins) };
        live.push(await start(`c${joins++}`, { ...consuming, settings }));
      } else await live.shift()?.stop();
      const settled = () => {
        const owners = tally.owners();
        return owners !== null && owners.size === live.length && live.every(({ name }) => owners.has(name));
      };
      tally.mark();
      while (tally.missing > 0 && !settled()) await sleep(5);
      underLoad &&= tally.missing > 0;
      took.push(performance.now() - began);
      await sleep(pause);
      log(`${step} ${live.length} there after ${Math.round(took[at])} ms; ${tally.missing} records to go`);
    }
    await finish(tally);
  } finally {
    watch.stop();
    for (const consumer of live.reverse()) await consumer.stop();
  }
  return { tally, took: took.slice(1), underLoad };
}

/** Waits until all is handled, or nothing has come for long. */
async function finish(tally: Tally): Promise<void> {
  for (let left = Infinity; tally.missing > 0 && tally.missing < left;) {
    left = tally.missing;
    await until(() => tally.missing, (now) => now === 0 || now < left, "records go on").catch(() => {});
  }
}

async function fill(brokers: string, topic: string, partitions: number, perPartition: number): Promise<void> {
  const admin = new Kafka({ clientId: "rebalance", brokers: brokers.split(","), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true })
    .finally(() => admin.disconnect());
  const padding = "x".repeat(60);
  const keys = partitions * 100;
  const messages = Array.from({ length: partitions * perPartition }, (_, i) => {
    const key = `k-${i % keys}`;
    return { key, partition: i % partitions, value: JSON.stringify({ key, n: Math.floor(i / keys), padding }) };
  });
  await produce(brokers, topic, messages);
}
