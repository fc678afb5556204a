/**
 * The partitions of a member whose coordinator shares out by topic ids: what it is to hold, what it holds, and what it
 * says it holds.
 * @module
 */
import { Effect } from "effect";
import type { PartitionsOfTopicId } from "../../link/protocol.ts";
import type { TopicPartition } from "../../record.ts";
import type { RebalanceListener } from "../port.ts";

/** A partition by its topic's id. */
interface Place {
  readonly topicId: string;
  readonly partition: number;
}

/** A partition that the listener has. */
interface Held extends TopicPartition, Place {}

const keyOf = ({ topicId, partition }: Place) => `${topicId}/${partition}`;

/** What one member holds and shall hold. */
export class ConsumerHoldings {
  #target = new Map<string, Place>();
  readonly #held = new Map<string, Held>();

  /** `listener` is told of every change, one call at a time; `nameOf` answers undefined for a topic not known yet. */
  constructor(readonly listener: RebalanceListener, readonly nameOf: (topicId: string) => string | undefined) {}

  /** How many the listener has. */
  get size(): number {
    return this.#held.size;
  }

  /** All the listener has. */
  get all(): ReadonlyArray<Held> {
    return [...this.#held.values()];
  }

  /**
   * What is said to be owned: all that is held (until it has been let go for good), and all that may still be taken over
   * by what the coordinator has said. What is left out is given to others as soon as the request is read, so the list
   * must not be shorter than what this member may come to hold before it hears the answer.
   */
  get claimed(): ReadonlyArray<PartitionsOfTopicId> {
    const topics = new Map<string, Set<number>>();
    for (const { topicId, partition } of [...this.#held.values(), ...this.#target.values()]) {
      const known = topics.get(topicId);
      if (known === undefined) topics.set(topicId, new Set([partition]));
      else known.add(partition);
    }
    return [...topics].sort(([a], [b]) => a < b ? -1 : 1).map(([topicId, partitions]) => ({
      topicId,
      partitions: [...partitions].sort((a, b) => a - b),
    }));
  }

  /** Held, but no longer this member's to hold. */
  get gone(): ReadonlyArray<Held> {
    return this.all.filter((held) => !this.#target.has(keyOf(held)));
  }

  /** This member's to hold, not held yet, and of a topic whose name is known. */
  get added(): ReadonlyArray<Held> {
    return this.#missing.flatMap((place) => {
      const topic = this.nameOf(place.topicId);
      return topic === undefined ? [] : [{ ...place, topic }];
    });
  }

  /** Whether all that it is to hold was taken over. */
  get complete(): boolean {
    return this.#missing.length === 0;
  }

  /** Whether some can't be taken over as their topic's name is not known. */
  get nameless(): boolean {
    return this.#missing.some(({ topicId }) => this.nameOf(topicId) === undefined);
  }

  /** The coordinator says what this member shall hold. */
  aim(assignment: ReadonlyArray<PartitionsOfTopicId>): void {
    const places = assignment.flatMap(({ topicId, partitions }) =>
      partitions.map((partition) => ({ topicId, partition }))
    );
    this.#target = new Map(places.map((place) => [keyOf(place), place]));
  }

  /** Takes partitions over. */
  take(partitions: ReadonlyArray<Held>): Effect.Effect<void> {
    return Effect.suspend(() => {
      for (const held of partitions) this.#held.set(keyOf(held), held);
      return partitions.length === 0 ? Effect.void : this.listener.assigned(partitions.map(named));
    });
  }

  /** Lets partitions go; they are claimed until that has ended. */
  letGo(partitions: ReadonlyArray<Held>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (partitions.length === 0) return Effect.void;
      return Effect.andThen(
        this.listener.revoked(partitions.map(named)),
        Effect.sync(() => partitions.forEach((held) => this.#held.delete(keyOf(held)))),
      );
    });
  }

  /** All belong to others already. */
  readonly lose: Effect.Effect<void> = Effect.suspend(() => {
    const { all } = this;
    this.#held.clear();
    this.#target.clear();
    return all.length === 0 ? Effect.void : this.listener.lost(all.map(named));
  });

  get #missing(): ReadonlyArray<Place> {
    return [...this.#target.values()].filter((place) => !this.#held.has(keyOf(place)));
  }
}

const named = ({ topic, partition }: TopicPartition): TopicPartition => ({ topic, partition });
