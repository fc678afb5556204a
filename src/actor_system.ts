/**
 * The actor system as a program sees it: started, published through, stopped.
 * @module
 */
import { type Context, Effect, Exit, Fiber, Layer, Option, Scope } from "effect";
import type { ActorDefinition, ServicesOfActors } from "./actor.ts";
import type { PublishOptions } from "./context.ts";
import { ConfigError, type PublishError } from "./errors.ts";
import { EventLoopWatch } from "./event_loop.ts";
import type { EventDefinition } from "./event.ts";
import { loggerLayer } from "./logger.ts";
import type { RecordMetadata } from "./record.ts";
import type { Health, SystemState } from "./runtime/health.ts";
import { recordOf } from "./runtime/publication.ts";
import { acquire } from "./runtime/resource.ts";
import { type DrainReport, makeSystem, type Settled, type System } from "./runtime/system.ts";
import { systemMetrics } from "./runtime/system_metrics.ts";
import { listenForSignals } from "./signals.ts";
import { checkLogLevel, checkNames, checkOptions, type LayerOption, type SystemOptions } from "./system_options.ts";

/** Milliseconds that what a failed system holds has to be let go, after its drain, before the process ends. */
const CLOSING = 10_000;
/** The exit code for a wrong configuration: EX_CONFIG of sysexits.h. */
const WRONG_CONFIGURATION = 78;

/**
 * A running system. Made by {@linkcode ActorSystem.start}, {@linkcode ActorSystem.run}, or, for programs in Effect,
 * {@linkcode ActorSystem.make}.
 *
 * @example
 * ```ts
 * import { ActorSystem, embedded, event } from "@troupe/troupe";
 *
 * const Ping = event({ name: "Ping", topic: "pings" });
 * await using system = await ActorSystem.start({ actors: [], events: [Ping], broker: embedded(), logLevel: "error" });
 * await system.publish(Ping, new Uint8Array([1]));
 * ```
 */
export class ActorSystem implements AsyncDisposable {
  readonly #system: System;
  readonly #context: Context.Context<never>;
  readonly #close: Effect.Effect<void>;
  /** Where time is real. */
  #loop: EventLoopWatch | null = null;

  private constructor(system: System, context: Context.Context<never>, close: Effect.Effect<void>) {
    this.#system = system;
    this.#context = context;
    this.#close = close;
  }

  /**
   * Runs a system until SIGINT or SIGTERM, drains it, and sets the exit code: 0 after a clean end, 1 when the system failed or
   * work was left unfinished past `drainTimeout`, 78 (and one line that says why) when an option is wrong or the brokers
   * refuse this client from the first (its password, its certificate, or theirs). A second signal, 1 s or more after the
   * first, ends the process at once with 130 or 143.
   *
   * @example The whole of a service's main file
   * ```ts ignore
   * import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
   * import { z } from "zod";
   *
   * const Paid = event({ name: "Paid", topic: "payments", schema: z.object({ id: z.string() }), key: (paid) => paid.id });
   * const mailer = actor({ name: "mailer", receives: [Paid], receive: (paid, { log }) => log.info(`thanks for ${paid.id}`) });
   *
   * await ActorSystem.run({ actors: [mailer], broker: kafka({ brokers: "127.0.0.1:9092" }) });
   * ```
   */
  static async run<const Actors extends ReadonlyArray<ActorDefinition>>(
    options: SystemOptions<Actors> & LayerOption<ServicesOfActors<Actors>>,
  ): Promise<void> {
    using signals = listenForSignals();
    let system: ActorSystem;
    try {
      system = await ActorSystem.start(options);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      console.error(error.message);
      Deno.exit(WRONG_CONFIGURATION);
    }
    const failed = system.ended.then(() => null, (error: unknown) => error);
    const failing = await Promise.race([signals.first.then(() => null), failed]);
    // Nobody may be there to end a process that has failed, whatever holds it.
    const { unfinished } = await system.#end(failing === null ? Infinity : CLOSING);
    const failure = failing ?? await failed;
    // What was left behind may hold the process for ever, so it is not waited for.
    if (failure instanceof ConfigError) Deno.exit(WRONG_CONFIGURATION);
    if (unfinished.length > 0 || failure !== null) Deno.exit(1);
    Deno.exitCode = 0;
  }

  /**
   * Starts a system. Resolves once its services are acquired; a broker that is away is waited for in the background (see
   * {@linkcode ActorSystem.whenReady}). `await using` stops it at the end of the block.
   *
   * Rejects with {@linkcode ConfigError} when an option or a definition is wrong, or when the brokers refuse this client at
   * once: nothing is left running then. Where they answer only later, {@linkcode ActorSystem.ended} rejects with it.
   *
   * @example
   * ```ts
   * import { actor, ActorSystem, embedded, event } from "@troupe/troupe";
   * import { z } from "zod";
   *
   * const Paid = event({ name: "Paid", topic: "payments", schema: z.object({ id: z.string() }) });
   * const received = Promise.withResolvers<string>();
   * const mailer = actor({ name: "mailer", receives: [Paid], receive: (paid) => received.resolve(paid.id) });
   *
   * await using system = await ActorSystem.start({ actors: [mailer], broker: embedded(), logLevel: "error" });
   * await system.publish(Paid, { id: "p-1" });
   * console.log(await received.promise); // p-1
   * ```
   */
  static async start<const Actors extends ReadonlyArray<ActorDefinition>>(
    options: SystemOptions<Actors> & LayerOption<ServicesOfActors<Actors>>,
  ): Promise<ActorSystem> {
    checkNames(options);
    const logger = await loggerLayer(checkLogLevel(options.logLevel));
    const scope = Scope.makeUnsafe();
    const started = Effect.gen(function* () {
      const services = yield* Layer.build(options.layer ?? Layer.empty);
      const system = yield* Effect.provideContext(ActorSystem.#make(options, scope), services);
      yield* Scope.addFinalizer(scope, Effect.sync(() => system.#loop?.[Symbol.dispose]()));
      system.#watchLoop();
      return system;
    });
    // The logger belongs to the system's whole life, not only to its start.
    const logged = Effect.flatMap(Layer.build(logger), (context) => Effect.provideContext(started, context));
    return await Effect.runPromise(
      logged.pipe(Scope.provide(scope), Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))),
    );
  }

  /**
   * The same for programs in Effect: the system drains and stops when the scope closes. Logging is the program's own, and
   * what the actors' Effects require the program provides.
   *
   * @example
   * ```ts
   * import { ActorSystem, embedded, event } from "@troupe/troupe";
   * import { Effect } from "effect";
   *
   * const Ping = event({ name: "Ping", topic: "pings" });
   * const program = Effect.gen(function* () {
   *   const system = yield* ActorSystem.make({ actors: [], events: [Ping], broker: embedded() });
   *   const { topic } = yield* system.publishEffect(Ping, new Uint8Array([1]));
   *   console.log(topic); // pings
   * });
   * await Effect.runPromise(Effect.scoped(program));
   * ```
   */
  static make<const Actors extends ReadonlyArray<ActorDefinition>>(
    options: Omit<SystemOptions<Actors>, "logLevel">,
  ): Effect.Effect<ActorSystem, ConfigError, Scope.Scope | ServicesOfActors<Actors>> {
    return Effect.flatMap(Effect.scope, (scope) => ActorSystem.#make(options, Scope.forkUnsafe(scope)));
  }

  /** Makes a system whose all ends when `scope` closes. */
  static readonly #make = Effect.fnUntraced(function* (
    options: Omit<SystemOptions, "logLevel">,
    scope: Scope.Closeable,
  ): Effect.fn.Return<ActorSystem, ConfigError> {
    yield* checkOptions(options);
    const context = yield* Effect.context<never>();
    const inner = Scope.forkUnsafe(scope);
    const core = yield* Scope.provide(makeSystem(options, options.broker.open), inner);
    const system = new ActorSystem(core, context, Scope.close(scope, Exit.void));
    for (const service of options.services ?? []) {
      yield* Effect.try({ try: () => service(system), catch: (error) => error }).pipe(
        Effect.flatMap(acquire),
        Effect.catch((error) => error instanceof ConfigError ? Effect.fail(error) : Effect.die(error)),
        Scope.provide(scope),
      );
    }
    // Added last, so that it comes first: servers answer until the drain is over.
    yield* Scope.addFinalizer(scope, core.drain);
    return system;
  });

  /** What the system is doing. */
  get state(): SystemState {
    return this.#system.state;
  }

  /** Resolves when the system has stopped; rejects with the reason when it has failed. */
  get ended(): Promise<void> {
    return this.#run(this.#system.ended);
  }

  /** Whether it is well. */
  health(): Health {
    return this.#system.health();
  }

  /** Waits until the system is ready, `within` milliseconds at most (default 10,000). Answers whether it is. */
  whenReady(within: number = 10_000): Promise<boolean> {
    return this.#run(this.#system.whenReady(within));
  }

  /** The metrics in Prometheus' text format. */
  metrics(): string {
    const { rss, heapUsed } = Deno.memoryUsage();
    const startedAt = performance.timeOrigin / 1_000;
    const { longest = 0, stalls = 0 } = this.#loop ?? {};
    const figures = { startedAt, residentBytes: rss, heapBytes: heapUsed, longestPause: longest / 1_000, stalls };
    return systemMetrics(this.#system, figures);
  }

  #watchLoop(): void {
    const loop = this.#loop = new EventLoopWatch(this.#system.settings.watchdog.stallAfter, (ms) => {
      const at = this.#system.busiest();
      this.#log(Effect.logError(
        `the event loop stood still for ${ms} ms, and with it heartbeats, HTTP and signals: something computed that long ` +
          `${
            at === null ? "" : `(most likely ${at}) `
          }or the process was frozen; divide the work, or do it in a Worker`,
      ));
    });
    this.#system.stalled = () => loop.trouble();
  }

  /**
   * Publishes one message. Resolves with where it stands once the broker has acknowledged it (all replicas in sync);
   * rejects with {@linkcode PublishError} when it never will, at the latest after the delivery time-out (120,000 ms).
   */
  publish<Message>(
    event: EventDefinition<string, Message>,
    message: Message,
    options?: PublishOptions,
  ): Promise<RecordMetadata> {
    // Without a fiber: who awaits a Promise goes on after the sender's own call as well.
    return new Promise((resolve, reject) => {
      const settled: Settled = (error, metadata) => error === null ? resolve(metadata) : reject(error);
      const rest = this.#system.accept(recordOf(event, message, options, undefined), settled);
      if (rest !== null) this.#run(rest).catch(reject);
    });
  }

  /** {@linkcode ActorSystem.publish} as an Effect. Interrupted, it stops waiting; the record goes on. */
  publishEffect<Message>(
    event: EventDefinition<string, Message>,
    message: Message,
    options?: PublishOptions,
  ): Effect.Effect<RecordMetadata, PublishError> {
    return this.#system.publish(event, message, options);
  }

  /**
   * Publishes without waiting for the acknowledgement. Resolves as soon as the record is accepted, at once unless the
   * sender's memory is full: await it, and you are slowed down instead of filling memory. `settled` is told in the end;
   * without it an error is logged and counted (`troupe_sends_failed_total`).
   */
  send<Message>(
    event: EventDefinition<string, Message>,
    message: Message,
    settled?: Settled,
    options?: PublishOptions,
  ): Promise<void> {
    const rest = this.#system.accept(
      recordOf(event, message, options, undefined),
      settled === undefined ? this.#untold : this.#guarded(settled),
    );
    return rest === null ? accepted : this.#run(rest);
  }

  /** Stops taking work, finishes what is in flight (up to `drainTimeout`), commits, leaves the groups. Services stay. */
  drain(): Promise<DrainReport> {
    return this.#run(this.#system.drain);
  }

  /** Drains, then releases everything. Again: the same report. */
  stop(): Promise<DrainReport> {
    return this.#end(Infinity);
  }

  async #end(within: number): Promise<DrainReport> {
    const report = await this.drain();
    const closing = Effect.forkDetach(this.#close, { startImmediately: true });
    const closed = Effect.flatMap(closing, (fiber) => Effect.timeoutOption(Fiber.join(fiber), within));
    if (Option.isNone(await this.#run(closed))) {
      this.#log(Effect.logError(`what the system holds was not let go within ${within} ms, and is left behind`));
    }
    return report;
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #run<A, E>(effect: Effect.Effect<A, E>): Promise<A> {
    return Effect.runPromiseWith(this.#context)(effect);
  }

  readonly #untold: Settled = (error) => {
    if (error === null) return;
    this.#system.sendsFailed++;
    this.#log(Effect.logError(error.message));
  };

  /** A callback that throws must not hurt the sender. */
  #guarded(settled: Settled): Settled {
    return (error, metadata) => {
      try {
        settled(error, metadata);
      } catch (cause) {
        this.#log(Effect.logError(`the callback of a send threw: ${cause instanceof Error ? cause.message : cause}`));
      }
    };
  }

  #log(entry: Effect.Effect<void>): void {
    Effect.runSyncWith(this.#context)(entry);
  }
}

const accepted: Promise<void> = Promise.resolve();
