/**
 * Creates the topics of a schedule, lets one grow, and writes the tasks: past all faults.
 * @module
 */
import { Effect } from "effect";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import type { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import type { VirtualProcess } from "../../src/testing/virtual_process.ts";
import type { VirtualTime } from "../../src/testing/virtual_time.ts";
import type { Observer } from "./observer.ts";
import { GROWN, LETTERS, NOTES, PARTITIONS, recordOf, RESULTS, type Task, TASKS } from "./workload.ts";

const encoder = new TextEncoder();

/** See the module. */
export class Writer {
  /** Whether the topics are there. */
  ready = false;
  readonly #todo: Array<Task | "grow"> = [];
  #process: VirtualProcess | null = null;
  #held = false;
  #wake: () => void = () => {};

  constructor(private readonly time: VirtualTime, private readonly observer: Observer) {}

  /** Begins, or begins anew with another broker. */
  start(kafka: EmbeddedKafka): void {
    this.#process = this.time.process();
    this.#process.fork(this.#write(kafka));
  }

  /** Ends it as a power cut does. */
  kill(): void {
    this.#process?.kill();
    this.#wake = () => {};
  }

  /** Whether nothing is left to write. */
  get idle(): boolean {
    return this.#todo.length === 0;
  }

  /** Writes these tasks when all before them are written. */
  write(tasks: ReadonlyArray<Task>): void {
    this.#todo.push(...tasks);
    this.#wake();
  }

  /** Lets the topic of tasks grow when all before is done. */
  grow(): void {
    this.#todo.push("grow");
    this.#wake();
  }

  /** The broker is away. */
  hold(): void {
    this.#held = true;
  }

  /** It is back. */
  goOn(): void {
    this.#held = false;
    this.#wake();
  }

  readonly #more: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.#wake = () => {
      this.#wake = () => {};
      // By way of the scheduler: the seed orders it among the others.
      resume(Effect.yieldNow);
    };
  });

  #write(kafka: EmbeddedKafka): Effect.Effect<void> {
    const { observer, time } = this;
    return Effect.gen({ self: this }, function* () {
      const link = yield* kafka.open;
      const reconnect = Effect.retry(link.connect(link.bootstrap[0], "produce"), {
        while: () => Effect.as(Effect.sleep(10), true),
      });
      let connection = yield* reconnect;
      if (!this.ready) {
        const topics = [TASKS, RESULTS, LETTERS, NOTES].map((name) => ({
          name,
          numPartitions: PARTITIONS,
          replicationFactor: -1,
          configs: {},
        }));
        yield* connection.call("CreateTopics", { timeoutMs: 1_000, validateOnly: false, topics });
        this.ready = true;
      }
      for (;;) {
        const next = this.#todo[0];
        if (next === undefined || this.#held) {
          yield* this.#more;
          continue;
        }
        if (!connection.isOpen()) connection = yield* reconnect;
        this.#todo.shift();
        if (next === "grow") {
          observer.note(`${TASKS} grows`);
          const topics = [{ name: TASKS, count: GROWN }];
          yield* Effect.ignore(connection.call("CreatePartitions", { timeoutMs: 1_000, validateOnly: false, topics }));
          continue;
        }
        const { type, value } = recordOf(next);
        const batch = new BatchEncoder(time.now);
        batch.add(next.key, value, [["type", encoder.encode(type)]], time.now);
        const records = batch.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, compression: "none" });
        const topic = { name: TASKS, partitions: [{ partition: next.partition, records }] };
        // Known before it can be read. A broker that stops at this very time has stored it: it does so at once.
        observer.written(next);
        yield* Effect.ignore(
          connection.call("Produce", { transactionalId: null, acks: -1, timeoutMs: 1_000, topics: [topic] }),
        );
      }
    }).pipe(Effect.scoped, Effect.orDie);
  }
}
