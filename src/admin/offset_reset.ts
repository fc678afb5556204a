/**
 * Setting a group's committed offsets to another place.
 * @module
 */
import { Effect } from "effect";
import { perTopic } from "../client/per_topic.ts";
import { GroupError } from "../errors.ts";
import { ErrorCode, errorName } from "../link/error_code.ts";
import { partitionKey, type TopicPartition } from "../record.ts";
import type { GroupAdmin } from "./group_admin.ts";
import type { LogPosition, OffsetAdmin, OffsetMap, TopicOrPartition } from "./offset_admin.ts";
import { type NotYet, persist } from "./persistence.ts";
import { type AdminError, groupError, topicError } from "./refusals.ts";

/**
 * Where a group shall go on: a position in the logs, an offset, or so many records further on (back where `shift` is below
 * zero). What lies outside a log becomes its nearest end.
 */
export type ResetTarget = LogPosition | { readonly offset: number } | { readonly shift: number };

/** What to reset, and whether to. */
export interface ResetOptions {
  /** Where to. */
  readonly to: ResetTarget;
  /** Topics or single partitions. Default: all the group has committed something for. */
  readonly of?: ReadonlyArray<TopicOrPartition>;
  /** True tells what would be done, and does nothing. Default false. */
  readonly dryRun?: boolean;
}

/** What happens to one partition. */
export interface OffsetChange extends TopicPartition {
  /** What was committed, or null. */
  readonly from: number | null;
  /** What is committed then. */
  readonly to: number;
}

/** Whoever is in no generation commits as nobody: a group without members takes that. */
const nobody = { generationId: -1, memberId: "", groupInstanceId: null } as const;

/** Answers to a commit by nobody where the group has members, after all. */
const joined: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.STALE_MEMBER_EPOCH,
  ErrorCode.FENCED_MEMBER_EPOCH,
]);

/** Resets offsets; each call ends within `timeout` milliseconds. */
export class OffsetReset {
  /** Reads through these two, and commits through the groups' coordinators. */
  constructor(readonly groups: GroupAdmin, readonly offsets: OffsetAdmin, readonly timeout: number) {}

  /** See `Admin.resetOffsets`. */
  reset(groupId: string, options: ResetOptions): Effect.Effect<ReadonlyArray<OffsetChange>, AdminError> {
    return Effect.suspend(() => {
      // Made once: a commit whose answer was lost must not become the place it came from.
      let plan: ReadonlyArray<OffsetChange> | null = null;
      const attempt = Effect.fnUntraced({ self: this }, function* () {
        plan ??= yield* this.#plan(groupId, options);
        if (options.dryRun !== true) yield* this.#commit(groupId, plan);
        return plan;
      });
      return persist(attempt, this.timeout, `resetting group ${groupId}`);
    });
  }

  readonly #plan = Effect.fnUntraced(function* (this: OffsetReset, groupId: string, { to, of }: ResetOptions) {
    const group = yield* this.groups.find(groupId);
    if (group !== null && (group.members.length > 0 || group.state !== "Empty")) {
      const count = group.members.length;
      const hosts = [...new Set(group.members.map(({ clientId, host }) => `${clientId} at ${host}`))].join(", ");
      return yield* Effect.fail(
        busy(groupId, `${group.state}, ${count === 1 ? "1 member" : `${count} members`} (${hosts})`),
      );
    }
    const committed = yield* this.groups.committed(groupId);
    const places = of ?? [...committed.values()];
    if (places.length === 0) {
      const detail = "the group has committed nothing: name the topics or partitions to reset in `of`";
      return yield* Effect.fail(new GroupError(groupId, "NOTHING_COMMITTED", detail));
    }
    const partitions = yield* this.offsets.expand(places);
    const [starts, ends] = yield* Effect.all([
      this.offsets.at(partitions, "earliest"),
      this.offsets.at(partitions, "latest"),
    ]);
    const times = to instanceof Date ? yield* this.offsets.at(partitions, to) : ends;
    const changes: Array<OffsetChange> = [];
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition);
      const from = committed.get(key)?.offset ?? null;
      const wanted = target(to, key, from, starts, ends, times);
      if (wanted === null) {
        const detail =
          `${key}: nothing is committed that could be shifted; reset it to earliest, latest, a time or an offset`;
        return yield* Effect.fail(new GroupError(groupId, "NOTHING_COMMITTED", detail));
      }
      const [start, end] = [starts.get(key) ?? 0, ends.get(key) ?? 0];
      changes.push({ topic, partition, from, to: Math.min(end, Math.max(start, wanted)) });
    }
    return changes;
  });

  readonly #commit = Effect.fnUntraced(
    function* (
      this: OffsetReset,
      groupId: string,
      changes: ReadonlyArray<OffsetChange>,
    ): Effect.fn.Return<void, AdminError | NotYet> {
      const topics = perTopic(changes, ({ partition, to }) => ({
        partition,
        committedOffset: to,
        // No marks of an actor's: what they spoke of is done with again.
        committedMetadata: "",
      }));
      const request = { groupId, ...nobody, topics };
      const answer = yield* this.groups.coordinator.call(
        groupId,
        "OffsetCommit",
        request,
        ({ topics }) => topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)),
      );
      for (const { name, partitions } of answer.topics) {
        for (const { partition, errorCode } of partitions) {
          if (errorCode === ErrorCode.NONE) continue;
          if (joined.has(errorCode)) return yield* Effect.fail(busy(groupId, errorName(errorCode)));
          const unknown = errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
          if (unknown) return yield* Effect.fail(topicError(name, errorCode, `partition ${partition}`));
          return yield* Effect.fail(groupError(groupId, errorCode, `${name}/${partition}`));
        }
      }
    },
  );
}

/** Where one partition shall go on, or null where that can't be said. */
function target(
  to: ResetTarget,
  key: string,
  from: number | null,
  starts: OffsetMap,
  ends: OffsetMap,
  times: OffsetMap,
): number | null {
  if (to === "earliest") return starts.get(key) ?? 0;
  if (to === "latest") return ends.get(key) ?? 0;
  if (to instanceof Date) return times.get(key) ?? 0;
  if ("offset" in to) return to.offset;
  return from === null ? null : from + to.shift;
}

function busy(groupId: string, words: string): GroupError {
  const remedy =
    "offsets are reset while nobody is a member: stop its processes (one that was killed is a member until its " +
    "session time-out) and try again";
  return new GroupError(groupId, "NON_EMPTY_GROUP", `${words}; ${remedy}`);
}
