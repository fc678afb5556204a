/**
 * Partitions as the newer group protocol names them: by their topic's id, as one text, so that sets can have them.
 * @module
 */
import type { PartitionsOfTopicId } from "../../protocol.ts";

/** A topic's id and a partition's number. */
export type HeldPartition = `${string}/${number}`;

/** Makes one. */
export function heldPartition(topicId: string, partition: number): HeldPartition {
  return `${topicId}/${partition}`;
}

/** The topic's id of one. */
export function topicIdOf(held: HeldPartition): string {
  return held.slice(0, held.indexOf("/"));
}

/** The partition's number. */
export function partitionOf(held: HeldPartition): number {
  return Number(held.slice(held.indexOf("/") + 1));
}

/** From the wire. */
export function heldPartitions(topics: ReadonlyArray<PartitionsOfTopicId>): Set<HeldPartition> {
  return new Set(topics.flatMap(({ topicId, partitions }) => partitions.map((each) => heldPartition(topicId, each))));
}

/** For the wire: by topic. */
export function byTopicId(held: Iterable<HeldPartition>): ReadonlyArray<PartitionsOfTopicId> {
  const topics = new Map<string, Array<number>>();
  for (const each of held) {
    const partitions = topics.get(topicIdOf(each));
    if (partitions === undefined) topics.set(topicIdOf(each), [partitionOf(each)]);
    else partitions.push(partitionOf(each));
  }
  return Array.from(topics, ([topicId, partitions]) => ({ topicId, partitions: partitions.sort((a, b) => a - b) }));
}
