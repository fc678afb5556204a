/**
 * A member of a consumer group, as one loop over Kafka's classic group protocol: join, sync, hand over the difference,
 * then stay until somebody asks for another round. Sources: Kafka's protocol guide, KIP-345 (static members), KIP-429
 * (incremental cooperative rebalances).
 * @module
 */
import { Clock, Effect, type Scope } from "effect";
import { GroupError, type KafkaError } from "../../errors.ts";
import { ErrorCode } from "../../link/error_code.ts";
import { assignors } from "./assignors.ts";
import { pause } from "../backoff.ts";
import { isCoordinatorTrouble } from "../cluster/located_connection.ts";
import { partitionCounts, shareOut } from "./group_leader.ts";
import { Holdings } from "./group_holdings.ts";
import { refusedForGood } from "./group_refusal.ts";
import { GroupSession, type GroupTrouble } from "./group_session.ts";
import { warnOfCoordinator } from "./group_warning.ts";
import { GroupWatch } from "./group_watch.ts";
import { Departure } from "./member_departure.ts";
import { leaveTimeout, type MemberOptions, sessionTimes } from "./member_options.ts";
import type { Cluster, GroupMember, RebalanceListener } from "../port.ts";
import { Signal } from "../../fiber/signal.ts";
import { decodeAssignment, encodeSubscription, type PartitionsByTopic } from "./subscription.ts";
import { Warnings } from "../warnings.ts";

export type { MemberOptions };

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
    const settled = () => member.settled;
    return { membership: member.session.membership, settled, run: member.run, leave: member.leave };
  },
);

class Member {
  readonly session: GroupSession;
  readonly #assignors: ReadonlyArray<string>;
  readonly #cooperative: boolean;
  readonly #warnings: Warnings;
  readonly #holdings: Holdings;
  readonly #watch: GroupWatch;
  readonly #wake = new Signal();
  /** What the next round waits for, if it waits. */
  #rejoin = false;
  /** How a heartbeat ended the membership. */
  #verdict: KafkaError | null = null;
  readonly #departure = new Departure();

  constructor(
    readonly cluster: Cluster,
    readonly options: MemberOptions,
    listener: RebalanceListener,
    clock: Clock.Clock,
    scope: Scope.Scope,
  ) {
    const times = sessionTimes(options);
    this.session = new GroupSession(cluster, options.groupId, options.instanceId ?? null, times, clock, scope);
    this.#assignors = options.assignors ?? ["cooperative-sticky"];
    this.#cooperative = this.#assignors.every((name) => assignors[name]?.cooperative);
    this.#warnings = new Warnings(clock);
    this.#holdings = new Holdings(listener);
    const maxAge = options.metadataMaxAge ?? 30_000;
    this.#watch = new GroupWatch(cluster, options.groupId, maxAge, this.#warnings, () => this.#joinAgain());
  }

  get settled(): boolean {
    return this.session.live && this.#holdings.told;
  }

  readonly run: Effect.Effect<void, GroupError> = Effect.suspend(() =>
    this.#departure.during(
      this.#loop(),
      Effect.suspend(() => {
        this.session.forget(false);
        return this.session.drop;
      }),
    )
  );

  readonly leave: Effect.Effect<void> = Effect.suspend(() => this.#departure.ask(() => this.#wake.raise()));

  readonly #loop = Effect.fnUntraced(function* (this: Member) {
    const unknown = this.#assignors.find((name) => !Object.hasOwn(assignors, name));
    if (unknown !== undefined) {
      return yield* Effect.fail(this.#fatal("INCONSISTENT_GROUP_PROTOCOL", `no assignor is called ${unknown}`));
    }
    for (let failures = 0; !this.#departure.asked;) {
      if (!this.#cooperative && this.#holdings.size > 0) {
        yield* this.#beating(this.#holdings.letGo(this.#holdings.all));
        if (this.#departure.asked) break;
      }
      const result = yield* Effect.result(Effect.raceFirst(this.#round(), this.#whenLeft));
      if (result._tag === "Success") {
        failures = 0;
        if (result.success === null || this.#departure.asked) break;
        yield* this.#beating(this.#settle(result.success));
        continue;
      }
      const error = result.failure;
      yield* this.#refused(error, failures);
      // The first time there is no reason to wait; and a group that is busy is no failure.
      if (failures > 0 || !this.session.live) {
        yield* Effect.raceFirst(pause(failures, 50, 1_000), this.#departure.awaited);
      }
      failures = error._tag === "KafkaError" && error.code === ErrorCode.REBALANCE_IN_PROGRESS ? 1 : failures + 1;
    }
    yield* this.#beating(this.#holdings.letGo(this.#holdings.all));
    yield* Effect.timeoutOption(Effect.result(this.session.leave), leaveTimeout);
  });

  /** When it is to leave; but a round under way has its time: what we hold is committed in the generation it ends with. */
  readonly #whenLeft: Effect.Effect<null> = Effect.tap(
    Effect.suspend(() => Effect.as(this.#departure.awaited, null)),
    () => this.#holdings.size === 0 ? Effect.void : Effect.sleep(this.options.lastRoundTimeout ?? 5_000),
  );

  /** Joins and syncs; answers what is ours in the new generation. */
  readonly #round = Effect.fnUntraced(function* (this: Member) {
    this.#rejoin = false;
    this.#wake.clear();
    const { topics } = this.options;
    if (topics.some((topic) => this.cluster.topic(topic) === undefined)) {
      yield* Effect.result(this.cluster.refresh(topics));
    }
    const metadata = encodeSubscription({
      topics,
      owned: this.#holdings.byTopic,
      generation: this.#holdings.generation,
    });
    const joined = yield* this.session.join(
      this.#assignors.map((name) => ({ name, metadata })),
      this.#holdings.size > 0,
    );
    this.#watch.leads = joined.leader === joined.memberId;
    this.#watch.counts = partitionCounts(this.cluster, topics);
    let assignments: Parameters<GroupSession["sync"]>[0] = [];
    if (this.#watch.leads) {
      const plan = yield* shareOut(this.cluster, joined, this.#warnings);
      this.#watch.counts = plan.counts;
      assignments = plan.assignments;
    }
    const assignment = yield* this.session.sync(assignments);
    this.#holdings.generation = joined.generationId;
    yield* Effect.logDebug(
      `group ${this.options.groupId}, generation ${joined.generationId}: ${joined.leader} leads, by ${joined.protocolName}`,
    );
    return yield* Effect.try({
      try: () => decodeAssignment(assignment),
      catch: (cause) => this.#fatal("MALFORMED_ASSIGNMENT", `the leader's answer can't be read: ${cause}`),
    });
  });

  /** Takes the assignment over, then stays until there is a reason for another round. */
  readonly #settle = Effect.fnUntraced(function* (this: Member, assignment: PartitionsByTopic) {
    const { kept, added, gone } = this.#holdings.difference(assignment);
    yield* Effect.logDebug(
      `group ${this.options.groupId}, generation ${this.#holdings.generation}: ${kept} partitions kept, ` +
        `${added.length} assigned, ${gone.length} revoked`,
    );
    yield* this.#holdings.take(added);
    // They go to their new owners only when all who have let go of something have joined again.
    if (gone.length > 0 && this.#verdict === null) return yield* this.#holdings.letGo(gone);
    while (!this.#rejoin && this.#verdict === null && !this.#departure.asked) yield* this.#wake.wait;
  });

  /** Does `work` while heartbeats go out; then draws the consequence if one of them ended the membership. */
  readonly #beating = Effect.fnUntraced(function* (this: Member, work: Effect.Effect<void>) {
    if (!this.session.live) return yield* work;
    this.#verdict = null;
    // Whoever interrupts the run must not wait for the answer to a heartbeat: the end of the connection answers it.
    const interruptible = Effect.onInterrupt(work, () => this.session.drop);
    yield* Effect.raceFirst(interruptible, Effect.raceFirst(this.#heartbeats(), this.#watch.run));
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
      if (rejoin) this.#joinAgain();
      return null;
    }
    if (error._tag === "ConnectionError" || isCoordinatorTrouble(error.code)) return error;
    // At once, while the loop may still wait for `revoked`: nothing may be written or committed any more.
    this.#verdict = error;
    this.session.forget(error.code !== ErrorCode.UNKNOWN_MEMBER_ID);
    this.#wake.raise();
    return null;
  };

  #joinAgain(): void {
    this.#rejoin = true;
    this.#wake.raise();
  }

  /** What a refusal means for the membership. Fails when it is for good. */
  #refused(error: GroupTrouble | GroupError, failures: number): Effect.Effect<void, GroupError> {
    if (error._tag === "GroupError") return Effect.andThen(this.#holdings.lose, Effect.fail(error));
    if (error._tag === "ConnectionError" || isCoordinatorTrouble(error.code)) return this.#lookAgain(error, failures);
    switch (error.code) {
      case ErrorCode.REBALANCE_IN_PROGRESS:
        return Effect.void;
      case ErrorCode.ILLEGAL_GENERATION:
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.MEMBER_ID_REQUIRED:
        this.session.forget(error.code === ErrorCode.ILLEGAL_GENERATION);
        return this.#holdings.lose;
      default:
        this.session.forget(false);
        return Effect.andThen(
          this.#holdings.lose,
          Effect.fail(refusedForGood(this.options.groupId, this.options.instanceId ?? null, error)),
        );
    }
  }

  /** The coordinator is away or has moved, which takes nothing from us. */
  #lookAgain(error: GroupTrouble, failures: number): Effect.Effect<void> {
    const what = "its coordinator does not answer";
    const told = warnOfCoordinator(this.cluster, this.#warnings, this.options.groupId, what, error, failures);
    return Effect.andThen(this.session.drop, told);
  }

  #fatal(type: string, detail: string): GroupError {
    return new GroupError(this.options.groupId, type, detail);
  }
}
