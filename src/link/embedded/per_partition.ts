/**
 * Answers that have the shape of their request: topics, and in them partitions.
 * @module
 */
import type { PerTopic } from "../protocol.ts";

/** The same topics, each of their partitions answered by `answer`. */
export function perPartition<P, A>(
  topics: ReadonlyArray<PerTopic<P>>,
  answer: (topic: string, asked: P) => A,
): ReadonlyArray<PerTopic<A>> {
  return topics.map(({ name, partitions }) => ({ name, partitions: partitions.map((asked) => answer(name, asked)) }));
}
