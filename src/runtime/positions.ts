/**
 * Where partitions begin: at what their group has committed, else at their log's beginning or end.
 * @module
 */
import { Effect } from "effect";
import type { ActorDefinition } from "../actor.ts";
import type { Cluster, Offsets } from "../client/port.ts";
import type { KafkaError } from "../errors.ts";
import { partitionKey, type TopicPartition } from "../record.ts";
import { decodeOffsetMap, emptyOffsetMap, type OffsetMap, type Origin, originOf } from "./offset_map.ts";

/** Where a partition begins. */
export interface Start extends TopicPartition {
  /** The first record to receive. */
  readonly offset: number;
  /** What the previous owner has left. */
  readonly map: OffsetMap;
  /** The id of the topic this holds for, if there are ids. */
  readonly topicId: string | undefined;
  /** What commits from here on say of it. */
  readonly origin: Origin | undefined;
}

/** A partition whose group has committed nothing for it. */
export interface Fresh extends TopicPartition {
  /** Where in the log it begins. */
  readonly from: "earliest" | "latest";
}

/** What a group has committed. */
export interface Found {
  readonly known: ReadonlyArray<Start>;
  readonly fresh: ReadonlyArray<Fresh>;
}

/** The positions of one group. */
export class Positions {
  constructor(
    readonly groupId: string,
    /** The actor of each topic. */
    readonly actors: ReadonlyMap<string, ActorDefinition>,
    private readonly offsets: Offsets,
    private readonly cluster: Cluster,
  ) {}

  /**
   * Asks for what the group has committed for these partitions. In a topic that was `created` under the group's eyes
   * "latest" is the beginning: nothing of what is in it was there when the group began.
   */
  readonly committed: (
    partitions: ReadonlyArray<TopicPartition>,
    created?: boolean,
  ) => Effect.Effect<Found, KafkaError> = Effect
    .fnUntraced(function* (this: Positions, partitions: ReadonlyArray<TopicPartition>, created = false) {
      // Whoever has shared them out may know more of their topics than we do.
      if (partitions.some((at) => at.partition >= this.#count(at.topic))) {
        yield* Effect.result(this.cluster.refresh([...new Set(partitions.map(({ topic }) => topic))]));
      }
      const known: Start[] = [];
      const fresh: Fresh[] = [];
      const found = (yield* this.offsets.committed(this.groupId, partitions)).map((committed) => ({
        ...committed,
        map: decodeOffsetMap(committed.offset, committed.metadata),
      }));
      // Another member may have heard before us that a topic was created again, and have committed in the new one.
      const strange = () =>
        new Set(found.flatMap(({ topic, map }) => isOfAnother(map, this.#topic(topic).origin) ? topic : []));
      if (strange().size > 0) yield* Effect.result(this.cluster.refresh([...strange()]));
      const createdAgain = strange();
      for (const { topic, partition, offset, map } of found) {
        const { topicId, origin } = this.#topic(topic);
        if (offset < 0) {
          const from = this.actors.get(topic)?.settings.startFrom;
          const later = created || createdAgain.has(topic);
          fresh.push({ topic, partition, from: later || from === undefined ? "earliest" : from });
        } else if (isOfAnother(map, origin)) {
          const text =
            `${topic}/${partition}: the group ${this.groupId} has committed ${offset} in a topic of this name ` +
            "that was deleted; begins at the beginning of the one that was created again";
          yield* Effect.logWarning(text);
          fresh.push({ topic, partition, from: "earliest" });
        } else {
          known.push({ topic, partition, offset, map, topicId, origin: map.origin ?? origin });
        }
      }
      return { known, fresh: yield* this.#late(fresh) };
    });

  /** Asks the logs; partitions are told as soon as their leader has answered. */
  begun(fresh: ReadonlyArray<Fresh>, each: (starts: ReadonlyArray<Start>) => void): Effect.Effect<void, KafkaError> {
    const ask = (from: Fresh["from"], timestamp: number) =>
      this.offsets.list(
        fresh.filter((one) => one.from === from),
        timestamp,
        (listed) => each(listed.map((at) => this.at(at, at.offset))),
      );
    return Effect.all([ask("earliest", -2), ask("latest", -1)], { concurrency: "unbounded", discard: true });
  }

  /** An offset where nothing is known of what follows. */
  at({ topic, partition }: TopicPartition, offset: number): Start {
    return { topic, partition, offset, map: emptyOffsetMap, ...this.#topic(topic) };
  }

  /**
   * "Latest" is where the group begins. A partition that was added after that begins at its beginning: nothing of what
   * is in it was there before. The group's commits for the topic's other partitions tell.
   */
  readonly #late = Effect.fnUntraced(function* (this: Positions, fresh: ReadonlyArray<Fresh>) {
    const topics = new Set(fresh.filter(({ from }) => from === "latest").map(({ topic }) => topic));
    if (topics.size === 0) return fresh;
    const all = [...topics].flatMap((topic) =>
      Array.from({ length: this.#count(topic) }, (_, partition) => ({ topic, partition }))
    );
    const counts = new Map<string, number>();
    for (const { topic, offset, metadata } of yield* this.offsets.committed(this.groupId, all)) {
      const { origin } = decodeOffsetMap(offset, metadata);
      if (origin === undefined || origin.topic !== this.#topic(topic).origin?.topic) continue;
      counts.set(topic, Math.min(origin.partitions, counts.get(topic) ?? Infinity));
    }
    const late = fresh.filter(({ topic, partition }) => partition >= (counts.get(topic) ?? Infinity));
    if (late.length === 0) return fresh;
    const names = late.map(({ topic, partition }) => partitionKey(topic, partition)).join(", ");
    yield* Effect.logInfo(`group ${this.groupId}: ${names}: added after the group began, received from the beginning`);
    return fresh.map((one): Fresh => late.includes(one) ? { ...one, from: "earliest" } : one);
  });

  #count(topic: string): number {
    return this.cluster.topic(topic)?.partitions.length ?? 0;
  }

  #topic(name: string): { readonly topicId: string | undefined; readonly origin: Origin | undefined } {
    const topic = this.cluster.topic(name);
    return { topicId: topic?.topicId, origin: topic && originOf(topic.topicId, topic.partitions.length) };
  }
}

/** Whether a commit was made in another topic of the same name. */
function isOfAnother({ origin: before }: OffsetMap, now: Origin | undefined): boolean {
  return before !== undefined && now !== undefined && before.topic !== now.topic;
}
