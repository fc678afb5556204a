/**
 * A whole system on an embedded Kafka in virtual time, for tests that know no Effect.
 * @module
 */
import { Cause, Effect, Exit, Layer, Logger, Scope } from "effect";
import type { ActorDefinition, ServicesOfActors } from "../actor.ts";
import { ActorSystem } from "../actor_system.ts";
import type { LayerOption, SystemOptions } from "../system_options.ts";
import type { PublishOptions } from "../context.ts";
import type { ConfigError } from "../errors.ts";
import type { EventDefinition } from "../event.ts";
import { EmbeddedKafka } from "../link/embedded/embedded.ts";
import { loggerLayer, type LogLevel } from "../logger.ts";
import type { ConsumerRecord, RecordMetadata } from "../record.ts";
import { makeDeadLetterOffice, type RedriveOptions } from "../redrive/dead_letter_office.ts";
import type { RedriveReport } from "../redrive/redrive_report.ts";
import type { DrainReport } from "../runtime/system.ts";
import { LogReader } from "./log_reader.ts";
import { ProcessLink } from "./process_link.ts";
import { passTime, settle } from "./real_turns.ts";
import { TestFaults } from "./test_faults.ts";
import type { VirtualProcess } from "./virtual_process.ts";
import { VirtualTime } from "./virtual_time.ts";
import {
  ExpectationError,
  letterOf,
  type Received,
  type ReceivedDeadLetter,
  WrittenRecords,
} from "./written_records.ts";

/** What a system under test is made of: as for `ActorSystem.start`, but for the broker. */
export interface TestOptions<Actors extends ReadonlyArray<ActorDefinition> = ReadonlyArray<ActorDefinition>>
  extends Omit<SystemOptions<Actors>, "broker"> {
  /** What all chance comes from: the order in which fibers run, jitter, ids. The same seed gives the same run. Default 1. */
  readonly seed?: number;
  /** Partitions of a topic that is created at the start. Default 2. */
  readonly partitions?: number;
  /** From which severity on log lines are written. Default "error". */
  readonly logLevel?: LogLevel;
}

/** How many, and for how long. */
export interface ExpectOptions {
  /** How many. Default 1. */
  readonly count?: number;
  /** Virtual milliseconds. Default 60,000. */
  readonly within?: number;
}

// Virtual milliseconds in which whatever a test waits for without saying how long has to happen.
const WITHIN = 60_000;
// Longer than any drain.
const LONG = 3_600_000;

/** One process of the system under test. */
interface Running {
  readonly process: VirtualProcess;
  readonly link: ProcessLink;
  readonly system: ActorSystem;
}

/**
 * A system under test. The Kafka is real (an embedded one), the time is not: it passes only while a method of this object
 * is awaited, and only when nothing else can happen, so an hour of back-off takes milliseconds, and no test hangs on how
 * fast a machine is. What is published by the test itself meets no faults.
 *
 * `receive` may be a plain function, return a Promise, or an Effect. Promises that wait for real input or output, or for
 * real timers (`setTimeout`), take real time, which virtual time does not wait for.
 *
 * @example
 * ```ts
 * import { actor, event } from "@troupe/troupe";
 * import { TestSystem } from "@troupe/troupe/testing";
 * import { z } from "zod";
 *
 * const schema = z.object({ id: z.string() });
 * const Ordered = event({ name: "Ordered", topic: "orders", schema, key: (order) => order.id });
 * const Shipped = event({ name: "Shipped", topic: "shipments", schema, key: (order) => order.id });
 * const shipping = actor({
 *   name: "shipping",
 *   receives: [Ordered],
 *   publishes: [Shipped],
 *   retry: { times: 5, initial: 60_000 },
 *   receive: (order, context) => {
 *     if (context.attempt < 3) throw new Error("no lorry yet");
 *     context.publish(Shipped, order);
 *   },
 * });
 *
 * await using test = await TestSystem.start({ actors: [shipping] });
 * await test.publish(Ordered, { id: "o-1" });
 * const [shipped] = await test.expect(Shipped, { within: 600_000 }); // virtual milliseconds: back-off takes no real time
 * console.log(shipped.message.id); // o-1
 * ```
 */
export class TestSystem implements AsyncDisposable {
  /** What is to go wrong. */
  readonly faults: TestFaults;
  readonly #time: VirtualTime;
  readonly #written: WrittenRecords;
  /** The test's own connections. */
  readonly #ours: ProcessLink;
  #running: Running | null = null;
  #client: Running | null = null;

  private constructor(private readonly kafka: EmbeddedKafka, private readonly options: TestOptions) {
    this.#time = new VirtualTime(options.seed ?? 1);
    this.#written = new WrittenRecords(new LogReader(kafka));
    this.faults = new TestFaults(kafka);
    this.#ours = new ProcessLink(kafka);
    kafka.intercept = ({ api, connection }) => this.#ours.has(connection) ? null : this.faults.take(api);
  }

  /**
   * Starts a system on an empty Kafka and waits until it is ready. `await using` stops it at the end of the block.
   * Rejects with `ConfigError` where an option or a definition is wrong.
   */
  static async start<const Actors extends ReadonlyArray<ActorDefinition>>(
    options: TestOptions<Actors> & LayerOption<ServicesOfActors<Actors>>,
  ): Promise<TestSystem> {
    const partitions = options.partitions ?? 2;
    const test = new TestSystem(new EmbeddedKafka({ partitions }), { ...options, partitions });
    const events = [
      ...(options.events ?? []),
      ...options.actors.flatMap(({ receives, publishes }) => [...receives, ...publishes]),
    ];
    test.#client = await test.#launch({ actors: [], events, partitions }, test.#ours);
    await test.restart();
    return test;
  }

  /** The virtual time, in milliseconds since the test began: the time that actors' clocks show, too. */
  get now(): number {
    return this.#time.now;
  }

  /** The system under test. What its methods promise needs virtual time to pass: see {@linkcode TestSystem.until}. */
  get system(): ActorSystem {
    if (this.#running === null) throw new Error("the system was stopped or has crashed; restart() starts it again");
    return this.#running.system;
  }

  /** Publishes a message, as another program would. Waits for the acknowledgement. */
  publish<Message>(
    event: EventDefinition<string, Message>,
    message: Message,
    options?: PublishOptions,
  ): Promise<RecordMetadata> {
    if (this.#client === null) throw new Error("this test is over");
    return this.until(this.#client.system.publish(event, message, options), { within: LONG });
  }

  /**
   * Waits for the next messages of an event, whoever published them: those that no earlier call has given. Rejects with
   * {@linkcode ExpectationError}, which says what was written instead, when too few come.
   */
  async expect<Message>(
    event: EventDefinition<string, Message>,
    { count = 1, within = WITHIN }: ExpectOptions = {},
  ): Promise<ReadonlyArray<Received<Message>>> {
    const came = await passTime(this.#time, () => this.#written.waiting(event) >= count || this.#failed, within);
    if (!came || this.#written.waiting(event) < count) {
      throw this.#disappointed(`${count} × ${event.name}`, this.#written.waiting(event), within);
    }
    return this.#written.take(event, count);
  }

  /** Lets time pass, and rejects with {@linkcode ExpectationError} if a message of the event comes meanwhile. */
  async expectNone<Message>(
    event: EventDefinition<string, Message>,
    { within = WITHIN }: Pick<ExpectOptions, "within"> = {},
  ): Promise<void> {
    if (!await passTime(this.#time, () => this.#written.waiting(event) > 0, within)) return;
    const [{ message, record: { topic, partition, offset } }] = this.#written.take(event, 1);
    const shown = message instanceof Uint8Array ? `${message.length} bytes` : JSON.stringify(message);
    throw new ExpectationError(`expected no ${event.name}; at ${topic}/${partition}@${offset} stands ${shown}`);
  }

  /**
   * All dead letters of a topic's records so far; with `count`, waits until there are as many (default 0). Rejects with
   * {@linkcode ExpectationError} when too few come.
   */
  async deadLetters(
    topic: string,
    { count = 0, within = WITHIN }: ExpectOptions = {},
  ): Promise<ReadonlyArray<ReceivedDeadLetter>> {
    const receivers = this.options.actors.filter(({ receives }) => receives.some((event) => event.topic === topic));
    const topics = new Set(receivers.map(({ settings }) => settings.deadLetterTopic(topic)));
    const letters = () => [...topics].flatMap((name) => this.#written.records(name));
    const came = await passTime(this.#time, () => letters().length >= count || this.#failed, within);
    const found = letters();
    if (!came || found.length < count) {
      throw this.#disappointed(`${count} dead letters of ${topic}`, found.length, within);
    }
    return found.map(letterOf);
  }

  /** Redrives dead letters, as another program would: see `DeadLetters.redrive`. Waits for its end. */
  redrive(topic: string, options?: RedriveOptions): Promise<RedriveReport> {
    if (this.#client === null) throw new Error("this test is over");
    const office = makeDeadLetterOffice(this.#ours.broker);
    const redriven = Effect.scoped(Effect.flatMap(office, (letters) => letters.redrive(topic, options)));
    const fiber = this.#client.process.fork(Effect.provide(redriven, Logger.layer([])));
    const ended = new Promise<RedriveReport>((resolve, reject) => {
      fiber.addObserver((exit) => Exit.isSuccess(exit) ? resolve(exit.value) : reject(Cause.squash(exit.cause)));
    });
    return this.until(ended, { within: LONG });
  }

  /** All records of a topic so far, in the order they were written; per partition that is the order of offsets. */
  records(topic: string): ReadonlyArray<ConsumerRecord> {
    return this.#written.records(topic);
  }

  /** Waits until everything that stands in the actors' topics is received, settled and committed. */
  async handled({ within = WITHIN }: Pick<ExpectOptions, "within"> = {}): Promise<void> {
    const came = await passTime(this.#time, () => this.#unhandled().length === 0 || this.#failed, within);
    const left = this.#unhandled();
    if (came && left.length === 0) return;
    throw this.#disappointed("everything handled", undefined, within, `not committed: ${left.join(", ")}`);
  }

  /** Lets virtual time pass. */
  async advance(ms: number): Promise<void> {
    await passTime(this.#time, () => false, ms);
  }

  /**
   * Waits for a Promise of the program under test, such as an answer of its HTTP routes, while virtual time passes.
   * Rejects as it does, and with {@linkcode ExpectationError} where it does not settle in time.
   */
  async until<A>(promise: PromiseLike<A>, { within = WITHIN }: Pick<ExpectOptions, "within"> = {}): Promise<A> {
    let settled = false;
    const note = () => void (settled = true);
    promise.then(note, note);
    await passTime(this.#time, () => settled, within);
    if (settled) return await promise;
    throw new ExpectationError(`the Promise did not settle within ${within} virtual ms`);
  }

  /** Ends the system as SIGKILL would: nothing is finished, committed or released, and its connections end. */
  async crash(): Promise<void> {
    if (this.#running === null) return;
    const { process, link } = this.#running;
    this.#running = null;
    process.kill();
    link.cut();
    await settle(this.#time);
  }

  /** Drains the system and releases what it holds. */
  async stop(): Promise<DrainReport> {
    const report = await this.until(this.system.stop(), { within: LONG });
    this.#running = null;
    return report;
  }

  /** Starts the system again on the same Kafka, after a crash or a stop; one that runs is stopped first. Waits until it is ready. */
  async restart(): Promise<void> {
    if (this.#running !== null) await this.stop();
    this.#running = await this.#launch(this.options, new ProcessLink(this.kafka));
    await this.until(this.system.whenReady(WITHIN), { within: LONG });
  }

  /** Ends all that is left of the test. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.faults.clear();
    if (this.#running !== null) await this.stop();
    const client = this.#client;
    this.#client = null;
    if (client !== null) await this.until(client.system.stop(), { within: LONG });
  }

  get #failed(): boolean {
    return this.#running?.system.state === "failed";
  }

  async #launch(options: Omit<TestOptions, "seed">, link: ProcessLink): Promise<Running> {
    const logger = await loggerLayer(options.logLevel ?? "error");
    const process = this.#time.process();
    const scope = Scope.makeUnsafe();
    const { layer = Layer.empty } = options as { readonly layer?: Layer.Layer<never, unknown> };
    // What services the actors require, `start` has asked the layer for.
    const make = ActorSystem.make({ ...options, broker: link.broker }) as Effect.Effect<
      ActorSystem,
      ConfigError,
      Scope.Scope
    >;
    const made = Effect.flatMap(
      Layer.build(Layer.merge(logger, layer)),
      (context) => Effect.provideContext(make, context),
    );
    const fiber = process.fork(Scope.provide(made, scope));
    await passTime(this.#time, () => fiber.pollUnsafe() !== undefined, LONG);
    const exit = fiber.pollUnsafe();
    if (exit !== undefined && Exit.isSuccess(exit)) return { process, link, system: exit.value };
    process.kill();
    link.cut();
    throw exit === undefined ? new ExpectationError("the system does not start") : Cause.squash(exit.cause);
  }

  #unhandled(): ReadonlyArray<string> {
    const left: string[] = [];
    for (const { group, receives } of this.options.actors) {
      for (const topic of new Set(receives.map((event) => event.topic))) {
        for (let partition = 0;; partition++) {
          const log = this.kafka.log(topic, partition);
          if (log === undefined) break;
          const committed = this.kafka.committed(group, topic, partition)?.offset ?? log.startOffset;
          if (committed < log.endOffset) left.push(`${topic}/${partition}@${committed} by ${group}`);
        }
      }
    }
    return left;
  }

  #disappointed(expected: string, came: number | undefined, within: number, detail?: string): ExpectationError {
    const health = this.#running === null
      ? "the system is not running"
      : this.#running.system.health().reasons.join("; ");
    const lines = [
      `expected ${expected} within ${within} virtual ms${came === undefined ? "" : `, but ${came} came`}`,
      detail,
      health,
      this.#written.summary(),
    ];
    return new ExpectationError(lines.filter((line) => line !== undefined && line !== "").join("\n"));
  }
}
