/**
 * The one broker of the soak: its death and its return over the same data, and what is asked of it.
 * @module
 */
import { type Admin, Kafka, logLevel } from "kafkajs";
import { freePort, type KafkaNode, type KafkaOptions, startKafka } from "../../tools/kafka/node.ts";
import { answers } from "../../tools/kafka/probe.ts";
import { until } from "../scenarios/within.ts";
import { partitions, sleep } from "./job.ts";
import type { Span } from "./process.ts";

/** What a group has committed of a partition. */
export interface Committed {
  readonly offset: number;
  readonly metadata: string;
}

/** A broker that may be killed. */
export class Stage implements AsyncDisposable {
  /** When it was away. */
  readonly outages: Array<Span> = [];
  /** When it was there, or said to be, and answered nobody for two seconds or more: members may be missed for that. */
  readonly slow: Array<Span> = [];
  readonly tasks = "soak-tasks";
  readonly answers = "soak-answers";
  #node: KafkaNode;
  #watching = true;
  readonly #watch: Promise<void>;

  private constructor(
    readonly folder: string,
    node: KafkaNode,
    private readonly options: KafkaOptions,
  ) {
    this.#node = node;
    this.#watch = this.#look();
  }

  /** Starts it, with both topics, and its data in `folder`. */
  static async start(folder: string, sessionTimeout: number, signal: AbortSignal): Promise<Stage> {
    const options: KafkaOptions = {
      dataDir: `${folder}/kafka`,
      port: freePort(),
      startTimeout: 180_000,
      signal,
      settings: {
        // The newer group protocol's are the broker's to say.
        "group.consumer.session.timeout.ms": String(sessionTimeout),
        // What was rolled is flushed, and need not be read again after a death.
        "log.segment.bytes": String(8 << 20),
      },
    };
    const stage = new Stage(folder, await startKafka(options), options);
    try {
      const topics = [stage.tasks, stage.answers].map((topic) => ({ topic, numPartitions: partitions }));
      await stage.#admin((admin) => admin.createTopics({ waitForLeaders: true, topics }));
    } catch (cause) {
      await stage[Symbol.asyncDispose]();
      throw cause;
    }
    return stage;
  }

  /** What to give a client. */
  get brokers(): string {
    return this.#node.brokers;
  }

  /** Kills it: what it has stored is in the system's hands. */
  async kill(): Promise<void> {
    this.outages.push({ from: Date.now(), to: Infinity });
    await this.#node.kill();
  }

  /** Starts it again, over the same data at the same place. */
  async restart(): Promise<void> {
    this.#node = await startKafka(this.options);
    const outage = this.outages.at(-1);
    if (outage !== undefined) outage.to = Date.now();
  }

  /** Whether it has been killed and is not back. */
  get away(): boolean {
    return this.outages.at(-1)?.to === Infinity;
  }

  /** What the group has committed, by partition. */
  async committed(group: string): Promise<ReadonlyArray<Committed>> {
    const [found] = await this.#admin((admin) => admin.fetchOffsets({ groupId: group, topics: [this.tasks] }));
    const committed = Array.from({ length: partitions }, (): Committed => ({ offset: 0, metadata: "" }));
    for (const { partition, offset, metadata } of found.partitions) {
      if (Number(offset) >= 0) committed[partition] = { offset: Number(offset), metadata: metadata ?? "" };
    }
    return committed;
  }

  /** Where a topic ends, by partition. */
  async ends(topic: string): Promise<ReadonlyArray<number>> {
    const found = await this.#admin((admin) => admin.fetchTopicOffsets(topic));
    return found.toSorted((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watching = false;
    await this.#node.kill();
    await this.#watch;
  }

  /** Asks for its name, again and again. */
  async #look(): Promise<void> {
    const [hostname, port] = this.brokers.split(":");
    for (let last = Date.now(); this.#watching; await sleep(250)) {
      if (!await answers(hostname, Number(port))) continue;
      const now = Date.now();
      if (now - last > 2_000) this.slow.push({ from: last, to: now });
      last = now;
    }
  }

  /** A connection for each question: the last one may have died with the broker. */
  async #admin<A>(ask: (admin: Admin) => Promise<A>): Promise<A> {
    const retry = { retries: 3, initialRetryTime: 50, maxRetryTime: 300 };
    const kafka = new Kafka({ clientId: "soak", brokers: [this.brokers], logLevel: logLevel.NOTHING, retry });
    let answer: A | undefined;
    let failure: unknown;
    const attempt = async () => {
      const admin = kafka.admin();
      try {
        await admin.connect();
        answer = await ask(admin);
        return true;
      } catch (cause) {
        failure = cause;
        return false;
      } finally {
        await admin.disconnect().catch(() => {});
      }
    };
    await until(attempt, (is) => is, "the broker answers").catch((error) => {
      throw new Error(`${error.message} (${failure})`);
    });
    return answer as A;
  }
}
