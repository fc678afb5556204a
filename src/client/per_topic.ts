/**
 * Kafka's requests name each topic once, with its partitions.
 * @module
 */
import type { PerTopic } from "../link/protocol.ts";
import type { TopicPartition } from "../record.ts";

/** Puts what concerns the same topic together, in the order of first mention. */
export function perTopic<T extends TopicPartition, P>(items: Iterable<T>, of: (item: T) => P): Array<PerTopic<P>> {
  const topics = new Map<string, Array<P>>();
  for (const item of items) {
    const known = topics.get(item.topic);
    if (known === undefined) topics.set(item.topic, [of(item)]);
    else known.push(of(item));
  }
  return Array.from(topics, ([name, partitions]) => ({ name, partitions }));
}
