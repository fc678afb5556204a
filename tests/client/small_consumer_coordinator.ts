/**
 * Just enough of Kafka's group coordinator (KIP-848's protocol) for tests of members and commits, behind a scripted link:
 * partitions are shared out evenly, whoever holds what is theirs is waited for, and one test decides who coordinates, what
 * is refused and which answer gets lost.
 * @module
 */
import { type Clock, Effect, type Scope } from "effect";
import type { ConnectionError } from "../../src/errors.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Answer, ApiName, PartitionsOfTopicId, Request } from "../../src/link/protocol.ts";
import { address, metadata, type Script, type ScriptedLink, scriptedLink } from "./scripted_link.ts";

type Beat = Request<"ConsumerGroupHeartbeat">;

interface Seat {
  readonly memberId: string;
  readonly instanceId: string | null;
  epoch: number;
  previous: number;
  rebalanceTimeout: number;
  /** What it was told to hold. */
  readonly assigned: Set<string>;
  /** What it was told to let go. */
  readonly pending: Set<string>;
  lettingSince: number;
  seen: number;
}

/** A topic's id. */
export function idOf(topic: string): string {
  return Array.from(topic.padEnd(16, "."), (letter) => letter.charCodeAt(0).toString(16)).join("").slice(0, 32);
}

/** One group, its coordinator and a cluster's metadata. */
export class SmallConsumerCoordinator {
  /** Partitions per topic. */
  readonly topics: Record<string, number> = {};
  /** Topics whose metadata is kept back. */
  readonly hidden: Set<string> = new Set();
  readonly seats: Map<string, Seat> = new Map();
  readonly offsets: Map<string, number> = new Map();
  epoch = 0;
  node = 1;
  sessionTimeout = 45_000;
  heartbeatInterval = 1_000;
  /** What DescribeConfigs tells of the session time-out. */
  told: string | null = "45000";
  readonly link: ScriptedLink;
  /** What each member claimed, whenever it said so. */
  readonly claims: Array<readonly [memberId: string, claimed: ReadonlyArray<string>]> = [];
  readonly #refusals: Array<{ readonly api: ApiName; readonly errorCode: number }> = [];
  #target = new Map<string, ReadonlySet<string>>();

  constructor(readonly clock: Clock.Clock, script: Script = {}) {
    this.link = scriptedLink({
      Metadata: ({ topics }) =>
        Effect.sync(() => {
          const known = (topics ?? []).filter((topic) => topic in this.topics && !this.hidden.has(topic));
          const answer = metadata(
            [1, 2],
            Object.fromEntries(known.map((topic) => [topic, new Array(this.topics[topic]).fill(1)])),
          );
          return { ...answer, topics: answer.topics.map((topic) => ({ ...topic, topicId: idOf(topic.name) })) };
        }),
      FindCoordinator: () =>
        Effect.sync(() => ({ throttleTimeMs: 0, errorCode: 0, errorMessage: null, ...address(this.node) })),
      DescribeConfigs: ({ resources }) =>
        Effect.sync(() => ({
          throttleTimeMs: 0,
          resources: resources.map(({ type, name }) => ({
            type,
            name,
            errorCode: 0,
            errorMessage: null,
            configs: this.told === null
              ? []
              : [{ name: "consumer.session.timeout.ms", value: this.told, isDefault: true }],
          })),
        })),
      ConsumerGroupHeartbeat: (request, node) => this.answer(request, node),
      OffsetCommit: (request, node) =>
        Effect.sync(() => {
          const errorCode = this.#commitRefused(request, node);
          const topics = request.topics.map(({ name, partitions }) => ({
            name,
            partitions: partitions.map(({ partition, committedOffset }) => {
              if (errorCode === 0) this.offsets.set(`${name}/${partition}`, committedOffset);
              return { partition, errorCode };
            }),
          }));
          return { throttleTimeMs: 0, topics };
        }),
      ...script,
    });
  }

  /** Refuses the next request of a kind. */
  refuse(api: ApiName, errorCode: number): void {
    this.#refusals.push({ api, errorCode });
  }

  /** The answer to a heartbeat, for scripts that do something about it. */
  answer(request: Beat, node: number): Effect.Effect<Answer<"ConsumerGroupHeartbeat">, ConnectionError> {
    return Effect.sync(() => this.#heartbeat(request, node));
  }

  /** Expels a member. */
  remove(memberId: string): void {
    if (this.seats.delete(memberId)) this.share();
  }

  /** Shares out anew, in a new epoch. */
  share(): void {
    this.epoch++;
    const members = [...this.seats.keys()];
    const all = Object.entries(this.topics).flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => `${idOf(topic)}/${partition}`)
    );
    const least = Math.floor(all.length / Math.max(1, members.length));
    let more = members.length === 0 ? 0 : all.length % members.length;
    const free = new Set(all);
    const target = new Map<string, Set<string>>();
    for (const member of members) {
      const before = [...this.#target.get(member) ?? []].filter((place) => free.has(place));
      const size = least + (before.length > least && more > 0 && more-- > 0 ? 1 : 0);
      target.set(member, new Set(before.slice(0, size)));
      for (const place of before.slice(0, size)) free.delete(place);
    }
    for (const place of free) {
      const [, poorest] = [...target].sort(([, a], [, b]) => a.size - b.size)[0] ?? [];
      poorest?.add(place);
    }
    this.#target = target;
  }

  /** Looks for members that have not been heard of for too long, or don't let go, every 10 ms. */
  readonly watch: Effect.Effect<void, never, Scope.Scope> = Effect.asVoid(Effect.forkScoped(Effect.forever(
    Effect.andThen(
      Effect.sleep(10),
      Effect.sync(() => {
        for (const seat of [...this.seats.values()]) {
          const silent = this.#now() - seat.seen > this.sessionTimeout;
          const slow = seat.pending.size > 0 && this.#now() - seat.lettingSince > seat.rebalanceTimeout;
          if (silent || slow) this.remove(seat.memberId);
        }
      }),
    ),
  )));

  #now(): number {
    return this.clock.currentTimeMillisUnsafe();
  }

  #refusal(api: ApiName): number {
    const at = this.#refusals.findIndex((refusal) => refusal.api === api);
    return at < 0 ? 0 : this.#refusals.splice(at, 1)[0].errorCode;
  }

  #heartbeat(request: Beat, node: number): Answer<"ConsumerGroupHeartbeat"> {
    if (node !== this.node) return refused(ErrorCode.NOT_COORDINATOR);
    const refusal = this.#refusal("ConsumerGroupHeartbeat");
    if (refusal !== 0) return refused(refusal);
    const { memberId, memberEpoch, groupInstanceId: instanceId } = request;
    const before = instanceId === null
      ? this.seats.get(memberId)
      : [...this.seats.values()].find((seat) => seat.instanceId === instanceId);
    if (memberEpoch === 0) return this.#join(request, before);
    if (before === undefined) return refused(ErrorCode.UNKNOWN_MEMBER_ID);
    if (before.memberId !== memberId) return refused(ErrorCode.FENCED_INSTANCE_ID);
    if (memberEpoch === -2) {
      before.epoch = -2;
      before.seen = this.#now();
      return { ...refused(0), memberId, memberEpoch };
    }
    if (memberEpoch === -1) {
      this.remove(memberId);
      return { ...refused(0), memberId, memberEpoch };
    }
    const claimed = request.topicPartitions === null ? null : places(request.topicPartitions);
    const lost = memberEpoch === before.previous && claimed?.every((place) => before.assigned.has(place)) === true;
    if (memberEpoch !== before.epoch && !lost) return refused(ErrorCode.FENCED_MEMBER_EPOCH);
    return this.#reconcile(before, request);
  }

  #join(request: Beat, before: Seat | undefined): Answer<"ConsumerGroupHeartbeat"> {
    const { memberId, groupInstanceId: instanceId, topicPartitions, rebalanceTimeoutMs } = request;
    if (topicPartitions?.length !== 0 || request.subscribedTopicNames === null || rebalanceTimeoutMs < 0) {
      return refused(ErrorCode.INVALID_REQUEST);
    }
    if (before !== undefined && instanceId !== null) {
      if (before.epoch !== -2) return refused(ErrorCode.UNRELEASED_INSTANCE_ID);
      const target = this.#target.get(before.memberId) ?? new Set();
      this.#target.delete(before.memberId);
      this.seats.delete(before.memberId);
      this.seats.set(memberId, { ...before, memberId, epoch: 0, previous: 0 });
      this.#target.set(memberId, target);
    } else if (before === undefined) {
      this.seats.set(memberId, {
        memberId,
        instanceId,
        epoch: 0,
        previous: -1,
        rebalanceTimeout: rebalanceTimeoutMs,
        assigned: new Set(),
        pending: new Set(),
        lettingSince: 0,
        seen: 0,
      });
      this.share();
    }
    return this.#reconcile(this.seats.get(memberId) as Seat, request);
  }

  /** One step towards the target: what is to go first, then what is free. */
  #reconcile(seat: Seat, request: Beat): Answer<"ConsumerGroupHeartbeat"> {
    seat.seen = this.#now();
    const told = [...seat.assigned].join();
    const claimed = request.topicPartitions === null ? null : places(request.topicPartitions);
    if (claimed !== null) this.claims.push([seat.memberId, claimed]);
    const target = this.#target.get(seat.memberId) ?? new Set();
    if (claimed !== null) {
      for (const place of [...seat.pending]) if (!claimed.includes(place)) seat.pending.delete(place);
    }
    for (const place of [...seat.assigned]) {
      if (target.has(place)) continue;
      seat.assigned.delete(place);
      if (claimed === null || claimed.includes(place)) seat.pending.add(place);
    }
    if (seat.pending.size > 0) {
      if (seat.lettingSince === 0) seat.lettingSince = this.#now();
    } else {
      seat.lettingSince = 0;
      if (seat.epoch !== this.epoch) seat.previous = seat.epoch;
      seat.epoch = this.epoch;
      const taken = new Set([...this.seats.values()].flatMap((each) => [...each.assigned, ...each.pending]));
      for (const place of target) if (!taken.has(place)) seat.assigned.add(place);
    }
    const full = request.memberEpoch === 0 || (claimed !== null && request.subscribedTopicNames !== null);
    return {
      ...refused(0),
      memberId: seat.memberId,
      memberEpoch: seat.epoch,
      heartbeatIntervalMs: this.heartbeatInterval,
      assignment: full || told !== [...seat.assigned].join() ? byTopicId(seat.assigned) : null,
    };
  }

  #commitRefused(request: Request<"OffsetCommit">, node: number): number {
    if (node !== this.node) return ErrorCode.NOT_COORDINATOR;
    const refusal = this.#refusal("OffsetCommit");
    if (refusal !== 0) return refusal;
    const seat = this.seats.get(request.memberId);
    if (seat === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
    return request.generationId === seat.epoch ? 0 : ErrorCode.STALE_MEMBER_EPOCH;
  }
}

function places(topics: ReadonlyArray<PartitionsOfTopicId>): Array<string> {
  return topics.flatMap(({ topicId, partitions }) => partitions.map((partition) => `${topicId}/${partition}`));
}

function byTopicId(places: Iterable<string>): Array<PartitionsOfTopicId> {
  const topics = new Map<string, Array<number>>();
  for (const place of places) {
    const [topicId, partition] = place.split("/");
    topics.set(topicId, [...topics.get(topicId) ?? [], Number(partition)]);
  }
  return Array.from(topics, ([topicId, partitions]) => ({ topicId, partitions }));
}

function refused(errorCode: number): Answer<"ConsumerGroupHeartbeat"> {
  return {
    throttleTimeMs: 0,
    errorCode,
    errorMessage: null,
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null,
  };
}
