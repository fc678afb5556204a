/**
 * What Metadata answers have told so far: topics and brokers.
 * @module
 */
import { ErrorCode } from "../../link/error_code.ts";
import type { BrokerAddress } from "../../link/link.ts";
import type { Answer, PartitionMetadata, TopicMetadata } from "../../link/protocol.ts";

/** How long a topic has to be said not to exist before it is believed, in milliseconds: brokers hear of topics at different times. */
const beliefAfter = 2_000;

/** Something about a topic that whoever uses it has to know. */
export interface TopicNews {
  readonly topic: string;
  /** absent: it was there, and has not been for a while · returned: it is there again, the same as before. */
  readonly kind: "grown" | "recreated" | "absent" | "returned";
  /** Partitions before. */
  readonly before: number;
  /** Partitions now. */
  readonly now: number;
}

/** A topic that was there and is not any more. */
interface Absence {
  readonly since: number;
  believed: boolean;
}

/** Topics and brokers as last heard of. An answer from a broker that lags behind takes nothing back. */
export class Topology {
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #brokers = new Map<number, BrokerAddress>();
  readonly #absent = new Map<string, Absence>();
  readonly #denied = new Set<string>();
  /** Ids of topics that have a successor of the same name: a broker that lags behind may still name them. */
  readonly #replaced = new Set<string>();

  /** A topic, or undefined. */
  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name);
  }

  /** Whether a topic that is known of does not exist any more. */
  absent(name: string): boolean {
    return this.#absent.get(name)?.believed ?? false;
  }

  /** Whether this user may not know of a topic. */
  denied(name: string): boolean {
    return this.#denied.has(name);
  }

  /** Whether some topic is said not to exist any more, be that believed or not. */
  get doubtful(): boolean {
    return this.#absent.size > 0;
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

  /**
   * Takes an answer over that came at `now` (monotonic milliseconds), and tells what is new. Topics with an error keep
   * what was known of them.
   */
  update(answer: Answer<"Metadata">, now: number): ReadonlyArray<TopicNews> {
    // A broker that has just started may know of no other; the rest then are kept, as they may well be alive.
    if (answer.brokers.length > 0) this.#brokers.clear();
    for (const { nodeId, host, port } of answer.brokers) this.#brokers.set(nodeId, { nodeId, host, port });
    const news: Array<TopicNews> = [];
    for (const topic of answer.topics) {
      if (topic.errorCode !== ErrorCode.TOPIC_AUTHORIZATION_FAILED) this.#denied.delete(topic.name);
      else this.#denied.add(topic.name);
      if (topic.errorCode === 0) this.#heard(topic, news);
      else if (topic.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) this.#missed(topic.name, now, news);
    }
    return news;
  }

  #heard(topic: TopicMetadata, news: Array<TopicNews>): void {
    const { name, topicId } = topic;
    if (this.#replaced.has(topicId)) return;
    const known = this.#topics.get(name);
    const absent = this.absent(name);
    this.#absent.delete(name);
    if (known === undefined) {
      this.#topics.set(name, topic);
      return;
    }
    // A broker that has no ids says nothing of them.
    const same = known.topicId === topicId || !isTopicId(topicId) || !isTopicId(known.topicId);
    if (!same) this.#replaced.add(known.topicId);
    const partitions = same ? merge(known.partitions, topic.partitions) : topic.partitions;
    // Nor does one that is given its id later, as brokers are upgraded, become another by that.
    this.#topics.set(name, { ...topic, topicId: same ? known.topicId : topicId, partitions });
    const tell = (kind: TopicNews["kind"]) =>
      void news.push({ topic: name, kind, before: known.partitions.length, now: partitions.length });
    if (!same) return tell("recreated");
    if (absent) tell("returned");
    if (partitions.length > known.partitions.length) tell("grown");
  }

  #missed(name: string, now: number, news: Array<TopicNews>): void {
    const known = this.#topics.get(name);
    if (known === undefined) return;
    const absence = this.#absent.get(name);
    if (absence === undefined) this.#absent.set(name, { since: now, believed: false });
    else if (!absence.believed && now - absence.since >= beliefAfter) {
      absence.believed = true;
      news.push({ topic: name, kind: "absent", before: known.partitions.length, now: 0 });
    }
  }
}

/** Whether an id is one: brokers and topics of Kafka before 2.8 have none, which is told as zeros. */
function isTopicId(topicId: string): boolean {
  return /[^0]/.test(topicId);
}

/** A line for the log. */
export function newsText({ topic, kind, before, now }: TopicNews): string {
  switch (kind) {
    case "grown":
      return `topic ${topic} has grown from ${before} to ${now} partitions: keys move, and the records of a key that ` +
        "moves are received in order only within each partition";
    case "recreated":
      return `topic ${topic} was deleted and created again, with ${now} partitions (before: ${before}): what it held ` +
        "is gone, and who receives it starts anew";
    case "absent":
      return `topic ${topic} does not exist any more: who receives it waits, and so does what is published to it, ` +
        "until it is created again";
    case "returned":
      return `topic ${topic} is there again`;
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
