/**
 * An embedded Kafka in virtual time with letters on it, and processes that redrive them.
 * @module
 */
import { Effect, type Exit, type Fiber } from "effect";
import { type Broker, DeadLetters, type RedriveError, type RedriveOptions, type RedriveReport } from "@troupe/troupe";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeSender } from "../../src/client/produce/sender.ts";
import { deadLetterOf, type DeadLetterReason } from "../../src/dead_letter/dead_letter.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { type ConsumerRecord, headerText, type ProducerRecord, type RecordHeaders } from "../../src/record.ts";
import { LogReader } from "../../src/testing/log_reader.ts";
import { ProcessLink } from "../../src/testing/process_link.ts";
import type { VirtualProcess } from "../../src/testing/virtual_process.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a letter of a test is made of; the value tells the letters apart. */
export interface Written {
  readonly key: string | null;
  readonly value: string;
  readonly partition?: number;
  readonly reason?: DeadLetterReason;
  readonly actor?: string;
  readonly redrives?: number;
  readonly headers?: RecordHeaders;
  readonly topic?: string;
  readonly turn?: string;
}

/** A redrive that is under way. */
export interface Running {
  readonly process: VirtualProcess;
  readonly link: ProcessLink;
  readonly fiber: Fiber.Fiber<RedriveReport, RedriveError>;
}

/** The world of one test: topics `orders` and `orders.dlt`. */
export class Office {
  readonly time: VirtualTime;
  readonly kafka: EmbeddedKafka;
  #offset = 0;

  constructor(partitions = 1, seed = 1) {
    this.time = new VirtualTime(seed);
    this.kafka = new EmbeddedKafka({ partitions });
    this.create({ orders: partitions, "orders.dlt": partitions });
  }

  /** Runs a program to its end. */
  run<A, E>(program: Effect.Effect<A, E>): A {
    return this.time.run(program);
  }

  /** Creates topics with so many partitions. */
  create(topics: Readonly<Record<string, number>>, configs: Readonly<Record<string, string>> = {}): void {
    this.run(Effect.scoped(Effect.gen({ self: this }, function* () {
      const cluster = yield* makeCluster(yield* this.kafka.open);
      yield* cluster.refresh([]);
      const connection = yield* cluster.anyConnection("admin");
      const wanted = Object.entries(topics).map(([name, numPartitions]) => ({
        name,
        numPartitions,
        replicationFactor: 1,
        configs,
      }));
      yield* connection.call("CreateTopics", { timeoutMs: 1_000, validateOnly: false, topics: wanted }, 5_000);
    })));
  }

  /** Writes records, in order. */
  write(records: ReadonlyArray<ProducerRecord>): void {
    this.run(Effect.scoped(Effect.gen({ self: this }, function* () {
      const cluster = yield* makeCluster(yield* this.kafka.open);
      const sender = yield* makeSender(cluster, { linger: 0 });
      yield* cluster.refresh([...new Set(records.map(({ topic }) => topic))]);
      for (const record of records) {
        let error: unknown = null;
        sender.offer(record, { settled: (refused) => void (error = refused) }, null);
        yield* sender.flush;
        if (error !== null) throw error;
      }
    })));
  }

  /** Writes dead letters to `orders.dlt`, as an actor does. */
  letters(written: ReadonlyArray<Written>): void {
    this.write(written.map((letter) => {
      const { key, value, partition = 0, reason = "retries-exhausted", actor = "shipping", redrives, topic } = letter;
      const carried: RecordHeaders = redrives === undefined ? [] : [["dlt-redrives", encoder.encode(String(redrives))]];
      const record: ConsumerRecord = {
        topic: topic ?? "orders",
        partition,
        offset: this.#offset++,
        timestamp: 1_700_000_000_000,
        key: key === null ? null : encoder.encode(key),
        value: encoder.encode(value),
        headers: [...(letter.headers ?? []), ...carried],
      };
      const note = { group: actor, actor, reason, error: `no luck with ${value}`, attempts: 2, turn: letter.turn };
      return deadLetterOf(record, "orders.dlt", note);
    }));
  }

  /** Deletes the letters of partition 0 below an offset, as their topic's retention would. */
  expire(offset: number): void {
    this.run(Effect.scoped(Effect.gen({ self: this }, function* () {
      const cluster = yield* makeCluster(yield* this.kafka.open);
      yield* cluster.refresh([]);
      const connection = yield* cluster.anyConnection("admin");
      const partitions = [{ partition: 0, offset }];
      yield* connection.call(
        "DeleteRecords",
        { timeoutMs: 1_000, topics: [{ name: "orders.dlt", partitions }] },
        5_000,
      );
    })));
  }

  /** Begins a redrive, in a process of its own. */
  begin(options?: RedriveOptions, timeout = 30_000): Running {
    const process = this.time.process();
    const link = new ProcessLink(this.kafka);
    return { process, link, fiber: process.fork(call(link.broker, options, timeout)) };
  }

  /** Redrives, in a process of its own. */
  redrive(options?: RedriveOptions, timeout = 30_000): RedriveReport {
    return this.run(call(this.kafkaBroker, options, timeout));
  }

  /** What a redrive fails with. */
  refusal(options?: RedriveOptions, timeout = 30_000): RedriveError {
    return this.run(Effect.flip(call(this.kafkaBroker, options, timeout)));
  }

  /** The values of the letters that `list` shows. */
  listed(options?: Parameters<DeadLetters["list"]>[1]): ReadonlyArray<string> {
    const list = Effect.flatMap(DeadLetters.make(this.kafkaBroker), (office) => office.list("orders.dlt", options));
    return this.run(Effect.scoped(list)).map(({ value }) => decoder.decode(value ?? undefined));
  }

  /** Lets time pass until `holds`; fails after `within` milliseconds. */
  until(holds: () => boolean, within = 60_000): void {
    const end = this.time.now + within;
    while (!holds()) {
      if (!this.time.step() || this.time.now > end) throw new Error(`still not so after ${within} ms: ${holds}`);
    }
  }

  /** Waits for the end of a redrive. */
  ended({ fiber }: Running): Exit.Exit<RedriveReport, RedriveError> {
    let exit = fiber.pollUnsafe();
    this.until(() => (exit = fiber.pollUnsafe()) !== undefined, 600_000);
    return exit as Exit.Exit<RedriveReport, RedriveError>;
  }

  /** All records of a topic, in the order of partitions and offsets. */
  records(topic: string): ReadonlyArray<ConsumerRecord> {
    return new LogReader(this.kafka).read([topic]);
  }

  /** The values of a topic's records. */
  values(topic = "orders"): ReadonlyArray<string> {
    return this.records(topic).map(({ value }) => decoder.decode(value ?? undefined));
  }

  /** The `dlt-redrives` of a topic's records. */
  redrives(topic = "orders"): ReadonlyArray<string | undefined> {
    return this.records(topic).map(({ headers }) => headerText(headers, "dlt-redrives"));
  }

  get kafkaBroker(): Broker {
    return { kind: "broker", name: "embedded", open: this.kafka.open };
  }
}

function call(broker: Broker, options: RedriveOptions | undefined, timeout: number) {
  const redriven = Effect.flatMap(
    DeadLetters.make(broker, { timeout }),
    (office) => office.redrive("orders.dlt", options),
  );
  return Effect.scoped(redriven);
}

/** Letters of the keys a and b by turns, named a-0, b-0, a-1, …. */
export function alternating(count: number, more: Partial<Written> = {}): ReadonlyArray<Written> {
  return Array.from({ length: count }, (_, i) => ["a", "b"].map((key) => ({ key, value: `${key}-${i}`, ...more })))
    .flat();
}
