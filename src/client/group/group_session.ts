/**
 * What one member says to its coordinator in the classic group protocol, and what it learns of its membership by that.
 * @module
 */
import { type Clock, Effect, type Scope } from "effect";
import { type ConnectionError, KafkaError } from "../../errors.ts";
import { ErrorCode, errorName } from "../../link/error_code.ts";
import type { Connection } from "../../link/link.ts";
import type { Answer, MemberIdentity, Request } from "../../link/protocol.ts";
import { coordinatorConnection, type LocatedConnection } from "../cluster/located_connection.ts";
import { monotonicMs } from "../../fiber/monotonic.ts";
import { renew } from "./group_deadline.ts";
import type { Cluster, Membership } from "../port.ts";

/** Why a request of a member did not do what it was to do. */
export type GroupTrouble = ConnectionError | KafkaError;

/** Milliseconds of a session. */
export interface SessionTimes {
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  readonly heartbeatInterval: number;
  readonly deadlineMargin: number;
}

/** How much longer than the rebalance time-out an answer that waits for other members may take, in milliseconds. */
const slack = 5_000;

/** The requests of one member. Keeps `membership` as the answers say. */
export class GroupSession {
  readonly membership: Membership;
  readonly #connection: LocatedConnection<GroupTrouble>;
  readonly #spare: LocatedConnection<GroupTrouble>;
  readonly #heartbeatTimeout: number;
  #undisturbed = -Infinity;

  /** Its connections end with `scope`. */
  constructor(
    cluster: Cluster,
    groupId: string,
    groupInstanceId: string | null,
    readonly times: SessionTimes,
    readonly clock: Clock.Clock,
    scope: Scope.Scope,
  ) {
    this.membership = { groupId, memberId: "", groupInstanceId, generation: -1, deadline: -Infinity };
    this.#connection = coordinatorConnection(cluster, groupId, "group", scope);
    this.#spare = coordinatorConnection(cluster, groupId, "group", scope);
    this.#heartbeatTimeout = Math.max(500, Math.round(times.sessionTimeout / 3));
  }

  /** Whether the group counts this member in, as far as it knows. */
  get live(): boolean {
    return this.membership.generation >= 0;
  }

  /** Ends the connection: the next request looks for the coordinator again. */
  readonly drop: Effect.Effect<void> = Effect.suspend(() => Effect.andThen(this.#connection.drop, this.#spare.drop));

  /** The membership is over; a member that is not `known` any more needs a new id. */
  forget(known: boolean): void {
    if (!known) this.membership.memberId = "";
    this.membership.generation = -1;
    this.membership.deadline = -Infinity;
  }

  /**
   * Waits at the coordinator until all members have joined. An interrupt ends the connection, as nothing else could be
   * said on it before the answer. `stays`: while this lasts heartbeats on another connection keep the deadline ahead.
   */
  join(
    protocols: Request<"JoinGroup">["protocols"],
    stays: boolean,
  ): Effect.Effect<Answer<"JoinGroup">, GroupTrouble> {
    const answer = Effect.flatMap(this.#connection.get, (connection) => this.#join(connection, protocols)).pipe(
      Effect.onInterrupt(() => this.#connection.drop),
    );
    if (!stays || !this.live) return answer;
    return Effect.ensuring(Effect.raceFirst(answer, this.#vigil()), this.#spare.drop);
  }

  /** Gets this member's assignment; as the leader, gives all of them. */
  sync(assignments: Request<"SyncGroup">["assignments"]): Effect.Effect<Uint8Array, GroupTrouble> {
    return Effect.flatMap(this.#connection.get, (connection) => {
      const sentAt = monotonicMs(this.clock);
      const timeout = this.times.rebalanceTimeout + slack;
      return Effect.flatMap(
        connection.call("SyncGroup", { ...this.#identity(), assignments }, timeout),
        ({ errorCode, assignment }) => {
          if (errorCode !== 0) return Effect.fail(this.#refused("SyncGroup", errorCode));
          this.#counted(sentAt);
          return Effect.succeed(assignment);
        },
      );
    }).pipe(Effect.onInterrupt(() => this.#connection.drop));
  }

  /**
   * One heartbeat. `hear` is told the answer: whether the group asks to join again, or an error. An interrupt waits for
   * an answer under way, and it is heard then, too.
   */
  heartbeat<A>(hear: (rejoin: boolean, error: GroupTrouble | null) => A): Effect.Effect<A, GroupTrouble> {
    return Effect.flatMap(this.#connection.get, (connection) =>
      Effect.uninterruptible(
        Effect.match(this.#beat(connection), {
          onSuccess: (rejoin) => hear(rejoin, null),
          onFailure: (error) => hear(false, error),
        }),
      ));
  }

  /** Tells the coordinator that this member goes. */
  readonly leave: Effect.Effect<void, GroupTrouble> = Effect.suspend(() => {
    const { groupId, memberId, groupInstanceId } = this.membership;
    if (memberId === "" || groupInstanceId !== null) return Effect.void;
    return Effect.flatMap(
      this.#connection.get,
      (connection) => connection.call("LeaveGroup", { groupId, members: [{ memberId, groupInstanceId }] }),
    );
  });

  readonly #join = Effect.fnUntraced(function* (
    this: GroupSession,
    connection: Connection,
    protocols: Request<"JoinGroup">["protocols"],
  ) {
    const { membership, times } = this;
    // Twice at most: the first time a coordinator only gives a new member its id.
    for (let first = true;; first = false) {
      const answer = yield* connection.call("JoinGroup", {
        groupId: membership.groupId,
        sessionTimeoutMs: times.sessionTimeout,
        rebalanceTimeoutMs: times.rebalanceTimeout,
        memberId: membership.memberId,
        groupInstanceId: membership.groupInstanceId,
        protocolType: "consumer",
        protocols,
      }, times.rebalanceTimeout + slack);
      if (answer.errorCode === ErrorCode.MEMBER_ID_REQUIRED && first) {
        membership.memberId = answer.memberId;
        continue;
      }
      if (answer.errorCode !== 0) return yield* Effect.fail(this.#refused("JoinGroup", answer.errorCode));
      membership.memberId = answer.memberId;
      // No sign of life: one that asks again is told of the present generation, and its time runs on.
      membership.generation = answer.generationId;
      return answer;
    }
  });

  /** Heartbeats while a join waits for slow members. Only good news counts: the rest comes with the join's answer. */
  readonly #vigil = Effect.fnUntraced(function* (this: GroupSession) {
    const interval = Math.max(this.times.heartbeatInterval, this.times.sessionTimeout / 10);
    yield* Effect.sleep(this.times.sessionTimeout / 3);
    for (;;) {
      const result = yield* Effect.result(Effect.flatMap(this.#spare.get, (connection) => this.#beat(connection)));
      if (result._tag === "Failure") yield* this.#spare.drop;
      yield* Effect.sleep(interval);
    }
  });

  #beat(connection: Connection): Effect.Effect<boolean, GroupTrouble> {
    return Effect.suspend(() => {
      const sentAt = monotonicMs(this.clock);
      return Effect.flatMap(
        connection.call("Heartbeat", this.#identity(), this.#heartbeatTimeout),
        ({ errorCode }) => {
          const rejoin = errorCode === ErrorCode.REBALANCE_IN_PROGRESS;
          if (errorCode !== 0 && !rejoin) return Effect.fail(this.#refused("Heartbeat", errorCode));
          this.#counted(sentAt, rejoin);
          return Effect.succeed(rejoin);
        },
      );
    });
  }

  #identity(): MemberIdentity {
    const { groupId, memberId, groupInstanceId, generation } = this.membership;
    return { groupId, memberId, groupInstanceId, generationId: generation };
  }

  /**
   * The coordinator has counted this member in, at `sentAt` or later. While a rebalance is under way that does not last
   * longer than the rebalance time-out: who has not joined by then is expelled, heartbeats or not. It may have begun as
   * early as right after the last request that was answered without a word of it.
   */
  #counted(sentAt: number, rebalancing = false): void {
    const { sessionTimeout, rebalanceTimeout, deadlineMargin } = this.times;
    if (!rebalancing) this.#undisturbed = sentAt;
    const until = Math.min(sentAt + sessionTimeout, this.#undisturbed + rebalanceTimeout) - deadlineMargin;
    renew(this.membership, until);
  }

  #refused(api: string, errorCode: number): KafkaError {
    const { groupId, memberId, generation } = this.membership;
    return new KafkaError(
      errorCode,
      errorName(errorCode),
      api,
      `group ${groupId}, member ${memberId || "(new)"}, generation ${generation}`,
    );
  }
}
