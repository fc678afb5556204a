/**
 * The partitions a member holds: compares them with an assignment, and tells the listener what changes.
 * @module
 */
import { Effect } from "effect";
import { partitionKey, type TopicPartition } from "../../record.ts";
import type { RebalanceListener } from "../port.ts";
import type { PartitionsByTopic } from "./subscription.ts";

/** What an assignment changes. */
export interface Difference {
  readonly kept: number;
  readonly added: ReadonlyArray<TopicPartition>;
  readonly gone: ReadonlyArray<TopicPartition>;
}

/** What one member holds. */
export class Holdings {
  /** The generation in which they were given to us: it decides between two claims. */
  generation = -1;
  /** Whether the listener was told of an assignment since all was lost. */
  told = false;
  readonly #owned = new Map<string, TopicPartition>();

  /** `listener` is told of every change, one call at a time. */
  constructor(readonly listener: RebalanceListener) {}

  /** How many there are. */
  get size(): number {
    return this.#owned.size;
  }

  /** All of them. */
  get all(): ReadonlyArray<TopicPartition> {
    return [...this.#owned.values()];
  }

  /** All of them, as a subscription has them. */
  get byTopic(): PartitionsByTopic {
    const topics = new Map<string, Array<number>>();
    for (const { topic, partition } of this.#owned.values()) {
      const known = topics.get(topic);
      if (known === undefined) topics.set(topic, [partition]);
      else known.push(partition);
    }
    return topics;
  }

  /** How an assignment differs from what is held. */
  difference(assignment: PartitionsByTopic): Difference {
    const ours = new Map<string, TopicPartition>();
    for (const [topic, partitions] of assignment) {
      for (const partition of partitions) ours.set(partitionKey(topic, partition), { topic, partition });
    }
    const gone = [...this.#owned].filter(([key]) => !ours.has(key)).map(([, partition]) => partition);
    const added = [...ours].filter(([key]) => !this.#owned.has(key)).map(([, partition]) => partition);
    return { kept: ours.size - added.length, added, gone };
  }

  /** Takes partitions over. */
  take(partitions: ReadonlyArray<TopicPartition>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.told = true;
      if (partitions.length === 0) return Effect.void;
      for (const each of partitions) this.#owned.set(partitionKey(each.topic, each.partition), each);
      return this.listener.assigned(partitions);
    });
  }

  /** Lets partitions go; ends when they may be given to others. */
  letGo(partitions: ReadonlyArray<TopicPartition>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (partitions.length === 0) return Effect.void;
      for (const { topic, partition } of partitions) this.#owned.delete(partitionKey(topic, partition));
      return this.listener.revoked(partitions);
    });
  }

  /** All belong to others already. */
  readonly lose: Effect.Effect<void> = Effect.suspend(() => {
    const { all } = this;
    this.#owned.clear();
    this.generation = -1;
    this.told = false;
    return all.length === 0 ? Effect.void : this.listener.lost(all);
  });
}
