/**
 * Reads both topics while the soak goes on, with plain kafkajs: nothing passes through code of ours. That it has read all is
 * seen by the offsets, which leave out none.
 * @module
 */
import { type Consumer, Kafka, logLevel } from "kafkajs";
import type { Ledger } from "./ledger.ts";
import type { Stage } from "./stage.ts";

/** Follows the topics from their beginning. */
export class Observer implements AsyncDisposable {
  /** What it could not make sense of: nothing, or the counts mean nothing. */
  readonly faults: Array<string> = [];
  readonly #consumer: Consumer;
  /** By topic and partition. */
  readonly #next = new Map<string, number>();

  private constructor(readonly stage: Stage, readonly ledger: Ledger, consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** Begins to read. */
  static async open(stage: Stage, ledger: Ledger): Promise<Observer> {
    const retry = { retries: 10_000, initialRetryTime: 100, maxRetryTime: 500 };
    const kafka = new Kafka({ clientId: "observer", brokers: [stage.brokers], logLevel: logLevel.NOTHING, retry });
    const consumer = kafka.consumer({ groupId: "observer", maxWaitTimeInMs: 100, sessionTimeout: 30_000, retry });
    const observer = new Observer(stage, ledger, consumer);
    await consumer.connect();
    await consumer.subscribe({ topics: [stage.tasks, stage.answers], fromBeginning: true });
    await consumer.run({
      autoCommitInterval: 2_000,
      eachBatch: ({ batch: { topic, partition, messages } }) => {
        const place = `${topic}/${partition}`;
        for (const { offset, value } of messages) {
          const next = observer.#next.get(place) ?? 0;
          // After a death of the broker it begins again where it has committed.
          if (Number(offset) < next) continue;
          if (Number(offset) > next) observer.faults.push(`${place}: ${offset} comes after ${next - 1}`);
          observer.#next.set(place, Number(offset) + 1);
          const record = JSON.parse(value?.toString() ?? "");
          if (topic === stage.answers) ledger.answer(record);
          else ledger.task(record.id, { partition, offset: Number(offset) });
        }
        return Promise.resolve();
      },
    });
    return observer;
  }

  /** How many records it has read. */
  get read(): number {
    return this.#next.values().reduce((sum, next) => sum + next, 0);
  }

  /** Whether it has read all that stands on the topics now. */
  async complete(): Promise<boolean> {
    for (const topic of [this.stage.tasks, this.stage.answers]) {
      const ends = await this.stage.ends(topic);
      if (ends.some((end, partition) => (this.#next.get(`${topic}/${partition}`) ?? 0) !== end)) return false;
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Where the broker is gone it would go on trying.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, 10_000));
    await Promise.race([this.#consumer.disconnect(), late]).finally(() => clearTimeout(timer));
  }
}
