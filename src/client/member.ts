/**
 * A member of a consumer group, as one loop over Kafka's classic group protocol: join, sync, hand over the difference,
 * then stay until somebody asks for another round. Sources: Kafka's protocol guide, KIP-345 (static members), KIP-429
 * (incremental cooperative rebalances).
 * @module
 */
import { Clock, Deferred, Effect, Exit, type Scope } from "effect";
import { GroupError, type KafkaError } from "../errors.ts";
import { ErrorCode } from "../link/error_code.ts";
import { partitionKey, type TopicPartition } from "../record.ts";
import { assignors } from "./assignors.ts";
import { pause } from "./backoff.ts";
import { isCoordinatorTrouble } from "./located_connection.ts";
import { partitionCounts, shareOut } from "./group_leader.ts";
import { GroupSession, type GroupTrouble } from "./group_session.ts";
import type { Cluster, GroupMember, RebalanceListener } from "./port.ts";
import { Signal } from "../fiber/signal.ts";
import { decodeAssignment, encodeSubscription, type PartitionsByTopic } from "./subscription.ts";
import { Warnings } from "./warnings.ts";

/** Settings of a member. All times in milliseconds. */
export interface MemberOptions {
  /** The group. */
  readonly groupId: string;
  /** The topics it wants partitions of. */
  readonly topics: ReadonlyArray<string>;
  /** Makes it a static member of this name; default null. */
  readonly instanceId?: string | null;
  /** Names of assignors, the favourite first; default `["cooperative-sticky"]`. */
  readonly protocols?: ReadonlyArray<string>;
  /** After how long without a heartbeat the coordinator gives the partitions to others; default 10,000. */
  readonly sessionTimeout?: number;
  /** How long all members together may take to let partitions go; default 60,000. */
  readonly rebalanceTimeout?: number;
  /** How often a heartbeat is sent, and so how soon a rebalance is noticed; default 300. */
  readonly heartbeatInterval?: number;
  /** How much sooner than the coordinator's the member's own deadline is; default a tenth of the session time-out. */
  readonly deadlineMargin?: number;
  /**
   * How long a member that holds partitions and is to leave waits for the round it takes part in; default 5,000. Positions
   * can't be committed for a group that has gone on to a generation one does not know of.
   */
  readonly lastRoundTimeout?: number;
  /** How often new topics and partitions are looked for; default 30,000, or 2,000 while a wanted topic is missing. */
  readonly metadataMaxAge?: number;
}

/** How long leaving may take once the partitions are let go, in milliseconds: without it the session times out. */
const leaveTimeout = 3_000;

/** How soon a topic that is missing is looked for again, in milliseconds. */
const missingMaxAge = 2_000;

/**
 * Makes a member. Nothing happens before it is run. Its connections end with the scope at the latest; a run that is
 * interrupted stops as if the process had died: partitions are neither revoked nor lost, the group waits for the session
 * to time out.
 */
export const makeMember: (
  cluster: Cluster,
  options: MemberOptions,
  listener: RebalanceListener,
) => Effect.Effect<GroupMember, never, Scope.Scope> = Effect.fnUntraced(
  function* (cluster: Cluster, options: MemberOptions, listener: RebalanceListener) {
    const member = new Member(cluster, options, listener, yield* Clock.Clock, yield* Effect.scope);
    return { membership: member.session.membership, run: member.run, leave: member.leave };
  },
);

class Member {
  readonly session: GroupSession;
  readonly #protocols: ReadonlyArray<string>;
  readonly #cooperative: boolean;
  readonly #warnings: Warnings;
  readonly #owned = new Map<string, TopicPartition>();
  /** The generation in which `#owned` was given to us: it decides between two claims. */
  #ownedIn = -1;
  readonly #wake = new Signal();
  /** What the next round waits for, if it waits. */
  #rejoin = false;
  /** How a heartbeat ended the membership. */
  #verdict: KafkaError | null = null;
  #leads = false;
  #counts: ReadonlyMap<string, number> = new Map();
  readonly #leaving = Deferred.makeUnsafe<void>();
  #leaveAsked = false;
  #ended: Deferred.Deferred<void> | null = null;

  constructor(
    readonly cluster: Cluster,
    readonly options: MemberOptions,
    readonly listener: RebalanceListener,
    clock: Clock.Clock,
    scope: Scope.Scope,
  ) {
    const sessionTimeout = options.sessionTimeout ?? 10_000;
    const times = {
      sessionTimeout,
      rebalanceTimeout: options.rebalanceTimeout ?? 60_000,
      heartbeatInterval: options.heartbeatInterval ?? 300,
      deadlineMargin: options.deadlineMargin ?? sessionTimeout / 10,
    };
    this.session = new GroupSession(cluster, options.groupId, options.instanceId ?? null, times, clock, scope);
    this.#protocols = options.protocols ?? ["cooperative-sticky"];
    this.#cooperative = this.#protocols.every((name) => assignors[name]?.cooperative);
    this.#warnings = new Warnings(clock);
  }

  readonly run: Effect.Effect<void, GroupError> = Effect.suspend(() => {
    const ended = this.#ended = Deferred.makeUnsafe<void>();
    return Effect.ensuring(
      this.#loop(),
      Effect.suspend(() => {
        this.session.forget(false);
        return Effect.andThen(this.session.drop, Deferred.done(ended, Exit.void));
      }),
    );
  });

  readonly leave: Effect.Effect<void> = Effect.suspend(() => {
    this.#leaveAsked = true;
    Deferred.doneUnsafe(this.#leaving, Exit.void);
    this.#wake.raise();
    return this.#ended === null ? Effect.void : Deferred.await(this.#ended);
  });

  readonly #loop = Effect.fnUntraced(function* (this: Member) {
    const unknown = this.#protocols.find((name) => !Object.hasOwn(assignors, name));
    if (unknown !== undefined) {
      return yield* Effect.fail(this.#fatal("INCONSISTENT_GROUP_PROTOCOL", `no assignor is called ${unknown}`));
    }
    for (let failures = 0; !this.#leaveAsked;) {
      if (!this.#cooperative && this.#owned.size > 0) {
        yield* this.#beating(this.#letGo([...this.#owned.values()]));
        if (this.#leaveAsked) break;
      }
      const result = yield* Effect.result(Effect.raceFirst(this.#round(), this.#whenLeft));
      if (result._tag === "Success") {
        failures = 0;
        if (result.success === null || this.#leaveAsked) break;
        yield* this.#beating(this.#settle(result.success));
        continue;
      }
      const error = result.failure;
      yield* this.#refused(error, failures);
      // The first time there is no reason to wait; and a group that is busy is no failure.
      if (failures > 0 || !this.session.live) yield* Effect.raceFirst(pause(failures, 50, 1_000), this.#whenLeaving);
      failures = error._tag === "KafkaError" && error.code === ErrorCode.REBALANCE_IN_PROGRESS ? 1 : failures + 1;
    }
    yield* this.#beating(this.#letGo([...this.#owned.values()]));
    yield* Effect.timeoutOption(Effect.result(this.session.leave), leaveTimeout);
  });

  readonly #whenLeaving: Effect.Effect<null> = Effect.suspend(() => Effect.as(Deferred.await(this.#leaving), null));

  /** The same, but a round under way has its time: what we hold is committed in the generation it ends with. */
  readonly #whenLeft: Effect.Effect<null> = Effect.tap(
    this.#whenLeaving,
    () => this.#owned.size === 0 ? Effect.void : Effect.sleep(this.options.lastRoundTimeout ?? 5_000),
  );

  /** Joins and syncs; answers what is ours in the new generation. */
  readonly #round = Effect.fnUntraced(function* (this: Member) {
    this.#rejoin = false;
    this.#wake.clear();
    const { topics } = this.options;
    if (topics.some((topic) => this.cluster.topic(topic) === undefined)) {
      yield* Effect.result(this.cluster.refresh(topics));
    }
    const metadata = encodeSubscription({ topics, owned: byTopic(this.#owned.values()), generation: this.#ownedIn });
    const joined = yield* this.session.join(
      this.#protocols.map((name) => ({ name, metadata })),
      this.#owned.size > 0,
    );
    this.#leads = joined.leader === joined.memberId;
    this.#counts = partitionCounts(this.cluster, topics);
    let assignments: Parameters<GroupSession["sync"]>[0] = [];
    if (this.#leads) {
      const plan = yield* shareOut(this.cluster, joined, this.#warnings);
      this.#counts = plan.counts;
      assignments = plan.assignments;
    }
    const assignment = yield* this.session.sync(assignments);
    this.#ownedIn = joined.generationId;
    return yield* Effect.try({
      try: () => decodeAssignment(assignment),
      catch: (cause) => this.#fatal("MALFORMED_ASSIGNMENT", `the leader's answer can't be read: ${cause}`),
    });
  });

  /** Takes the assignment over, then stays until there is a reason for another round. */
  readonly #settle = Effect.fnUntraced(function* (this: Member, assignment: PartitionsByTopic) {
    const ours = new Map<string, TopicPartition>();
    for (const [topic, partitions] of assignment) {
      for (const partition of partitions) ours.set(partitionKey(topic, partition), { topic, partition });
    }
    const gone = [...this.#owned].filter(([key]) => !ours.has(key)).map(([, partition]) => partition);
    const added = [...ours].filter(([key]) => !this.#owned.has(key)).map(([, partition]) => partition);
    yield* Effect.logDebug(
      `group ${this.options.groupId}, generation ${this.#ownedIn}: ${
        ours.size - added.length
      } partitions kept, ${added.length} assigned, ${gone.length} revoked`,
    );
    if (added.length > 0) {
      for (const partition of added) this.#owned.set(partitionKey(partition.topic, partition.partition), partition);
      yield* this.listener.assigned(added);
    }
    // They go to their new owners only when all who have let go of something have joined again.
    if (gone.length > 0 && this.#verdict === null) return yield* this.#letGo(gone);
    while (!this.#rejoin && this.#verdict === null && !this.#leaveAsked) yield* this.#wake.wait;
  });

  /** Does `work` while heartbeats go out; then draws the consequence if one of them ended the membership. */
  readonly #beating = Effect.fnUntraced(function* (this: Member, work: Effect.Effect<void>) {
    if (!this.session.live) return yield* work;
    this.#verdict = null;
    // Whoever interrupts the run must not wait for the answer to a heartbeat: the end of the connection answers it.
    const interruptible = Effect.onInterrupt(work, () => this.session.drop);
    yield* Effect.raceFirst(interruptible, Effect.raceFirst(this.#heartbeats(), this.#watch()));
    const verdict: KafkaError | null = this.#verdict;
    this.#verdict = null;
    if (verdict !== null) yield* this.#refused(verdict, 0);
  });

  /** Never ends by itself: what it hears it tells the loop. */
  readonly #heartbeats = Effect.fnUntraced(function* (this: Member) {
    for (let failures = 0; this.#verdict === null;) {
      if (failures === 0) yield* Effect.sleep(this.session.times.heartbeatInterval);
      const trouble = yield* Effect.catch(this.session.heartbeat(this.#hear), Effect.succeed);
      if (trouble === null) {
        failures = 0;
      } else {
        yield* this.#lookAgain(trouble, failures);
        yield* pause(failures++, 50, 1_000);
      }
    }
    return yield* Effect.never;
  });

  /** Takes in the answer to a heartbeat; gives the error back if it says nothing about the membership. */
  readonly #hear = (rejoin: boolean, error: GroupTrouble | null): GroupTrouble | null => {
    if (error === null) {
      if (!rejoin) return null;
      this.#rejoin = true;
    } else {
      if (error._tag === "ConnectionError" || isCoordinatorTrouble(error.code)) return error;
      // At once, while the loop may still wait for `revoked`: nothing may be written or committed any more.
      this.#verdict = error;
      this.session.forget(error.code !== ErrorCode.UNKNOWN_MEMBER_ID);
    }
    this.#wake.raise();
    return null;
  };

  /** Asks for another round when a topic has got more partitions or has come into being. Never ends by itself. */
  readonly #watch = Effect.fnUntraced(function* (this: Member) {
    const maxAge = this.options.metadataMaxAge ?? 30_000;
    for (let late = false;;) {
      const missing = [...this.#counts].find(([, count]) => count === 0);
      if (missing !== undefined) {
        yield* this.#warnings.warn(missing[0], `group ${this.options.groupId}: topic ${missing[0]} does not exist yet`);
      }
      yield* Effect.sleep(missing === undefined ? maxAge : Math.min(maxAge, missingMaxAge));
      const topics = [...this.#counts.keys()];
      yield* Effect.result(this.cluster.refresh(topics));
      const now = partitionCounts(this.cluster, topics);
      const changed = topics.some((topic) => now.get(topic) !== this.#counts.get(topic));
      // It is the leader's to act. But there may be none that looks: a static member that has restarted does not learn
      // that it leads. So the others act when nothing has happened for a while.
      if (changed && (this.#leads || late)) {
        this.#rejoin = true;
        this.#wake.raise();
      }
      late = changed;
    }
  });

  /** What a refusal means for the membership. Fails when it is for good. */
  #refused(error: GroupTrouble | GroupError, failures: number): Effect.Effect<void, GroupError> {
    if (error._tag === "GroupError") return Effect.andThen(this.#lose, Effect.fail(error));
    if (error._tag === "ConnectionError" || isCoordinatorTrouble(error.code)) return this.#lookAgain(error, failures);
    switch (error.code) {
      case ErrorCode.REBALANCE_IN_PROGRESS:
        return Effect.void;
      case ErrorCode.ILLEGAL_GENERATION:
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.MEMBER_ID_REQUIRED:
        this.session.forget(error.code === ErrorCode.ILLEGAL_GENERATION);
        return this.#lose;
      default:
        this.session.forget(false);
        return Effect.andThen(
          this.#lose,
          Effect.fail(this.#fatal(error.type, hints.get(error.code) ?? error.message, error)),
        );
    }
  }

  /** The coordinator is away or has moved, which takes nothing from us. */
  #lookAgain(error: GroupTrouble, failures: number): Effect.Effect<void> {
    // A coordinator that moves, or a connection that breaks, is looked for once without a word. That no broker answers
    // has been told of by the cluster.
    const known = failures === 0 || (error._tag === "ConnectionError" && !this.cluster.reachable());
    const told = known ? Effect.void : this.#warnings.warn(
      error._tag === "KafkaError" ? error.type : error.reason,
      `group ${this.options.groupId}: its coordinator does not answer, trying again: ${error.message}`,
    );
    return Effect.andThen(this.session.drop, told);
  }

  #letGo(partitions: ReadonlyArray<TopicPartition>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (partitions.length === 0) return Effect.void;
      for (const { topic, partition } of partitions) this.#owned.delete(partitionKey(topic, partition));
      return this.listener.revoked(partitions);
    });
  }

  readonly #lose: Effect.Effect<void> = Effect.suspend(() => {
    const all = [...this.#owned.values()];
    this.#owned.clear();
    this.#ownedIn = -1;
    return all.length === 0 ? Effect.void : this.listener.lost(all);
  });

  #fatal(type: string, detail: string, cause?: unknown): GroupError {
    return new GroupError(this.options.groupId, type, detail, { cause });
  }
}

const hints: ReadonlyMap<number, string> = new Map([
  [ErrorCode.FENCED_INSTANCE_ID, "another process has joined under the same instanceId; give each its own"],
  [ErrorCode.GROUP_AUTHORIZATION_FAILED, "this user may not read as this group; see the broker's ACLs"],
  [
    ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
    "the group's other members know none of this one's assignors; see the option protocols",
  ],
  [
    ErrorCode.INVALID_SESSION_TIMEOUT,
    "the option sessionTimeout lies outside the broker's group.min.session.timeout.ms to group.max.session.timeout.ms",
  ],
  [ErrorCode.GROUP_MAX_SIZE_REACHED, "the group has as many members as the broker's group.max.size allows"],
  [ErrorCode.INVALID_GROUP_ID, "the option groupId is empty or not allowed"],
]);

function byTopic(partitions: Iterable<TopicPartition>): Map<string, Array<number>> {
  const topics = new Map<string, Array<number>>();
  for (const { topic, partition } of partitions) {
    const known = topics.get(topic);
    if (known === undefined) topics.set(topic, [partition]);
    else known.push(partition);
  }
  return topics;
}
