/**
 * One process of a simulation: the real runtime and client, told to stop or killed.
 * @module
 */
import { Cause, Deferred, Effect, Exit, type Fiber, Logger, Random, References } from "effect";
import { actor, type ActorDefinition } from "../../src/actor.ts";
import type { Incarnation } from "../../src/context.ts";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import type { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import type { Link } from "../../src/link/link.ts";
import type { ApiName, Request } from "../../src/link/protocol.ts";
import { makeSystem, type System } from "../../src/runtime/system.ts";
import { ProcessLink } from "../../src/testing/process_link.ts";
import type { VirtualProcess } from "../../src/testing/virtual_process.ts";
import type { VirtualTime } from "../../src/testing/virtual_time.ts";
import type { Observer } from "./observer.ts";
import {
  BATCH,
  Foreign,
  GROUP,
  type Host,
  KILLED_AFTER,
  Noted,
  PARTITIONS,
  receive,
  RECEIVE_TIMEOUT,
  receiveBatch,
  RESULTS,
  RETRIES,
  SESSION_TIMEOUT,
  Tasked,
  TASKS,
  Worked,
} from "./workload.ts";

// What the wall clocks begin at: a day in 2023.
const EPOCH = 1_700_000_000_000;

/** Records a partition's mailbox takes before it asks for no more. */
const CAPACITY = 6;

/** See the module. */
export class MemberProcess implements Host {
  state: "running" | "stopping" | "ended" = "running";
  readonly link: ProcessLink;
  readonly #process: VirtualProcess;
  readonly #stop = Deferred.makeUnsafe<void>();
  readonly #fiber: Fiber.Fiber<void, unknown>;
  /** Resources that are acquired and not released. */
  readonly #resources = new Set<object>();

  /** `seat`: whose place it takes, where processes are static members. */
  constructor(
    readonly name: string,
    readonly seat: string,
    time: VirtualTime,
    kafka: EmbeddedKafka,
    private readonly observer: Observer,
  ) {
    this.link = new ProcessLink(kafka);
    this.#process = time.process();
    this.#process.clockAhead = EPOCH;
    this.#fiber = this.#process.fork(this.#run.pipe(
      Effect.provide(Logger.layer([this.#logger])),
      Effect.provideService(References.MinimumLogLevel, "Debug"),
    ));
    this.#fiber.addObserver((exit) => {
      this.state = "ended";
      observer.note(`${name} has ended`);
      if (Exit.isFailure(exit)) this.#alarm(`${name} failed: ${Cause.pretty(exit.cause)}`);
    });
  }

  /** Tells it to drain and end, as SIGTERM does. */
  stop(): void {
    if (this.state !== "running") return;
    this.state = "stopping";
    this.observer.note(`${this.name} is told to stop`);
    // Who is frozen hears of it later.
    if (!this.frozen) Deferred.doneUnsafe(this.#stop, Exit.void);
  }

  /** Whether it stands still. */
  get frozen(): boolean {
    return this.#process.frozen;
  }

  /** Stops it where it is, as SIGSTOP does. */
  freeze(): void {
    this.observer.note(`${this.name} is frozen`);
    this.#process.freeze();
  }

  /** Lets it go on, as SIGCONT does. */
  thaw(): void {
    if (this.state === "ended") return;
    this.observer.note(`${this.name} goes on`);
    this.#process.thaw();
    if (this.state === "stopping") Deferred.doneUnsafe(this.#stop, Exit.void);
  }

  /** Sets its wall clock. */
  setClock(by: number): void {
    this.observer.note(`the clock of ${this.name} jumps by ${by} ms`);
    this.#process.clockAhead += by;
  }

  /** See {@linkcode Host}. */
  readonly after = (ms: number, run: () => void): void => {
    this.observer.busy(ms);
    this.#process.fork(Effect.andThen(Effect.sleep(ms), Effect.sync(run)));
  };

  /** Ends it as SIGKILL does. */
  crash(): void {
    if (this.state === "ended") return;
    this.state = "ended";
    this.observer.note(`${this.name} crashes`);
    this.#resources.clear();
    this.#process.kill();
    this.link.cut();
  }

  /** What an end has left behind, in words; asked when nothing can run at the present time. */
  leftovers(): ReadonlyArray<string> {
    if (this.state !== "ended") return [];
    const { fibers, timers } = this.#process.alive;
    const left = [
      [fibers, "fibers"],
      [timers, "timers"],
      [this.link.open, "connections"],
      [this.#resources.size, "resources"],
    ] as const;
    return left.filter(([count]) => count > 0).map(([count, what]) => `${this.name} has left ${count} ${what}`);
  }

  readonly #run = Effect.suspend(() =>
    Effect.scoped(Effect.gen({ self: this }, function* () {
      const settings = {
        partitions: PARTITIONS,
        groupProtocol: this.observer.habits.groupProtocol,
        sessionTimeout: SESSION_TIMEOUT,
        heartbeatInterval: 500,
        rebalanceTimeout: 4_000,
        drainTimeout: 1_200,
        commitInterval: 250,
        producer: {
          linger: 2,
          batchRecords: 4,
          requestTimeout: 800,
          deliveryTimeout: this.observer.habits.deliveryTimeout,
        },
        ...(this.observer.habits.staticMembers ? { instanceId: this.seat } : {}),
        cluster: { metadataTimeout: 1_000, metadataMaxAge: this.observer.habits.grows ? 1_000 : 30_000 },
        fetch: { maxWait: 500, partitionMaxBytes: 400, requestTimeout: 800 },
      };
      const open = Effect.map(this.link.broker.open, this.#watched);
      const system = yield* makeSystem({ ...settings, actors: [this.#actor()], events: [Foreign, Noted] }, open);
      yield* Effect.raceFirst(Effect.raceFirst(Deferred.await(this.#stop), system.ended), this.#takeNotes(system));
      const { unfinished } = yield* system.drain;
      for (const work of unfinished) {
        const text = `${this.name} leaves unfinished: ${work}`;
        if (this.observer.calm) this.observer.violation(text);
        else this.observer.note(text);
      }
    }))
  );

  /** Publishes a note now and then. */
  #takeNotes(system: System): Effect.Effect<never> {
    const { observer, name } = this;
    const take = Effect.suspend(() => {
      const number = observer.notes.begun(name);
      return system.publish(Noted, { number }).pipe(
        Effect.tap((metadata) => Effect.sync(() => observer.notes.acknowledged(number, metadata))),
        Effect.ignore,
      );
    });
    const pause = Effect.flatMap(Random.nextIntBetween(1, 1_500), (ms) => Effect.sleep(ms));
    return Effect.forever(Effect.andThen(pause, Effect.forkChild(take)));
  }

  #actor(): ActorDefinition {
    const { observer } = this;
    const { order, batches } = observer.habits;
    const common = {
      name: "worker",
      group: GROUP,
      receives: [Tasked],
      publishes: [Worked],
      order,
      concurrency: 3,
      batchSize: BATCH.size,
      mailboxCapacity: CAPACITY,
      receiveTimeout: batches ? BATCH.timeout : RECEIVE_TIMEOUT,
      retry: { times: RETRIES, initial: 40, max: 400 },
      restart: { max: 1_000, initial: 20, killedAfter: KILLED_AFTER },
      resources: ({ partition, start }: Incarnation) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const resource = { partition, start };
            this.#resources.add(resource);
            return resource;
          }),
          (resource) =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => {
                if (this.#resources.delete(resource)) return;
                this.observer.violation(`${this.name} releases a resource of ${partition} twice`);
              }),
            ),
        ),
    } as const;
    return batches
      ? actor({ ...common, receiveBatch: (batch) => receiveBatch(observer, this, batch) as Effect.Effect<undefined> })
      : actor({ ...common, receive: (task, context) => receive(observer, this, task.id, context) });
  }

  /** The same link, with its requests told to the observer as they are sent. */
  readonly #watched = (link: Link): Link => ({
    ...link,
    connect: (address, role) =>
      Effect.map(link.connect(address, role), (connection) => ({
        ...connection,
        call: (api, request, timeout) =>
          Effect.suspend(() => {
            this.#sends(api, request);
            return connection.call(api, request, timeout);
          }),
      })),
  });

  #sends<A extends ApiName>(api: A, request: Request<A>): void {
    if (this.observer.traced) this.observer.note(`${this.name} sends ${api}`);
    if (api === "Produce") {
      for (const { name, partitions } of (request as Request<"Produce">).topics) {
        if (name !== RESULTS) continue;
        for (const { partition, records } of partitions) {
          const decoded = decodeRecords(records, { from: 0, aborted: [] });
          const results = Array.from({ length: decoded.length }, (_, i) => ({
            topic: RESULTS,
            partition,
            offset: -1,
            timestamp: 0,
            key: null,
            value: decoded.value(i),
            headers: [],
          }));
          this.observer.sending(this.name, results);
        }
      }
    }
    if (api === "Fetch") {
      for (const { name, partitions } of (request as Request<"Fetch">).topics) {
        if (name !== TASKS) continue;
        for (const { partition, fetchOffset } of partitions) {
          this.observer.fetching(this.name, partition, fetchOffset, CAPACITY);
        }
      }
    }
  }

  /** Who was told to stop may not have got through with it: its place is refused to the next, as it must be. */
  #alarm(text: string): void {
    const { calm, habits } = this.observer;
    if (!calm && habits.staticMembers && text.includes("UNRELEASED_INSTANCE_ID")) this.observer.note(text);
    else this.observer.violation(text);
  }

  readonly #logger = Logger.make<unknown, void>(({ message, logLevel, cause }) => {
    // What is left unfinished is told in the report, too.
    const alarming = logLevel === "Error" || logLevel === "Fatal";
    if (!alarming && !this.observer.traced) return;
    const text = `${this.name} logs ${logLevel}: ${[message].flat().map(String).join(" ")}`;
    this.observer.note(text);
    if (alarming && !text.includes("not finished after")) this.#alarm(`${text} ${Cause.pretty(cause)}`);
  });
}
