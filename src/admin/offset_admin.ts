/**
 * Offsets of topics by time.
 * @module
 */
import { Effect } from "effect";
import { perTopic } from "../client/per_topic.ts";
import type { Cluster, Offsets } from "../client/port.ts";
import { ErrorCode } from "../link/error_code.ts";
import { partitionKey, type TopicPartition } from "../record.ts";
import { type NotYet, persist } from "./persistence.ts";
import { type AdminError, topicError } from "./refusals.ts";
import { presentTopics } from "./topic_metadata.ts";

/** A topic with all its partitions, by name; or one partition. */
export type TopicOrPartition = string | TopicPartition;

/**
 * A place in every log: its first record, its end (where the next record will stand), or the first record that is as young
 * as a time; the end where none is.
 */
export type LogPosition = "earliest" | "latest" | Date;

/** A partition's offset at a position. */
export interface ListedOffset extends TopicPartition {
  readonly offset: number;
}

/** Offsets by {@linkcode partitionKey}. */
export type OffsetMap = ReadonlyMap<string, number>;

const LATEST = -1;
const EARLIEST = -2;

/** Asks the partitions' leaders; each call ends within `timeout` milliseconds. */
export class OffsetAdmin {
  /** Uses the cluster's connections; `offsets` looks offsets up. */
  constructor(readonly cluster: Cluster, readonly offsets: Offsets, readonly timeout: number) {}

  /** See `Admin.listOffsets`. */
  list(
    of: ReadonlyArray<TopicOrPartition>,
    position: LogPosition,
  ): Effect.Effect<ReadonlyArray<ListedOffset>, AdminError> {
    const attempt = Effect.fnUntraced({ self: this }, function* () {
      const partitions = yield* this.expand(of);
      const offsets = yield* this.at(partitions, position);
      return partitions.map(({ topic, partition }) => ({
        topic,
        partition,
        offset: offsets.get(partitionKey(topic, partition)) ?? 0,
      }));
    });
    return persist(attempt, this.timeout, "looking offsets up");
  }

  /** Topics become their partitions; each partition once, sorted. Fails for what is not there. */
  readonly expand: (
    of: ReadonlyArray<TopicOrPartition>,
  ) => Effect.Effect<ReadonlyArray<TopicPartition>, AdminError | NotYet> = Effect.fnUntraced(
    { self: this },
    function* (of: ReadonlyArray<TopicOrPartition>) {
      const names = of.map((one) => typeof one === "string" ? one : one.topic);
      const known = new Map<string, ReadonlySet<number>>();
      for (const { name, partitions } of yield* presentTopics(this.cluster, names)) {
        known.set(name, new Set(partitions.map(({ partition }) => partition)));
      }
      const found = new Map<string, TopicPartition>();
      for (const one of of) {
        const topic = typeof one === "string" ? one : one.topic;
        const there = known.get(topic) ?? new Set();
        for (const partition of typeof one === "string" ? there : [one.partition]) {
          if (!there.has(partition)) {
            const words = `partition ${partition}: it has ${there.size}`;
            return yield* Effect.fail(topicError(topic, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, words));
          }
          found.set(partitionKey(topic, partition), { topic, partition });
        }
      }
      return [...found.values()].sort(byPlace);
    },
  );

  /** Offsets of partitions that are there. */
  readonly at: (
    partitions: ReadonlyArray<TopicPartition>,
    position: LogPosition,
  ) => Effect.Effect<OffsetMap, AdminError> = Effect.fnUntraced(
    { self: this },
    function* (partitions: ReadonlyArray<TopicPartition>, position: LogPosition) {
      const timestamp = position === "earliest" ? EARLIEST : position === "latest" ? LATEST : position.getTime();
      const found = yield* this.#list(partitions, timestamp);
      const young = partitions.filter(({ topic, partition }) => (found.get(partitionKey(topic, partition)) ?? -1) < 0);
      return young.length === 0 ? found : new Map([...found, ...(yield* this.#list(young, LATEST))]);
    },
  );

  #list(partitions: ReadonlyArray<TopicPartition>, timestamp: number): Effect.Effect<OffsetMap, AdminError> {
    // Topic by topic, so that a refusal is known to be that topic's.
    const asked = Effect.forEach(
      perTopic(partitions, ({ partition }) => partition),
      ({ name, partitions }) =>
        Effect.mapError(
          this.offsets.list(partitions.map((partition) => ({ topic: name, partition })), timestamp),
          ({ code }) => topicError(name, code),
        ),
      { concurrency: 16 },
    );
    return Effect.map(
      asked,
      (topics) =>
        new Map(topics.flat().map(({ topic, partition, offset }) => [partitionKey(topic, partition), offset])),
    );
  }
}

/** By topic, then by number. */
export function byPlace(a: TopicPartition, b: TopicPartition): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1;
}
