/**
 * A consumer: owns the membership in one group and the partitions that come with it. Everybody else sends it commands.
 * @module
 */
import { Cause, Clock, Effect, Fiber, FiberSet, Option } from "effect";
import type { ActorDefinition } from "../actor.ts";
import { makeConsumerMember } from "../client/group/consumer_member.ts";
import { makeFetcher } from "../client/fetch/fetcher.ts";
import { makeMember } from "../client/group/member.ts";
import type { Cluster, Fetcher, GroupMember, Offsets, PositionReset, Sender } from "../client/port.ts";
import { ActorFailed, type KafkaError } from "../errors.ts";
import type { EventDefinition } from "../event.ts";
import { partitionKey, type TopicPartition } from "../record.ts";
import type { ActorCounters } from "../telemetry/counters.ts";
import { Committer } from "./committer.ts";
import { ConsumerWatch } from "./watchdog/consumer_watch.ts";
import { Stuck } from "./crash.ts";
import { extraDrain } from "./drain_budget.ts";
import { type Failure, failureOf } from "./failure.ts";
import { monotonicMs } from "../fiber/monotonic.ts";
import { PartitionLease } from "./lease.ts";
import { MessageReader } from "./message_reader.ts";
import { emptyOffsetMap } from "./offset_map.ts";
import { Partition } from "./partition.ts";
import { runPartition } from "./partition_actor.ts";
import { type Found, Positions, type Start } from "./positions.ts";
import { messageOf } from "./settlement.ts";
import type { SystemSettings } from "./settings.ts";
import { type Wait, Waiting } from "./waiting.ts";

/** What the consumers of a system share. */
export interface ConsumerServices {
  readonly cluster: Cluster;
  readonly offsets: Offsets;
  readonly sender: Sender;
  /** Every event the system knows. */
  readonly events: ReadonlyArray<EventDefinition>;
  /** By actor name. */
  readonly counters: ReadonlyMap<string, ActorCounters>;
  /** Told of what ends the system; the consumer works on until it is told to leave. */
  readonly failed: (failure: Failure) => void;
  /** Told that a partition is stuck and its actor's restarts did not help. */
  readonly stuck: (failure: ActorFailed) => void;
  /** Whether the consumer was made anew already, so that what is stuck now ends the system. */
  readonly lastTry: boolean;
}

// Milliseconds that fibers which were interrupted are waited for: longer than a handler's own grace.
const INTERRUPT_GRACE = 2_000;
// Milliseconds between two looks at a membership that is in doubt.
const LEASE_PAUSE = 50;

/** A partition and the fiber that works on it. */
interface Running {
  readonly partition: Partition;
  readonly fiber: Fiber.Fiber<void>;
}

/** Makes a consumer for the actors of one group; all it holds ends with the scope. */
export const makeConsumer = Effect.fnUntraced(function* (
  groupId: string,
  actors: ReadonlyArray<ActorDefinition>,
  settings: SystemSettings,
  services: ConsumerServices,
) {
  const fork = yield* FiberSet.runtime(yield* FiberSet.make<void>())();
  const clock = yield* Clock.Clock;
  const fetcher = yield* makeFetcher(services.cluster, settings.fetch, settings.cluster);
  const byTopic = new Map(actors.flatMap((actor) => actor.receives.map(({ topic }) => [topic, actor] as const)));
  const { sessionTimeout, rebalanceTimeout, heartbeatInterval, instanceId, drainTimeout } = settings;
  const lastRoundTimeout = Math.min(sessionTimeout, drainTimeout / 2);
  const topics = [...byTopic.keys()];
  const make = settings.groupProtocol === "consumer" ? makeConsumerMember : makeMember;
  const member: GroupMember = yield* make(
    services.cluster,
    {
      groupId,
      topics,
      sessionTimeout,
      rebalanceTimeout,
      heartbeatInterval,
      instanceId,
      assignors: settings.assignors,
      lastRoundTimeout,
      metadataMaxAge: settings.cluster.metadataMaxAge,
      rackId: settings.fetch.rackId ?? null,
    },
    {
      assigned: (partitions) => consumer.assigned(partitions),
      revoked: (partitions) => consumer.revoked(partitions),
      lost: (partitions) => consumer.lost(partitions),
    },
  );
  const consumer: Consumer = new Consumer(groupId, byTopic, settings, services, member, fetcher, clock, fork);
  return consumer;
});

/** See {@linkcode makeConsumer}. It listens to its member, whose calls never overlap. */
export class Consumer {
  /** Whether it gets on. */
  readonly watch: ConsumerWatch;
  /** Times in which partitions were let go: how many, and the longest in milliseconds. */
  readonly handOvers = { count: 0, longest: 0 };
  readonly #committer: Committer;
  readonly #running = new Map<string, Running>();
  /** Fibers that were told to end, by partition: a successor waits for its predecessor. */
  readonly #ending = new Map<string, Fiber.Fiber<void>>();
  readonly #waiting = new Waiting();
  readonly #positions: Positions;
  readonly #unfinished: string[] = [];
  #drainUntil = Infinity;

  constructor(
    readonly groupId: string,
    /** The actor of each topic. */
    readonly actors: ReadonlyMap<string, ActorDefinition>,
    private readonly settings: SystemSettings,
    private readonly services: ConsumerServices,
    private readonly member: GroupMember,
    private readonly fetcher: Fetcher,
    private readonly clock: Clock.Clock,
    private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>,
  ) {
    const { cluster, offsets } = services;
    const { membership } = member;
    const [topic] = actors.keys();
    this.#positions = new Positions(groupId, actors, offsets, cluster);
    this.#committer = new Committer(
      offsets,
      membership,
      (partition) => !cluster.absent(partition.topic) && !this.#replaced(partition),
      clock,
    );
    const watched = { groupId, topic, membership, committer: this.#committer, partitions: () => this.partitions };
    this.watch = new ConsumerWatch(watched, settings, cluster, offsets, clock, (effect) => void fork(effect));
  }

  /** The partitions held now. */
  get partitions(): ReadonlyArray<Partition> {
    return Array.from(this.#running.values(), ({ partition }) => partition);
  }

  /** Whether the group counts this member in. */
  get joined(): boolean {
    return this.member.membership.generation >= 0;
  }

  /** Why it is not at work yet, in words; null where it is. */
  get unready(): string | null {
    if (!this.joined) return `not a member of the group ${this.groupId} yet`;
    if (!this.countedIn) return `the group ${this.groupId} has not been heard of for as long as it waits for a member`;
    const count = this.#waiting.starting(monotonicMs(this.clock));
    if (count > 0) return `${count} partitions of the group ${this.groupId} are still to begin`;
    return this.member.settled() ? null : `waits for its partitions of the group ${this.groupId}`;
  }

  /** How many of its partitions have waited for long to begin, but for those that are not there any more. */
  get late(): number {
    const { cluster } = this.services;
    return this.#waiting.late(monotonicMs(this.clock)).filter(({ topic, partition }) =>
      !cluster.absent(topic) && cluster.topic(topic)?.partitions.some((known) => known.partition === partition)
    ).length;
  }

  /** Joins, stays and commits until {@linkcode leave} is done; what ends it otherwise is told as a failure. */
  readonly run: Effect.Effect<void> = Effect.suspend(() => {
    const commits = Effect.forever(
      Effect.andThen(
        Effect.sleep(this.settings.commitInterval),
        Effect.suspend(() => {
          this.#lookAtTopics();
          return this.#committer.commit(this.partitions);
        }),
      ),
    );
    return Effect.raceFirst(this.member.run, commits).pipe(
      // Also a defect: without its membership or its commits a consumer would be alive and deaf.
      Effect.catchCause((cause) =>
        Effect.sync(() => this.services.failed(failureOf(`the consumer of group ${this.groupId}`, cause)))
      ),
    );
  });

  /**
   * Lets all partitions go, leaves the group and ends `run`. What is in flight has until `deadline` (monotonic
   * milliseconds). Answers what was left unfinished.
   */
  leave(deadline: number): Effect.Effect<ReadonlyArray<string>> {
    return Effect.suspend(() => {
      this.#drainUntil = deadline;
      // Now, because the member may first have to wait for a rebalance under way.
      for (const { partition } of this.#running.values()) partition.drain();
      return Effect.map(this.member.leave, () => this.#unfinished);
    });
  }

  readonly assigned = (partitions: ReadonlyArray<TopicPartition>): Effect.Effect<void> => {
    const wait = this.#wait(partitions, this.#running.size === 0);
    return Effect.gen({ self: this }, function* () {
      for (const { topic, partition } of partitions) yield* this.#predecessor(partitionKey(topic, partition));
      yield* this.#begin(partitions, wait);
    });
  };

  #wait(partitions: ReadonlyArray<TopicPartition>, first: boolean): Wait {
    const wait = { since: monotonicMs(this.clock), first };
    this.#waiting.add(partitions, wait);
    return wait;
  }

  /** Begins with partitions that are ours: each as soon as it is known where. Does not wait for the last. */
  readonly #begin = Effect.fnUntraced(
    function* (this: Consumer, partitions: ReadonlyArray<TopicPartition>, wait: Wait, created = false) {
      const inVain = this.#until(() => this.#pointless || !partitions.some((at) => this.#waiting.has(at, wait)));
      // A coordinator may be away for long: neither a drain nor the next round waits for it.
      const none: Found = { known: [], fresh: [] };
      const { known, fresh } = yield* Effect.raceFirst(
        this.#positions.committed(partitions, created),
        Effect.as(inVain, none),
      );
      // A leader may be away as well, and only the partitions it leads wait for it.
      if (fresh.length > 0) {
        const begun = this.#positions.begun(fresh, (starts) => void this.fork(this.#start(starts, wait)));
        const failed = (error: KafkaError) => Effect.sync(() => this.services.failed(error));
        this.fork(Effect.raceFirst(Effect.catch(begun, failed), inVain));
      }
      yield* this.#start(known, wait);
    },
    Effect.catch((error) => Effect.sync(() => this.services.failed(error))),
  );

  /** Lets partitions go: no new work, what is in flight is finished, the positions are committed; then they are fenced. */
  readonly revoked = (partitions: ReadonlyArray<TopicPartition>): Effect.Effect<void> =>
    Effect.gen({ self: this }, function* () {
      const begun = monotonicMs(this.clock);
      const going = partitions.flatMap(({ topic, partition }) =>
        this.#running.get(partitionKey(topic, partition)) ?? []
      );
      this.#waiting.remove(partitions);
      for (const { partition } of going) partition.drain();
      const extra = extraDrain(this.settings, going.map(({ partition }) => partition.counters.slowest));
      if (extra > 0) {
        const over = () => this.#drainUntil < Infinity || monotonicMs(this.clock) - begun >= extra;
        yield* Effect.raceFirst(awaitAll(going.map(({ fiber }) => fiber)), this.#until(over));
      }
      const budget = Math.min(this.settings.drainTimeout, this.#drainUntil - monotonicMs(this.clock));
      yield* Effect.timeoutOption(awaitAll(going.map(({ fiber }) => fiber)), Math.max(0, budget));
      const late = going.filter(({ fiber }) => fiber.pollUnsafe() === undefined);
      for (const { partition, fiber } of late) {
        const text = `${partition.actor.name} on ${partition.topic}/${partition.partition}@${partition.position}`;
        // Cut short by a rebalance it is the next owner's, and nothing a drain has to report.
        if (this.#drainUntil < Infinity) this.#unfinished.push(text);
        yield* Effect.logWarning(`${text}: still at work when it had to be let go`);
        partition.counters.cutShort += partition.atWork;
        fiber.interruptUnsafe();
      }
      if (late.length > 0) yield* Effect.timeoutOption(awaitAll(late.map(({ fiber }) => fiber)), INTERRUPT_GRACE);
      const commit = this.#committer.commit(going.map(({ partition }) => partition), true);
      // Only a coordinator that is silent, or a dead leader, makes this long; new owners then repeat an interval's work.
      yield* Effect.timeoutOption(commit, Math.max(INTERRUPT_GRACE, budget / 2));
      for (const { partition } of going) this.#fence(partition);
      this.handOvers.count += going.length > 0 ? 1 : 0;
      this.handOvers.longest = Math.max(this.handOvers.longest, monotonicMs(this.clock) - begun);
    });

  /** The partitions belong to others: nothing is waited for. */
  readonly lost = (partitions: ReadonlyArray<TopicPartition>): Effect.Effect<void> =>
    Effect.sync(() => {
      this.#waiting.remove(partitions);
      for (const { topic, partition: number } of partitions) {
        const running = this.#running.get(partitionKey(topic, number));
        if (running === undefined) continue;
        this.#fence(running.partition);
        running.partition.drain();
        running.fiber.interruptUnsafe();
      }
    });

  #fence(partition: Partition): void {
    const key = partitionKey(partition.topic, partition.partition);
    if (!partition.lease.fenced) partition.counters.handedOverUncommitted += partition.uncommittedOffsets;
    partition.lease.fence();
    const fiber = this.#running.get(key)?.fiber;
    this.#running.delete(key);
    if (fiber !== undefined && fiber.pollUnsafe() === undefined) this.#ending.set(key, fiber);
  }

  #predecessor(key: string): Effect.Effect<void> {
    const fiber = this.#ending.get(key);
    if (fiber === undefined) return Effect.void;
    this.#ending.delete(key);
    return Effect.asVoid(Effect.timeoutOption(Fiber.await(fiber), INTERRUPT_GRACE));
  }

  /**
   * Whether there is no sense in beginning: all is to end, or the membership is over. Its generation may rise while all is
   * kept; and when all was lost, nothing waits any more.
   */
  get #pointless(): boolean {
    return this.#drainUntil < Infinity || !this.joined;
  }

  /** Whether the group surely counts this member in. */
  get countedIn(): boolean {
    return monotonicMs(this.clock) < this.member.membership.deadline;
  }

  #until(holds: () => boolean): Effect.Effect<void> {
    return Effect.suspend(() => holds() ? Effect.void : Effect.andThen(Effect.sleep(LEASE_PAUSE), this.#until(holds)));
  }

  /** Starts those that still wait, once the group surely counts this member in. */
  readonly #start = Effect.fnUntraced(
    function* (this: Consumer, starts: ReadonlyArray<Start>, wait: Wait) {
      // Others may own them by now, and have gone on: that is heard with the next heartbeat.
      yield* this.#until(() => this.#pointless || this.countedIn);
      if (this.#pointless) return;
      const first: Partition[] = [];
      for (const start of starts) {
        if (!this.#waiting.has(start, wait)) continue;
        this.#waiting.remove([start]);
        const partition = this.#run(start);
        if (partition !== null && start.map === emptyOffsetMap) first.push(partition);
      }
      // Where nothing is committed yet the place is one only once it is: "latest" would be another at the next start.
      if (first.length > 0) this.fork(this.#committer.commit(first));
    },
  );

  #run({ topic, partition: number, offset, map, topicId, origin }: Start): Partition | null {
    const actor = this.actors.get(topic);
    const counters = actor && this.services.counters.get(actor.name);
    if (actor === undefined || counters === undefined) return null;
    const lease = new PartitionLease(topic, number, this.member.membership, this.clock);
    const partition = new Partition(actor, topic, number, lease, counters, this.fetcher);
    partition.superseded = (reset) => void this.fork(this.#renew(partition, reset));
    partition.lastTry = this.services.lastTry;
    partition.begin(offset, map, topicId, origin);
    const reader = new MessageReader(actor, topic, this.services.events);
    const work = runPartition(partition, { reader, sender: this.services.sender }).pipe(
      Effect.catchCause((cause) => Effect.sync(() => this.#ended(partition, cause))),
    );
    const fiber = this.fork(Effect.andThen(Effect.yieldNow, work));
    this.#running.set(partitionKey(topic, number), { partition, fiber });
    return partition;
  }

  /** Notices topics that were created anew while nothing is fetched of them. */
  #lookAtTopics(): void {
    for (const partition of this.partitions) {
      const { position: from } = partition;
      if (this.#replaced(partition)) partition.reset({ reason: "recreated", from, to: null });
    }
  }

  #replaced({ topic, topicId }: Partition): boolean {
    const known = this.services.cluster.topic(topic);
    return topicId !== undefined && known !== undefined && known.topicId !== topicId;
  }

  /** The log is another one: what is in flight is finished, none of it is committed, and the partition begins anew. */
  readonly #renew = Effect.fnUntraced(function* (this: Consumer, partition: Partition, { to }: PositionReset) {
    const key = partitionKey(partition.topic, partition.partition);
    const running = this.#running.get(key);
    if (running?.partition !== partition) return;
    yield* Effect.timeoutOption(Fiber.await(running.fiber), this.settings.drainTimeout);
    if (this.#running.get(key) !== running) return; // it was let go meanwhile
    running.fiber.interruptUnsafe();
    this.#fence(partition);
    yield* this.#predecessor(key);
    if (this.#running.has(key) || this.#drainUntil < Infinity) return;
    const wait = this.#wait([partition], false);
    if (to === null) return yield* this.#begin([partition], wait, true);
    yield* this.#start([this.#positions.at(partition, to)], wait);
  });

  /** Lets everything go that is still held, at once: nothing of it may be written any more. */
  forsake(): void {
    for (const { partition, fiber } of this.#running.values()) {
      this.#fence(partition);
      partition.drain();
      fiber.interruptUnsafe();
    }
  }

  /** A partition's fiber has failed, or was interrupted. */
  #ended(partition: Partition, cause: Cause.Cause<ActorFailed>): void {
    if (Cause.hasInterruptsOnly(cause) || partition.lease.fenced) return;
    const { actor, topic, partition: number, position } = partition;
    const error = Option.getOrUndefined(Cause.findErrorOption(cause));
    const reason = Cause.squash(cause);
    if (error?.cause instanceof Stuck) return this.services.stuck(error);
    this.services.failed(
      error ?? new ActorFailed(actor.name, topic, number, position, messageOf(reason), { cause: reason }),
    );
  }
}

const awaitAll = (fibers: ReadonlyArray<Fiber.Fiber<void>>): Effect.Effect<void> =>
  Effect.forEach(fibers, (fiber) => Fiber.await(fiber), { discard: true });
