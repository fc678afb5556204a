/**
 * Positions that are not where the log is: told, and set anew as each partition's policy says.
 * @module
 */
import { Effect, Exit } from "effect";
import { KafkaError, OffsetOutOfRange } from "../../errors.ts";
import { errorName } from "../../link/error_code.ts";
import type { Connection } from "../../link/link.ts";
import { partitionKey } from "../../record.ts";
import type { Digest } from "./fetch_answer.ts";
import { isTransient } from "../cluster/leader_trouble.ts";
import type { FetchPartition, FetchRouter } from "./fetch_partition.ts";
import { perTopic } from "../per_topic.ts";
import type { Cluster } from "../port.ts";

/** What asking for a log's beginning or end takes. */
export interface ListingSettings {
  readonly isolationLevel: 0 | 1;
  readonly requestTimeout: number;
}

/** Settles the positions that one broker's answers find outside of the logs. */
export class FetchPositions {
  /** Asks on the connection it is given. */
  constructor(
    private readonly cluster: Cluster,
    private readonly settings: ListingSettings,
    private readonly router: FetchRouter,
  ) {}

  /** What can't be settled now is found outside by the next fetch. */
  readonly settle: (result: Digest, connection: Connection | null) => Effect.Effect<void> = Effect.fnUntraced(
    function* (this: FetchPositions, result: Digest, connection: Connection | null) {
      const wrong = [...result.outside, ...result.cut.map(({ partition }) => partition)];
      // A topic that was created anew has another log: of that no policy says anything.
      const exit = yield* Effect.exit(this.cluster.refresh([...new Set(wrong.map(({ topic }) => topic))]));
      if (Exit.isFailure(exit)) return;
      const same = (partition: FetchPartition) => {
        if (!partition.live) return false;
        if (this.cluster.topic(partition.topic)?.topicId === partition.topicId) return true;
        this.router.astray(partition);
        return false;
      };
      for (const { partition, at } of result.cut) if (same(partition)) yield* this.#cut(partition, at);
      const outside = result.outside.filter(same);
      for (const partition of outside) {
        const { topic, partition: number, position } = partition;
        if (partition.outOfRange === "fail") {
          this.router.failed(partition, new OffsetOutOfRange(topic, number, position));
        }
      }
      for (const policy of ["earliest", "latest"] as const) {
        const asked = outside.filter((partition) => partition.outOfRange === policy);
        if (asked.length > 0 && connection !== null) yield* this.#list(asked, policy, connection);
      }
    },
  );

  #cut(partition: FetchPartition, at: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { topic, partition: number, position: from } = partition;
      const lost = `the cluster has lost the records ${at} to ${
        from - 1
      }, which were received before (its log was cut off)`;
      if (partition.outOfRange === "fail") {
        this.router.failed(partition, new OffsetOutOfRange(topic, number, from, lost));
        return Effect.void;
      }
      const text = `${topic}/${number}: ${lost}; goes on at ${at}`;
      return Effect.andThen(
        Effect.logWarning(text),
        Effect.sync(() => partition.live && this.router.reset(partition, { reason: "truncated", from, to: at })),
      );
    });
  }

  readonly #list = Effect.fnUntraced(function* (
    this: FetchPositions,
    asked: ReadonlyArray<FetchPartition>,
    policy: "earliest" | "latest",
    connection: Connection,
  ) {
    const byKey = new Map(asked.map((partition) => [partitionKey(partition.topic, partition.partition), partition]));
    const topics = perTopic(asked, ({ partition, leaderEpoch }) => ({
      partition,
      currentLeaderEpoch: leaderEpoch,
      timestamp: policy === "earliest" ? -2 : -1,
    }));
    const { isolationLevel, requestTimeout } = this.settings;
    const exit = yield* Effect.exit(connection.call("ListOffsets", { isolationLevel, topics }, requestTimeout));
    if (Exit.isFailure(exit)) return;
    for (const { name, partitions } of exit.value.topics) {
      for (const { partition: number, errorCode, offset: to } of partitions) {
        const partition = byKey.get(partitionKey(name, number));
        if (partition === undefined || !partition.live) continue;
        if (isTransient(errorCode)) this.router.astray(partition);
        else if (errorCode !== 0) {
          const error = new KafkaError(errorCode, errorName(errorCode), "ListOffsets", `${name}/${number}`);
          this.router.failed(partition, error);
        } else {
          const { position: from } = partition;
          const detail = to > from
            ? `the records ${from} to ${to - 1} are skipped, ${to - from} at most`
            : `the log ends before, ${from - to} offsets are read again as far as there are any`;
          yield* Effect.logWarning(
            `${name}/${number}: position ${from} lies outside the log, goes on at ${to} (${policy}): ${detail}`,
          );
          if (partition.live) this.router.reset(partition, { reason: "out-of-range", from, to });
        }
      }
    }
  });
}
