/**
 * Partitions that are ours and have not begun: it is still to be heard where they begin.
 * @module
 */
import { partitionKey, type TopicPartition } from "../record.ts";

// Milliseconds after which a system that starts goes on without them: a leader that is away may be away for long.
const PATIENCE = 5_000;

/** Partitions that were given at the same time. */
export interface Wait {
  /** Since when, in monotonic milliseconds. */
  readonly since: number;
  /** Whether nothing else was held then: who starts is ready when these have begun. */
  readonly first: boolean;
}

/** What waits, each by the wait it began with: it may be let go, and given again, meanwhile. */
export class Waiting {
  readonly #waits = new Map<string, { readonly at: TopicPartition; readonly wait: Wait }>();

  /** These wait from now on. */
  add(partitions: ReadonlyArray<TopicPartition>, wait: Wait): void {
    for (const at of partitions) this.#waits.set(partitionKey(at.topic, at.partition), { at, wait });
  }

  /** These don't wait any more. */
  remove(partitions: ReadonlyArray<TopicPartition>): void {
    for (const { topic, partition } of partitions) this.#waits.delete(partitionKey(topic, partition));
  }

  /** Whether a partition is still to begin by this wait. */
  has({ topic, partition }: TopicPartition, wait: Wait): boolean {
    return this.#waits.get(partitionKey(topic, partition))?.wait === wait;
  }

  /** How many of those that a start waits for are still to begin. */
  starting(now: number): number {
    return this.#those((wait) => wait.first && now - wait.since < PATIENCE).length;
  }

  /** Those that have waited for long. */
  late(now: number): ReadonlyArray<TopicPartition> {
    return this.#those((wait) => now - wait.since >= PATIENCE);
  }

  #those(wanted: (wait: Wait) => boolean): ReadonlyArray<TopicPartition> {
    return [...this.#waits.values()].flatMap(({ at, wait }) => wanted(wait) ? [at] : []);
  }
}
