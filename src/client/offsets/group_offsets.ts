/**
 * One group's committed offsets.
 * @module
 */
import { Clock, Effect, type Scope } from "effect";
import { type ConnectionError, KafkaError } from "../../errors.ts";
import { monotonicMs } from "../../fiber/monotonic.ts";
import { ErrorCode, errorName } from "../../link/error_code.ts";
import type { Connection } from "../../link/link.ts";
import type { Answer, CommittedOffset, Request } from "../../link/protocol.ts";
import { partitionKey, type TopicPartition } from "../../record.ts";
import { pause } from "../backoff.ts";
import { warnOfCoordinator } from "../group/group_warning.ts";
import { coordinatorConnection, isCoordinatorTrouble, type LocatedConnection } from "../cluster/located_connection.ts";
import { perTopic } from "../per_topic.ts";
import type { Cluster, Membership, OffsetToCommit } from "../port.ts";
import type { Warnings } from "../warnings.ts";

type OffsetApi = "OffsetFetch" | "OffsetCommit";

interface Asked<A extends OffsetApi> {
  readonly connection: Connection;
  readonly answer: Answer<A>;
}

/**
 * How often a commit is tried again for a topic its coordinator has not heard of, as a new topic takes a while; and for an
 * epoch that has risen, as the heartbeat that tells of it may be under way.
 */
const earlyRetries = 20;
/** No commit is given less time for its answer, in milliseconds. */
const shortestTimeout = 1_000;

/** Asks the coordinator of one group; many fibers may do so at once. */
export class GroupOffsets {
  readonly #connection: LocatedConnection<ConnectionError | KafkaError>;
  /** Metadata of so many bytes is more than the coordinator takes. */
  #tooLong = Infinity;

  /** Its connection ends with `scope`. */
  constructor(
    private readonly cluster: Cluster,
    readonly groupId: string,
    readonly requestTimeout: number,
    readonly warnings: Warnings,
    scope: Scope.Scope,
  ) {
    this.#connection = coordinatorConnection(cluster, groupId, "offsets", scope);
  }

  /** See {@linkcode Offsets.committed}. */
  readonly committed = Effect.fnUntraced(function* (this: GroupOffsets, partitions: ReadonlyArray<TopicPartition>) {
    const found = new Map<string, OffsetToCommit>();
    let left = partitions;
    for (let failures = 0, unstable = 0; left.length > 0;) {
      const topics = perTopic(left, ({ partition }) => partition);
      const request = () => ({ groupId: this.groupId, requireStable: true, topics });
      const asked = yield* this.#ask("OffsetFetch", request, failures);
      if (asked === null) {
        yield* pause(failures++, 20, 1_000);
        continue;
      }
      const { connection, answer } = asked;
      const answers = new Map<string, CommittedOffset>();
      for (const { name, partitions } of answer.topics) {
        for (const committed of partitions) answers.set(partitionKey(name, committed.partition), committed);
      }
      const again: Array<TopicPartition> = [];
      let moved = 0;
      for (const { topic, partition } of left) {
        const committed = answers.get(partitionKey(topic, partition));
        const errorCode = answer.errorCode || (committed?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR);
        if (errorCode === 0 && committed !== undefined) {
          const { offset, metadata } = committed;
          found.set(partitionKey(topic, partition), { topic, partition, offset, metadata: metadata ?? "" });
        } else if (errorCode === ErrorCode.UNSTABLE_OFFSET_COMMIT || isCoordinatorTrouble(errorCode)) {
          again.push({ topic, partition });
          if (errorCode !== ErrorCode.UNSTABLE_OFFSET_COMMIT) moved = errorCode;
        } else return yield* Effect.fail(this.#error("OffsetFetch", errorCode, `${topic}/${partition}`));
      }
      left = again;
      if (moved !== 0) {
        yield* this.#moved(connection, this.#error("OffsetFetch", moved, "its coordinator is elsewhere"), failures);
        yield* pause(failures++, 20, 1_000);
      } else if (again.length > 0) yield* pause(unstable++, 5, 100);
    }
    return partitions.flatMap(({ topic, partition }) => found.get(partitionKey(topic, partition)) ?? []);
  });

  /** See {@linkcode Offsets.commit}. */
  readonly commit = Effect.fnUntraced(
    function* (
      this: GroupOffsets,
      membership: Membership,
      offsets: ReadonlyArray<OffsetToCommit>,
      held: (offset: OffsetToCommit) => boolean,
    ) {
      const clock = yield* Clock.Clock;
      const { groupId, memberId, generation, groupInstanceId, losses } = membership;
      // Never as generation -1: an empty group takes that from anybody.
      const over = () =>
        losses === undefined
          ? membership.generation !== generation || membership.memberId !== memberId
          : membership.generation < 0 || membership.losses !== losses;
      const fenced = () =>
        generation < 0 || over()
          ? this.#error("OffsetCommit", ErrorCode.ILLEGAL_GENERATION, `generation ${generation} is over`)
          : null;
      let left = offsets;
      /** Why some are refused for good: what has become of one says nothing of the others. */
      let refused: KafkaError | null = null;
      for (let failures = 0; left.length > 0; failures++) {
        if (failures > 0) yield* pause(failures - 1, 20, 1_000);
        left = left.filter(held);
        if (left.length === 0) break;
        const tooLong = this.#tooLong;
        // Put together when it is sent: what is held and the epoch belong together.
        const request = () => {
          left = left.filter(held);
          const topics = perTopic(left, ({ partition, offset, metadata }) => ({
            partition,
            committedOffset: offset,
            committedMetadata: metadata.length < tooLong ? metadata : "",
          }));
          return { groupId, generationId: membership.generation, memberId, groupInstanceId, topics };
        };
        // A commit that gets no answer leaves time for another one under the same lease.
        const half = (membership.deadline - monotonicMs(clock)) / 2;
        const timeout = Math.min(this.requestTimeout, Math.max(shortestTimeout, half));
        const asked = yield* this.#ask("OffsetCommit", request, failures, fenced, timeout);
        if (asked === null) continue;
        const codes = new Map<string, number>();
        for (const { name, partitions } of asked.answer.topics) {
          for (const { partition, errorCode } of partitions) codes.set(partitionKey(name, partition), errorCode);
        }
        let moved = 0;
        const again: Array<OffsetToCommit> = [];
        for (const offset of left) {
          const errorCode = codes.get(partitionKey(offset.topic, offset.partition)) ?? ErrorCode.UNKNOWN_SERVER_ERROR;
          if (errorCode === 0) continue;
          const { length } = offset.metadata;
          if (errorCode === ErrorCode.OFFSET_METADATA_TOO_LARGE && length > 0 && length < tooLong) {
            yield* this.#shorten(offset);
            again.push(offset);
            continue;
          }
          const early = failures < earlyRetries &&
            ((errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION && !this.cluster.absent(offset.topic)) ||
              (errorCode === ErrorCode.STALE_MEMBER_EPOCH && losses !== undefined));
          if (!early && !isCoordinatorTrouble(errorCode)) {
            const where = `${offset.topic}/${offset.partition}@${offset.offset}`;
            refused ??= this.#error("OffsetCommit", errorCode, where);
            continue;
          }
          again.push(offset);
          if (!early) moved = errorCode;
        }
        left = again;
        if (moved !== 0) {
          const error = this.#error("OffsetCommit", moved, "its coordinator is elsewhere");
          yield* this.#moved(asked.connection, error, failures);
        }
      }
      if (refused !== null) yield* Effect.fail(refused);
    },
  );

  /** The coordinator takes less metadata than this commit has: from here on such commits have none. */
  #shorten({ topic, partition, metadata }: OffsetToCommit): Effect.Effect<void> {
    const told = this.#tooLong < Infinity;
    this.#tooLong = Math.min(this.#tooLong, metadata.length);
    if (told) return Effect.void;
    return Effect.logWarning(
      `group ${this.groupId}: the broker refuses the ${metadata.length} bytes of metadata of the commit for ` +
        `${topic}/${partition}, it is committed without: more records may be received twice after a rebalance; ` +
        "see the broker's offset.metadata.max.bytes",
    );
  }

  /** One request: its answer, or null when it is worth another try later. `fenced` is asked right before it is sent. */
  #ask<A extends OffsetApi>(
    api: A,
    request: () => Request<A>,
    failures: number,
    fenced: () => KafkaError | null = () => null,
    timeout = this.requestTimeout,
  ): Effect.Effect<Asked<A> | null, KafkaError> {
    const check = Effect.suspend((): Effect.Effect<void, KafkaError> => {
      const error = fenced();
      return error === null ? Effect.void : Effect.fail(error);
    });
    const asked: Effect.Effect<Asked<A>, ConnectionError | KafkaError> = Effect.gen({ self: this }, function* () {
      yield* check;
      const connection = yield* this.#connection.get;
      yield* check;
      // Who gives up waiting leaves no silent connection behind, on which the next one would wait as long.
      const answer = yield* Effect.onInterrupt(
        connection.call(api, request(), timeout),
        () => this.#connection.forget(connection),
      );
      return { connection, answer };
    });
    return Effect.catch(
      asked,
      (error) =>
        error._tag === "ConnectionError" || isCoordinatorTrouble(error.code)
          ? Effect.as(this.#warn(error, failures), null)
          : Effect.fail(error),
    );
  }

  #moved(connection: Connection, error: KafkaError, failures: number): Effect.Effect<void> {
    return Effect.andThen(this.#connection.forget(connection), this.#warn(error, failures));
  }

  #warn(error: ConnectionError | KafkaError, failures: number): Effect.Effect<void> {
    const what = "its offsets can't be read or written";
    return warnOfCoordinator(this.cluster, this.warnings, this.groupId, what, error, failures);
  }

  #error(api: OffsetApi, errorCode: number, detail: string): KafkaError {
    return new KafkaError(errorCode, errorName(errorCode), api, `group ${this.groupId}: ${detail}`);
  }
}
