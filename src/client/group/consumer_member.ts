/**
 * A member of a consumer group by KIP-848's protocol: the coordinator shares out, heartbeats carry everything. One loop
 * sends them, another hands partitions over as the answers say.
 * @module
 */
import { Clock, Effect, Random, type Scope } from "effect";
import type { GroupError, KafkaError } from "../../errors.ts";
import { Signal } from "../../fiber/signal.ts";
import { ErrorCode } from "../../link/error_code.ts";
import { pause } from "../backoff.ts";
import { ConsumerHoldings } from "./consumer_holdings.ts";
import { ConsumerSession } from "./consumer_session.ts";
import { consumerSessionTimeout } from "./consumer_session_timeout.ts";
import { partitionCounts } from "./group_leader.ts";
import { refusedForGood } from "./group_refusal.ts";
import type { GroupTrouble } from "./group_session.ts";
import { warnOfCoordinator } from "./group_warning.ts";
import { GroupWatch } from "./group_watch.ts";
import { isCoordinatorTrouble } from "../cluster/located_connection.ts";
import { Departure } from "./member_departure.ts";
import { leaveTimeout, type MemberOptions } from "./member_options.ts";
import type { Cluster, GroupMember, RebalanceListener } from "../port.ts";
import { Warnings } from "../warnings.ts";

/** Settings of a member. All times in milliseconds. */
export interface ConsumerMemberOptions extends Omit<MemberOptions, "assignors" | "lastRoundTimeout"> {
  /**
   * How long an answered heartbeat is relied on; default 10,000. When the partitions of a silent member are given to
   * others is the brokers' setting (`group.consumer.session.timeout.ms`, 45,000 by default): where they tell that it is
   * less, it counts; where they don't tell, this must not be longer.
   */
  readonly sessionTimeout?: number;
  /** How often a heartbeat is sent at least; the broker's answer may ask for more. Default a third of the session time-out. */
  readonly heartbeatInterval?: number;
  /** Where this process is, for the coordinator's assignor; default null. */
  readonly rackId?: string | null;
  /** Which of the coordinator's assignors shares out, such as "uniform" or "range"; default null, the coordinator's choice. */
  readonly serverAssignor?: string | null;
}

/** How soon the name of a topic is asked for again, in milliseconds. */
const nameless = 500;

/** What the coordinator has said of the membership. */
interface Verdict {
  readonly error: KafkaError;
  /** Whether the member may join anew. */
  readonly passes: boolean;
}

/** Refusals after which a member joins anew. */
const passing: ReadonlySet<number> = new Set([ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_MEMBER_EPOCH]);

/**
 * Makes a member. Nothing happens before it is run. Its connections end with the scope at the latest; a run that is
 * interrupted stops as if the process had died: partitions are neither revoked nor lost, the group waits for the session
 * to time out.
 */
export const makeConsumerMember: (
  cluster: Cluster,
  options: ConsumerMemberOptions,
  listener: RebalanceListener,
) => Effect.Effect<GroupMember, never, Scope.Scope> = Effect.fnUntraced(
  function* (cluster: Cluster, options: ConsumerMemberOptions, listener: RebalanceListener) {
    const id = yield* uuid;
    const member = new ConsumerMember(cluster, options, id, listener, yield* Clock.Clock, yield* Effect.scope);
    const settled = () => member.settled;
    return { membership: member.session.membership, settled, run: member.run, leave: member.leave };
  },
);

class ConsumerMember {
  readonly session: ConsumerSession;
  readonly #warnings: Warnings;
  readonly #holdings: ConsumerHoldings;
  readonly #watch: GroupWatch;
  /** For the loop that hands over. */
  readonly #wake = new Signal();
  /** For the loop that sends heartbeats. */
  readonly #soon = new Signal();
  /** Whether the brokers were asked for their session time-out. */
  #limited = false;
  /** How a heartbeat ended the membership. */
  #verdict: Verdict | null = null;
  /** Whether one was answered since then. */
  #heard = false;
  /** Whether all that was given was handed over once since then. */
  #handedOver = false;
  readonly #departure = new Departure();

  constructor(
    readonly cluster: Cluster,
    readonly options: ConsumerMemberOptions,
    memberId: string,
    listener: RebalanceListener,
    clock: Clock.Clock,
    scope: Scope.Scope,
  ) {
    const { groupId, topics } = options;
    const sessionTimeout = options.sessionTimeout ?? 10_000;
    const session = {
      groupId,
      memberId,
      groupInstanceId: options.instanceId ?? null,
      topics,
      rackId: options.rackId ?? null,
      serverAssignor: options.serverAssignor ?? null,
      sessionTimeout,
      rebalanceTimeout: options.rebalanceTimeout ?? 60_000,
      heartbeatInterval: options.heartbeatInterval ?? sessionTimeout / 3,
      deadlineMargin: options.deadlineMargin ?? sessionTimeout / 10,
    };
    const holdings = this.#holdings = new ConsumerHoldings(
      listener,
      (id) => topics.find((topic) => cluster.topic(topic)?.topicId === id),
    );
    this.session = new ConsumerSession(
      cluster,
      session,
      {
        claimed: () => holdings.claimed,
        letting: () => holdings.gone.length > 0,
        hear: ({ assignment }) => {
          this.#heard = true;
          if (assignment === null) return;
          holdings.aim(assignment);
          this.#wake.raise();
        },
      },
      clock,
      scope,
    );
    this.#warnings = new Warnings(clock);
    this.#watch = new GroupWatch(cluster, groupId, options.metadataMaxAge ?? 30_000, this.#warnings, this.#look);
    this.#watch.leads = true;
  }

  get settled(): boolean {
    return this.session.live && (this.#handedOver || this.#holdings.complete);
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

  readonly #loop = Effect.fnUntraced(function* (this: ConsumerMember) {
    for (let failures = 0; !this.#departure.asked; failures = this.#heard ? 0 : failures + 1) {
      if (failures > 0) yield* Effect.raceFirst(pause(failures, 50, 1_000), this.#departure.awaited);
      yield* Effect.raceFirst(this.#prepare, this.#departure.awaited);
      if (!this.#departure.asked) yield* this.#beating(this.#handOver());
    }
    const rest = this.#holdings.letGo(this.#holdings.all);
    yield* this.session.live ? this.#beating(rest) : rest;
    yield* Effect.timeoutOption(Effect.result(this.session.leave), leaveTimeout);
  });

  /** Hands over as the coordinator says, until the membership has ended or is to end. */
  readonly #handOver = Effect.fnUntraced(function* (this: ConsumerMember) {
    while (this.#verdict === null && !this.#departure.asked) {
      const { gone, added } = this.#holdings;
      if (gone.length > 0 || added.length > 0) {
        yield* Effect.logDebug(
          `group ${this.options.groupId}, epoch ${this.session.membership.generation}: ` +
            `${this.#holdings.size - gone.length} partitions kept, ${added.length} assigned, ${gone.length} revoked`,
        );
        // First what goes: a topic that was made anew has the same partitions under another id.
        yield* gone.length > 0
          ? Effect.andThen(this.#holdings.letGo(gone), Effect.sync(() => this.#soon.raise()))
          : this.#holdings.take(added);
      } else if (this.#holdings.nameless) yield* Effect.raceFirst(this.#lookForNames, this.#wake.wait);
      else {
        this.#handedOver = this.session.live;
        yield* this.#wake.wait;
      }
    }
  });

  readonly #lookForNames: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      Effect.result(this.cluster.refresh(this.options.topics)),
      Effect.suspend(() => this.#holdings.nameless ? Effect.sleep(nameless) : Effect.void),
    )
  );

  /** Does `work` while heartbeats go out; then draws the consequence if one of them ended the membership. */
  readonly #beating = Effect.fnUntraced(function* (this: ConsumerMember, work: Effect.Effect<void>) {
    this.#verdict = null;
    this.#heard = this.#handedOver = false;
    // Whoever interrupts the run must not wait for the answer to a heartbeat: the end of the connection answers it.
    const interruptible = Effect.onInterrupt(work, () => this.session.drop);
    yield* Effect.raceFirst(interruptible, Effect.raceFirst(this.#heartbeats(), this.#watch.run));
    if (this.#verdict !== null) yield* this.#ends(this.#verdict);
  });

  /** The membership has ended. */
  #ends({ error, passes }: Verdict): Effect.Effect<void, GroupError> {
    const { groupId, instanceId = null } = this.options;
    this.#verdict = null;
    return Effect.andThen(
      this.#holdings.lose,
      passes ? Effect.void : Effect.fail(refusedForGood(groupId, instanceId, error)),
    );
  }

  /** Never ends by itself: what it hears it tells the loop. */
  readonly #heartbeats = Effect.fnUntraced(function* (this: ConsumerMember) {
    for (let failures = 0; this.#verdict === null;) {
      this.#soon.clear();
      if (failures === 0 && this.session.pause > 0) yield* this.#soon.waitAtMost(this.session.pause);
      const trouble = yield* this.session.heartbeat(this.#failed);
      if (trouble === null) {
        failures = 0;
      } else {
        yield* this.#lookAgain(trouble, failures);
        yield* pause(failures++, 50, 1_000);
      }
    }
    return yield* Effect.never;
  });

  /** What is good to know before joining. Where the session time-out is not told, a lease is as long as the option says. */
  readonly #prepare: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const { groupId, topics } = this.options;
    const unknown = topics.some((topic) => this.cluster.topic(topic) === undefined);
    if (unknown) yield* this.cluster.refresh(topics);
    this.#look();
    if (this.#limited) return;
    const sessionTimeout = yield* consumerSessionTimeout(this.cluster, groupId);
    this.#limited = true;
    if (sessionTimeout !== null) this.session.limit(sessionTimeout);
  }).pipe(Effect.ignore);

  /** The coordinator looks after the topics itself: here it is only told when one is missing. */
  readonly #look = (): void => void (this.#watch.counts = partitionCounts(this.cluster, this.options.topics));

  /** Takes in that a heartbeat was refused; gives the error back if it says nothing about the membership. */
  readonly #failed = (error: GroupTrouble): GroupTrouble | null => {
    if (error._tag === "ConnectionError" || isCoordinatorTrouble(error.code)) return error;
    // A group that is not there any more is a reason to join anew, too, unless that is the answer to joining.
    const passes = error.code === ErrorCode.GROUP_ID_NOT_FOUND ? this.session.live : passing.has(error.code);
    this.#verdict = { error, passes };
    // At once, while the loop may still wait for `revoked`: nothing may be written or committed any more.
    this.session.forget(error.code === ErrorCode.FENCED_MEMBER_EPOCH);
    this.#wake.raise();
    return null;
  };

  /** The coordinator is away or has moved, which takes nothing from us. */
  #lookAgain(error: GroupTrouble, failures: number): Effect.Effect<void> {
    const what = "its coordinator does not answer";
    const told = warnOfCoordinator(this.cluster, this.#warnings, this.options.groupId, what, error, failures);
    return Effect.andThen(this.session.drop, told);
  }
}

/** A UUID of version 4, by the fiber's Random. */
const uuid: Effect.Effect<string> = Effect.gen(function* () {
  const digits: Array<string> = [];
  const below = (limit: number) => Effect.map(Random.next, (chance) => Math.floor(chance * limit));
  for (let i = 0; i < 32; i++) digits.push((yield* below(16)).toString(16));
  digits[12] = "4";
  digits[16] = "89ab"[yield* below(4)];
  const text = digits.join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
});
