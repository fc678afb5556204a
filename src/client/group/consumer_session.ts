/**
 * What one member says to its coordinator in KIP-848's group protocol, and what it learns of its membership by that.
 * Sources: KIP-848; Kafka's protocol guide (ConsumerGroupHeartbeat).
 * @module
 */
import { type Clock, Effect, type Scope } from "effect";
import { KafkaError } from "../../errors.ts";
import { ErrorCode, errorName } from "../../link/error_code.ts";
import type { Connection } from "../../link/link.ts";
import type { Answer, PartitionsOfTopicId, Request } from "../../link/protocol.ts";
import { coordinatorConnection, type LocatedConnection } from "../cluster/located_connection.ts";
import { monotonicMs } from "../../fiber/monotonic.ts";
import { renew } from "./group_deadline.ts";
import type { GroupTrouble } from "./group_session.ts";
import type { Cluster, Membership } from "../port.ts";

type Heartbeat = Request<"ConsumerGroupHeartbeat">;

/** What does not change in the life of a member. Times in milliseconds. */
export interface ConsumerSessionOptions {
  readonly groupId: string;
  /** Chosen by the member itself, for good. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly topics: ReadonlyArray<string>;
  readonly rackId: string | null;
  readonly serverAssignor: string | null;
  /** How long a heartbeat that was answered is relied on; less than the coordinator's own session time-out. */
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  /** How often a heartbeat is sent at least, however rarely the coordinator wants them. */
  readonly heartbeatInterval: number;
  /** How much sooner than the coordinator's the member's own deadline is. */
  readonly deadlineMargin: number;
}

/** What a member asks of its session's owner, and tells it. */
export interface ConsumerSessionOwner {
  /** What to say is owned. */
  readonly claimed: () => ReadonlyArray<PartitionsOfTopicId>;
  /** Whether something claimed is to be let go. */
  readonly letting: () => boolean;
  /** An answer without an error has come. */
  readonly hear: (answer: Answer<"ConsumerGroupHeartbeat">) => void;
}

// Epochs that say something.
const joining = 0;
const leavingForGood = -1;
const leavingForAWhile = -2;

/** The member, or its group, is not there: it need not leave. */
const notThere: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.GROUP_ID_NOT_FOUND,
  ErrorCode.FENCED_INSTANCE_ID,
  ErrorCode.FENCED_MEMBER_EPOCH,
]);

/** The requests of one member. Keeps `membership` as the answers say. */
export class ConsumerSession {
  readonly membership: Membership & { losses: number };
  readonly #connection: LocatedConnection<GroupTrouble>;
  /** How long an answered heartbeat is relied on. */
  #reliance: number;
  #wanted: number;
  /** The claim that was last answered, as text. */
  #heard = "";
  /** An answer is missing: the next request says everything again, and is told everything. */
  #doubt = false;
  /** The coordinator may count this id in although this member has not joined, as far as it knows. */
  #lingers = false;
  /** Then it would take another join for a stranger's, or for one of long ago: it has to be told to forget the id first. */
  #vacate = false;
  #undisturbed = -Infinity;

  /** Its connection ends with `scope`. */
  constructor(
    cluster: Cluster,
    readonly options: ConsumerSessionOptions,
    private readonly owner: ConsumerSessionOwner,
    readonly clock: Clock.Clock,
    scope: Scope.Scope,
  ) {
    const { groupId, memberId, groupInstanceId } = options;
    this.membership = { groupId, memberId, groupInstanceId, generation: -1, deadline: -Infinity, losses: 0 };
    this.#connection = coordinatorConnection(cluster, groupId, "group", scope);
    this.#reliance = options.sessionTimeout;
    this.#wanted = options.heartbeatInterval;
  }

  /** Whether the group counts this member in, as far as it knows. */
  get live(): boolean {
    return this.membership.generation >= 0;
  }

  /** Milliseconds until the next heartbeat is due: none, while there is something the coordinator has not heard yet. */
  get pause(): number {
    if (!this.live || this.#doubt || JSON.stringify(this.owner.claimed()) !== this.#heard) return 0;
    return Math.min(this.#wanted, this.options.heartbeatInterval, this.#reliance / 3);
  }

  /** The coordinator's own session time-out, in milliseconds: nothing is relied on for longer. */
  limit(sessionTimeout: number): void {
    this.#reliance = Math.min(this.options.sessionTimeout, sessionTimeout);
  }

  /** Ends the connection: the next request looks for the coordinator again. */
  readonly drop: Effect.Effect<void> = Effect.suspend(() => this.#connection.drop);

  /** The membership is over, and with it goes all that was held. `lingers`: the coordinator may still count the id in. */
  forget(lingers: boolean): void {
    this.#lingers = lingers;
    this.#vacate = lingers && (!this.live || this.options.groupInstanceId !== null);
    if (this.live) this.membership.losses++;
    this.membership.generation = -1;
    this.membership.deadline = -Infinity;
  }

  /**
   * One heartbeat; it joins where this member is not in the group. `failed` is told the error, if there is one, and
   * answers what is left of it. An interrupt waits for an answer under way, and it is heard then, too.
   */
  heartbeat(failed: (error: GroupTrouble) => GroupTrouble | null): Effect.Effect<GroupTrouble | null> {
    const told = (error: GroupTrouble) =>
      Effect.sync(() => {
        this.#doubt = true;
        return failed(error);
      });
    const beat = (connection: Connection) =>
      Effect.andThen(this.#vacate ? this.#goodbye(connection) : Effect.void, this.#beat(connection)).pipe(
        Effect.as(null),
        Effect.catch(told),
        Effect.uninterruptible,
      );
    return Effect.matchEffect(this.#connection.get, { onSuccess: beat, onFailure: told });
  }

  /** Tells the coordinator that this member goes; a static one keeps its partitions for a while. */
  readonly leave: Effect.Effect<void, GroupTrouble> = Effect.suspend(() =>
    this.live || this.#lingers
      ? Effect.flatMap(this.#connection.get, (connection) => this.#goodbye(connection))
      : Effect.void
  );

  #beat(connection: Connection): Effect.Effect<void, GroupTrouble> {
    return Effect.suspend(() => {
      const sentAt = monotonicMs(this.clock);
      const letting = this.owner.letting();
      const request = this.#request();
      return Effect.map(this.#call(connection, request), (answer) => {
        this.membership.generation = answer.memberEpoch;
        // None would be heartbeats without end.
        if (answer.heartbeatIntervalMs > 0) this.#wanted = answer.heartbeatIntervalMs;
        if (request.topicPartitions !== null) this.#heard = JSON.stringify(request.topicPartitions);
        this.#doubt = this.#lingers = this.#vacate = false;
        this.owner.hear(answer);
        this.#counted(sentAt, letting || this.owner.letting());
      });
    });
  }

  /** All there is to say after a join or when an answer is missing, else only what is new. */
  #request(): Heartbeat {
    const { groupId, memberId, groupInstanceId, generation } = this.membership;
    const joins = generation <= joining;
    const full = joins || this.#doubt;
    const claimed = joins ? [] : this.owner.claimed();
    if (joins) {
      this.#lingers = true;
      // Without an answer a static member would be told that its own name is taken.
      this.#vacate = groupInstanceId !== null;
    }
    return {
      groupId,
      memberId,
      groupInstanceId,
      memberEpoch: joins ? joining : generation,
      rackId: full ? this.options.rackId : null,
      rebalanceTimeoutMs: full ? this.options.rebalanceTimeout : -1,
      subscribedTopicNames: full ? this.options.topics : null,
      serverAssignor: full ? this.options.serverAssignor : null,
      topicPartitions: full || JSON.stringify(claimed) !== this.#heard ? claimed : null,
    };
  }

  #goodbye(connection: Connection): Effect.Effect<void, GroupTrouble> {
    const { groupId, memberId, groupInstanceId } = this.membership;
    const request: Heartbeat = {
      groupId,
      memberId,
      groupInstanceId,
      memberEpoch: groupInstanceId === null ? leavingForGood : leavingForAWhile,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      serverAssignor: null,
      topicPartitions: null,
    };
    return Effect.asVoid(this.#call(connection, request)).pipe(
      Effect.catch((error) =>
        error._tag === "KafkaError" && notThere.has(error.code) ? Effect.void : Effect.fail(error)
      ),
    );
  }

  #call(connection: Connection, request: Heartbeat): Effect.Effect<Answer<"ConsumerGroupHeartbeat">, GroupTrouble> {
    const timeout = Math.max(500, this.#reliance / 3);
    const refused = (errorCode: number, why: string | null) => {
      const who = `group ${request.groupId}, member ${request.memberId}, epoch ${request.memberEpoch}`;
      const detail = why === null || why === "" ? who : `${who}: ${why}`;
      return Effect.fail<GroupTrouble>(
        new KafkaError(errorCode, errorName(errorCode), "ConsumerGroupHeartbeat", detail),
      );
    };
    return Effect.matchEffect(connection.call("ConsumerGroupHeartbeat", request, timeout), {
      onSuccess: (answer) =>
        answer.errorCode === 0 ? Effect.succeed(answer) : refused(answer.errorCode, answer.errorMessage),
      onFailure: (error) =>
        error.reason === "unsupported" ? refused(ErrorCode.UNSUPPORTED_VERSION, error.message) : Effect.fail(error),
    });
  }

  /**
   * The coordinator has counted this member in, at `sentAt` or later. One that is to let partitions go is expelled after
   * the rebalance time-out, heartbeats or not; that may run since right after the last request that was answered without
   * a word of it.
   */
  #counted(sentAt: number, letting: boolean): void {
    if (!letting) this.#undisturbed = sentAt;
    const until = Math.min(sentAt + this.#reliance, this.#undisturbed + this.options.rebalanceTimeout);
    renew(this.membership, until - this.options.deadlineMargin);
  }
}
