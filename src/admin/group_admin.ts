/**
 * What consumer groups are doing, and how far they are.
 * @module
 */
import { Effect } from "effect";
import { decodeAssignment, type PartitionsByTopic } from "../client/group/subscription.ts";
import { ErrorCode } from "../link/error_code.ts";
import type { Answer } from "../link/protocol.ts";
import { partitionKey, type TopicPartition } from "../record.ts";
import type { GroupCoordinator } from "./group_coordinator.ts";
import { byPlace, type OffsetAdmin } from "./offset_admin.ts";
import { type NotYet, persist } from "./persistence.ts";
import { type AdminError, groupError } from "./refusals.ts";
import { currentTopics } from "./topic_metadata.ts";

/** A member as its coordinator sees it. */
export interface MemberDescription {
  readonly memberId: string;
  /** A static member's name (`instanceId`), or null. */
  readonly instanceId: string | null;
  readonly clientId: string;
  /** Where it connects from. */
  readonly host: string;
  /** What it holds; empty while the group is being balanced. */
  readonly partitions: ReadonlyArray<TopicPartition>;
}

/** A group as its coordinator sees it. */
export interface GroupDescription {
  readonly groupId: string;
  /** Empty, PreparingRebalance, CompletingRebalance or Stable; a "consumer" group's: Empty, Assigning, Reconciling or Stable. */
  readonly state: string;
  /** How its members agree: "classic", among themselves; or "consumer", by the coordinator's word (KIP-848). */
  readonly protocol: "classic" | "consumer";
  /** How partitions are shared out, such as cooperative-sticky; "" while nobody is a member. */
  readonly assignor: string;
  readonly members: ReadonlyArray<MemberDescription>;
}

/** How far a group is in one partition. */
export interface PartitionLag extends TopicPartition {
  /** The committed offset: the first that is not done with; null where nothing is committed. */
  readonly committed: number | null;
  /** Where the next record will stand. */
  readonly end: number;
  /** Offsets between them that are still on the log; from its beginning where nothing is committed. */
  readonly lag: number;
}

/** How far a group is. */
export interface GroupLag {
  readonly groupId: string;
  /** The sum of its partitions' lags. */
  readonly total: number;
  /** All partitions of the topics it has committed for or has members assigned to. */
  readonly partitions: ReadonlyArray<PartitionLag>;
}

const DEAD = "Dead";

/** Asks about groups; each call ends within `timeout` milliseconds. */
export class GroupAdmin {
  /** Asks `coordinator` about groups and `offsets` about logs. */
  constructor(readonly coordinator: GroupCoordinator, readonly offsets: OffsetAdmin, readonly timeout: number) {}

  /** See `Admin.describeGroup`. */
  describe(groupId: string): Effect.Effect<GroupDescription, AdminError> {
    return persist(() => this.#present(groupId), this.timeout, `describing group ${groupId}`);
  }

  /** See `Admin.groupLag`. */
  lag(groupId: string): Effect.Effect<GroupLag, AdminError> {
    const attempt = Effect.fnUntraced({ self: this }, function* () {
      const { members } = yield* this.#present(groupId);
      const committed = yield* this.committed(groupId);
      const names = [...committed.values(), ...members.flatMap(({ partitions }) => partitions)];
      // A topic that was deleted is nobody's lag any more.
      const topics = yield* currentTopics(this.offsets.cluster, [...new Set(names.map(({ topic }) => topic))]);
      const there = [...topics.values()].filter(({ errorCode }) => errorCode !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      const partitions = yield* this.offsets.expand(there.map(({ name }) => name));
      const [starts, ends] = yield* Effect.all([
        this.offsets.at(partitions, "earliest"),
        this.offsets.at(partitions, "latest"),
      ]);
      const lags = partitions.map(({ topic, partition }): PartitionLag => {
        const key = partitionKey(topic, partition);
        const end = ends.get(key) ?? 0;
        const position = committed.get(key)?.offset ?? null;
        const lag = Math.max(0, end - Math.max(position ?? 0, starts.get(key) ?? 0));
        return { topic, partition, committed: position, end, lag };
      });
      return { groupId, total: lags.reduce((sum, { lag }) => sum + lag, 0), partitions: lags };
    });
    return persist(attempt, this.timeout, `the lag of group ${groupId}`);
  }

  /** All a group has committed, by {@linkcode partitionKey}. */
  readonly committed: (
    groupId: string,
  ) => Effect.Effect<ReadonlyMap<string, TopicPartition & { readonly offset: number }>, AdminError | NotYet> = Effect
    .fnUntraced({ self: this }, function* (groupId: string) {
      const request = { groupId, requireStable: false, topics: null };
      const answer = yield* this.coordinator.call(groupId, "OffsetFetch", request, ({ errorCode }) => [errorCode]);
      if (answer.errorCode !== ErrorCode.NONE) return yield* Effect.fail(groupError(groupId, answer.errorCode));
      const found = new Map<string, TopicPartition & { readonly offset: number }>();
      for (const { name: topic, partitions } of answer.topics) {
        for (const { partition, offset } of partitions) {
          if (offset >= 0) found.set(partitionKey(topic, partition), { topic, partition, offset });
        }
      }
      return found;
    });

  /** A group, or null where there is none. */
  readonly find: (groupId: string) => Effect.Effect<GroupDescription | null, AdminError | NotYet> = Effect.fnUntraced(
    { self: this },
    function* (groupId: string) {
      const answer = yield* this.coordinator.call(groupId, "DescribeGroups", { groupIds: [groupId] }, codes);
      const [group] = answer.groups;
      if (group.errorCode !== ErrorCode.NONE && group.errorCode !== ErrorCode.GROUP_ID_NOT_FOUND) {
        return yield* Effect.fail(groupError(groupId, group.errorCode));
      }
      if (group.errorCode === ErrorCode.NONE && group.state !== DEAD) return classic(group);
      // To this request a group of KIP-848's protocol is a dead one.
      const other = yield* Effect.catchTag(
        this.coordinator.call(groupId, "ConsumerGroupDescribe", { groupIds: [groupId] }, codes),
        "ConnectionError",
        (error) => error.reason === "unsupported" ? Effect.succeed(null) : Effect.fail(error),
      );
      const found = other?.groups[0];
      if (found === undefined || absent.has(found.errorCode) || found.state === DEAD) return null;
      if (found.errorCode !== ErrorCode.NONE) return yield* Effect.fail(groupError(groupId, found.errorCode));
      return consumer(found);
    },
  );

  #present(groupId: string): Effect.Effect<GroupDescription, AdminError | NotYet> {
    return Effect.flatMap(
      this.find(groupId),
      (group) =>
        group === null ? Effect.fail(groupError(groupId, ErrorCode.GROUP_ID_NOT_FOUND)) : Effect.succeed(group),
    );
  }
}

/** No such group, or a coordinator that knows of no such kind. */
const absent: ReadonlySet<number> = new Set([ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.UNSUPPORTED_VERSION]);

function codes({ groups }: { readonly groups: ReadonlyArray<{ readonly errorCode: number }> }): ReadonlyArray<number> {
  return groups.map(({ errorCode }) => errorCode);
}

function classic(group: Answer<"DescribeGroups">["groups"][number]): GroupDescription {
  return {
    groupId: group.groupId,
    state: group.state,
    protocol: "classic",
    assignor: group.protocolName,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      host: member.clientHost,
      partitions: group.protocolType === "consumer" ? assigned(member.assignment) : [],
    })),
  };
}

function assigned(bytes: Uint8Array): ReadonlyArray<TopicPartition> {
  let byTopic: PartitionsByTopic;
  try {
    byTopic = decodeAssignment(bytes);
  } catch (cause) {
    // A leader of some other make may write what it likes.
    if (cause instanceof RangeError) return [];
    throw cause;
  }
  return [...byTopic].flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })))
    .sort(byPlace);
}

function consumer(group: Answer<"ConsumerGroupDescribe">["groups"][number]): GroupDescription {
  return {
    groupId: group.groupId,
    state: group.state,
    protocol: "consumer",
    assignor: group.assignorName,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      host: member.clientHost,
      partitions: member.assignment.flatMap(({ name, partitions }) =>
        partitions.map((partition) => ({ topic: name, partition }))
      ).sort(byPlace),
    })),
  };
}
