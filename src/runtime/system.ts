/**
 * A system: the consumers of its groups, one sender, and an end that leaves nothing unfinished.
 * @module
 */
import { Clock, Deferred, Effect, Exit, Option, Scope } from "effect";
import type { ActorDefinition } from "../actor.ts";
import { makeCluster } from "../client/cluster/cluster.ts";
import { makeOffsets } from "../client/offsets/offsets.ts";
import type { Cluster, Sender } from "../client/port.ts";
import { makeSender } from "../client/produce/sender.ts";
import type { PublishOptions } from "../context.ts";
import { ConfigError, type LeaseLost, PublishError } from "../errors.ts";
import type { EventDefinition } from "../event.ts";
import type { Link } from "../link/link.ts";
import type { ProducerRecord, RecordMetadata } from "../record.ts";
import { type ActorCounters, makeActorCounters } from "../telemetry/counters.ts";
import type { Consumer } from "./consumer.ts";
import { checkEvents, groupsOf, knownEvents } from "./definitions.ts";
import { type Failure, failureOf } from "./failure.ts";
import { type Health, healthOf, type SystemState } from "./health.ts";
import { monotonicMs } from "../fiber/monotonic.ts";
import { optionWarnings } from "./option_checks.ts";
import type { Partition } from "./partition.ts";
import { recordOf } from "./publication.ts";
import { makeRenewal, type Renewal } from "./watchdog/renewal.ts";
import { type SystemSettings, systemSettings, type SystemSettingsInput } from "./settings.ts";
import { timeWarnings } from "./timeouts.ts";
import { watchdog } from "./watchdog/watchdog.ts";
import { ensureTopics, neededTopics } from "./topics.ts";

/** What a system is made of. */
export interface SystemDefinition extends SystemSettingsInput {
  /** The actors. */
  readonly actors: ReadonlyArray<ActorDefinition>;
  /** Events that are only published: their topics are created as well. */
  readonly events?: ReadonlyArray<EventDefinition>;
}

/** How a system ended. */
export interface DrainReport {
  /** What was still at work when its time was over, in words; empty after a clean end. */
  readonly unfinished: ReadonlyArray<string>;
  /** How long it took, in milliseconds. */
  readonly elapsed: number;
}

/** What a fire-and-forget publish is told in the end: `error` null and where the record stands, or why it does not. */
export type Settled = (error: PublishError | null, metadata: RecordMetadata) => void;

/** Where a publisher stands in line; told when it is the first. */
interface Place {
  proceed: () => void;
}

// Milliseconds beyond the drain time-out in which a group is left and interrupted handlers end.
const LAST_ORDERS = 10_000;
// Milliseconds for what was published while the system drained.
const LAST_FLUSH = 2_000;
// Milliseconds between two looks at the health of a system that is waited for.
const LOOK = 20;

/** Makes a system and sets it to work. It is drained when the scope ends, if not before. */
export const makeSystem: (
  definition: SystemDefinition,
  open: Effect.Effect<Link, ConfigError, Scope.Scope>,
) => Effect.Effect<System, ConfigError, Scope.Scope> = Effect.fnUntraced(function* (
  definition: SystemDefinition,
  open: Effect.Effect<Link, ConfigError, Scope.Scope>,
) {
  const { settings, groups, events } = yield* Effect.try({
    try: () => check(definition),
    catch: (cause) => cause instanceof ConfigError ? cause : new ConfigError("options", String(cause), { cause }),
  });
  const warnings = [...optionWarnings(settings), ...timeWarnings(settings, definition.actors)];
  for (const line of warnings) yield* Effect.logWarning(line);
  // The drain needs connections, which a scope that is closing doesn't give any more: so they have a scope of their own.
  const scope = Scope.makeUnsafe();
  const system = yield* Scope.provide(assemble(definition, settings, groups, events, open), scope).pipe(
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
  );
  yield* Effect.addFinalizer((exit) =>
    system.drain.pipe(
      Effect.andThen(({ unfinished }) =>
        unfinished.length > 0 ? Effect.void : Effect.timeoutOption(system.sender.flush, LAST_FLUSH)
      ),
      Effect.andThen(system.stopped),
      Effect.andThen(Scope.close(scope, exit)),
    )
  );
  return system;
});

const assemble = Effect.fnUntraced(function* (
  definition: SystemDefinition,
  settings: SystemSettings,
  groups: ReadonlyMap<string, ReadonlyArray<ActorDefinition>>,
  events: ReadonlyArray<EventDefinition>,
  open: Effect.Effect<Link, ConfigError, Scope.Scope>,
) {
  const clock = yield* Clock.Clock;
  const cluster = yield* makeCluster(yield* open, settings.cluster);
  const offsets = yield* makeOffsets(cluster, {
    isolationLevel: settings.fetch.isolationLevel === "read_committed" ? 1 : 0,
  });
  const sender = yield* makeSender(cluster, settings.producer, settings.cluster);
  const counters = new Map(definition.actors.map(({ name }) => [name, makeActorCounters()]));
  const failure = Deferred.makeUnsafe<Failure>();
  const failed = (error: Failure) => void Deferred.doneUnsafe(failure, Exit.succeed(error));
  yield* Effect.forkScoped(Effect.catch(cluster.refused, (error) => Effect.sync(() => failed(error))));
  const renewals: Renewal[] = [];
  for (const [group, actors] of groups) {
    renewals.push(
      yield* makeRenewal(group, actors, settings, { cluster, offsets, sender, events, counters, failed }),
    );
  }
  const system = new System(settings, cluster, sender, renewals, counters, clock);
  const topics = neededTopics(definition.actors, events);
  yield* Effect.forkScoped(
    Effect.catchCause(
      Effect.andThen(ensureTopics(cluster, topics, settings), system.begin),
      (cause) => Effect.sync(() => failed(failureOf("the start", cause))),
    ),
  );
  for (const renewal of renewals) yield* Effect.forkScoped(watchdog(renewal, settings));
  yield* Effect.forkScoped(Effect.flatMap(Deferred.await(failure), (error) => system.fail(error)));
  return system;
});

function check(definition: SystemDefinition) {
  const groups = groupsOf(definition.actors);
  const events = knownEvents(definition.actors, definition.events ?? []);
  checkEvents(events);
  return { settings: systemSettings(definition), groups, events };
}

/** See {@linkcode makeSystem}. */
export class System {
  /** What the process's edge says of pauses of the event loop that were too long. */
  stalled: () => ReadonlyArray<string> = () => [];
  /** Fire-and-forget records that failed without anybody being told. */
  sendsFailed = 0;
  #state: SystemState = "starting";
  #draining: Deferred.Deferred<DrainReport> | null = null;
  readonly #ended = Deferred.makeUnsafe<void, Failure>();
  #failure: Failure | null = null;
  /** Publishers that wait for room in the sender, in order. */
  readonly #line = new Set<Place>();
  /** The topics of all actors. */
  readonly #received: ReadonlySet<string>;

  constructor(
    readonly settings: SystemSettings,
    readonly cluster: Cluster,
    readonly sender: Sender,
    readonly renewals: ReadonlyArray<Renewal>,
    /** By actor name. */
    readonly counters: ReadonlyMap<string, ActorCounters>,
    private readonly clock: Clock.Clock,
  ) {
    this.#received = new Set(this.consumers.flatMap(({ actors }) => [...actors.keys()]));
  }

  /** The consumers at work, one of each group. */
  get consumers(): ReadonlyArray<Consumer> {
    return this.renewals.map(({ consumer }) => consumer);
  }

  /** What it is doing. */
  get state(): SystemState {
    return this.#state;
  }

  /** Ends when the system has ended; fails with what it failed with. */
  get ended(): Effect.Effect<void, Failure> {
    return Deferred.await(this.#ended);
  }

  /** The topics are there: the consumers run until they have left. */
  readonly begin: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#state !== "starting") return Effect.void;
    this.#state = "running";
    return Effect.forEach(this.renewals, (renewal) => renewal.run, { concurrency: "unbounded", discard: true });
  });

  /** What can't go on ends the system, in order. */
  fail(failure: Failure): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#state === "stopped") return Effect.void;
      this.#failure = failure;
      return Effect.logError(`the system ends: ${failure.message}`).pipe(
        Effect.andThen(this.drain),
        Effect.andThen(this.stopped),
      );
    });
  }

  /** Health now. */
  health(): Health {
    let deadLettersWaiting = 0;
    for (const counters of this.counters.values()) deadLettersWaiting += counters.deadLettersWaiting;
    return healthOf({
      state: this.#state,
      brokerAnswers: this.cluster.reachable(),
      topicsThere: this.#state !== "starting",
      outside: this.consumers.flatMap(({ unready }) => unready ?? []),
      deadLettersWaiting,
      absent: [...this.#received].filter((topic) => this.cluster.absent(topic)),
      missing: this.sender.waitingFor?.() ?? [],
      late: this.consumers.reduce((sum, { late }) => sum + late, 0),
      stuck: this.consumers.flatMap(({ watch }) => watch.trouble),
      dying: [...this.renewals.flatMap(({ dying }) => dying), ...this.stalled()],
    });
  }

  /** Whose handler had the event loop last, in words; null where none has had it yet. */
  busiest(): string | null {
    const held = this.consumers.flatMap(({ partitions }) => partitions);
    const last = held.reduce((a, b) => b.tookTurn > (a?.tookTurn ?? 0) ? b : a, undefined as Partition | undefined);
    return last === undefined ? null : `${last.actor.name} on ${last.topic}/${last.partition}@${last.position}`;
  }

  /** Waits until the system is ready, `within` milliseconds at most; answers whether it is. */
  whenReady(within: number): Effect.Effect<boolean> {
    const look: Effect.Effect<boolean> = Effect.suspend(() => {
      const { ready, live } = this.health();
      return ready || !live ? Effect.succeed(ready) : Effect.andThen(Effect.sleep(LOOK), look);
    });
    return Effect.map(Effect.timeoutOption(look, within), Option.getOrElse(() => false));
  }

  /** Publishes one message; ends with the broker's acknowledgement. Interrupted, it stops waiting; the record goes on. */
  publish<Message>(
    event: EventDefinition<string, Message>,
    message: Message,
    options?: PublishOptions,
  ): Effect.Effect<RecordMetadata, PublishError> {
    return Effect.suspend(() => {
      const answer = Deferred.makeUnsafe<RecordMetadata, PublishError>();
      const settled: Settled = (error, metadata) =>
        void Deferred.doneUnsafe(answer, error === null ? Exit.succeed(metadata) : Exit.fail(error));
      const rest = this.accept(recordOf(event, message, options, undefined), settled);
      // Whoever waits goes on through its scheduler, not inside the sender's own call.
      const waited = Effect.ensuring(Deferred.await(answer), Effect.yieldNow);
      return rest === null ? waited : Effect.andThen(rest, waited);
    });
  }

  /**
   * Puts a record into the sender; null when it is in, else an effect that waits for room first. `settled` is told in the
   * end, and must not throw.
   */
  accept(record: ProducerRecord, settled: Settled): Effect.Effect<void> | null {
    const observer = {
      settled: (error: PublishError | LeaseLost | null, metadata: RecordMetadata) =>
        settled(error === null || error instanceof PublishError ? error : lost(error), metadata),
    };
    const offer = () => this.sender.offer(record, observer, null);
    if (this.#line.size === 0 && offer()) return null;
    const offered: Effect.Effect<void> = Effect.suspend(() =>
      offer() ? Effect.void : Effect.andThen(this.sender.room, offered)
    );
    // Who comes while others wait stands behind them: the order of calls is the order in the log.
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        const place: Place = { proceed: () => {} };
        this.#line.add(place);
        return place;
      }),
      (place) => Effect.andThen(this.#first(place), offered),
      (place) =>
        Effect.sync(() => {
          this.#line.delete(place);
          const [next] = this.#line;
          next?.proceed();
        }),
    );
  }

  /** Waits until this place is the first in line. */
  #first(place: Place): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const [first] = this.#line;
      if (first === place) resume(Effect.void);
      else place.proceed = () => resume(Effect.yieldNow);
    });
  }

  /** Stops taking work, finishes what is in flight, commits, leaves the groups. Again: the same report. */
  readonly drain: Effect.Effect<DrainReport> = Effect.suspend(() => {
    if (this.#draining !== null) return Deferred.await(this.#draining);
    const report = this.#draining = Deferred.makeUnsafe<DrainReport>();
    this.#state = "draining";
    // In a fiber of its own: whoever asked may go, and the others wait for it still.
    const draining = Effect.onExit(this.#drain(), (exit) => Deferred.done(report, exit));
    return Effect.andThen(Effect.forkDetach(draining), Deferred.await(report));
  });

  readonly #drain = Effect.fnUntraced(function* (this: System) {
    const begun = monotonicMs(this.clock);
    const deadline = begun + this.settings.drainTimeout;
    const unfinished: string[] = [];
    const leave = Effect.forEach(this.renewals, (renewal) => renewal.leave(deadline), { concurrency: "unbounded" });
    const left = yield* Effect.timeoutOption(leave, this.settings.drainTimeout + LAST_ORDERS);
    if (left._tag === "Some") unfinished.push(...left.value.flat());
    else unfinished.push("leaving the groups");
    const rest = Math.max(LOOK, deadline - monotonicMs(this.clock));
    // What a service publishes meanwhile belongs to the next flush.
    const flushed = yield* Effect.timeoutOption(this.sender.flush, rest);
    if (flushed._tag === "None") unfinished.push(`${this.sender.pending()} records not acknowledged by the broker`);
    const elapsed = Math.round(monotonicMs(this.clock) - begun);
    if (unfinished.length === 0) yield* Effect.logInfo(`drained in ${elapsed} ms`);
    else yield* Effect.logError(`not finished after ${elapsed} ms: ${unfinished.join("; ")}`);
    return { unfinished, elapsed };
  });

  /** Notes that nothing of the system is at work any more. */
  readonly stopped: Effect.Effect<void> = Effect.sync(() => {
    this.#state = this.#failure === null ? "stopped" : "failed";
    Deferred.doneUnsafe(this.#ended, this.#failure === null ? Exit.void : Exit.fail(this.#failure));
  });
}

function lost(error: LeaseLost): PublishError {
  return new PublishError(error.topic, error.partition, "LEASE_LOST", error.message, { cause: error });
}
