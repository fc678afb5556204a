/**
 * What Metadata answers have told so far: topics and brokers.
 * @module
 */
import type { BrokerAddress } from "../link/link.ts";
import type { Answer, PartitionMetadata, TopicMetadata } from "../link/protocol.ts";

/** Topics and brokers as last heard of. An answer from a broker that lags behind takes nothing back. */
export class Topology {
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #brokers = new Map<number, BrokerAddress>();

  /** A topic, or undefined. */
  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name);
  }

  /** A broker, or undefined. */
  broker(nodeId: number): BrokerAddress | undefined {
    return this.#brokers.get(nodeId);
  }

  /** All brokers. */
  brokers(): ReadonlyArray<BrokerAddress> {
    return [...this.#brokers.values()];
  }

  /** Notes a broker that was named outside of Metadata. */
  learn(address: BrokerAddress): void {
    if (!this.#brokers.has(address.nodeId)) this.#brokers.set(address.nodeId, address);
  }

  /** Takes an answer over; topics with an error keep what was known of them. */
  update(answer: Answer<"Metadata">): void {
    // A broker that has just started may know of no other; the rest then are kept, as they may well be alive.
    if (answer.brokers.length > 0) this.#brokers.clear();
    for (const { nodeId, host, port } of answer.brokers) this.#brokers.set(nodeId, { nodeId, host, port });
    for (const topic of answer.topics) {
      if (topic.errorCode !== 0) continue;
      const known = this.#topics.get(topic.name);
      const same = known !== undefined && known.topicId === topic.topicId;
      this.#topics.set(topic.name, same ? { ...topic, partitions: merge(known.partitions, topic.partitions) } : topic);
    }
  }
}

/** Partitions by number; where the answer is older than what is known (by leader epoch) the known one stays. */
function merge(
  known: ReadonlyArray<PartitionMetadata>,
  heard: ReadonlyArray<PartitionMetadata>,
): ReadonlyArray<PartitionMetadata> {
  const merged = new Map(known.map((partition) => [partition.partition, partition]));
  for (const partition of heard) {
    const before = merged.get(partition.partition);
    if (before === undefined || partition.leaderEpoch >= before.leaderEpoch) merged.set(partition.partition, partition);
  }
  return [...merged.values()].sort((a, b) => a.partition - b.partition);
}
