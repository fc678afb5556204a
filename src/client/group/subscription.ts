/**
 * What a member tells the group's leader (its subscription) and what the leader tells it (its assignment): bytes the
 * coordinator passes on unread. Written as Java's consumer writes them; read as Java and librdkafka write them.
 * Source: ConsumerProtocolSubscription and ConsumerProtocolAssignment of Apache Kafka's message definitions.
 * @module
 */
import { ByteReader, ByteWriter, type PartitionsByTopic } from "./group_bytes.ts";

export type { PartitionsByTopic };

/** The newest version of a subscription we write, and read all fields of. */
const subscriptionVersion = 3;

/** A member's wishes and possessions at the time it joins. */
export interface Subscription {
  /** The topics it wants partitions of. */
  readonly topics: ReadonlyArray<string>;
  /** The partitions it holds. */
  readonly owned: PartitionsByTopic;
  /** The generation in which it was given them, or -1. */
  readonly generation: number;
  /** A static member's name, which the coordinator tells the leader: it is no part of the bytes. */
  readonly instanceId?: string | null;
}

/** Version 3, byte for byte Java's. */
export function encodeSubscription(subscription: Subscription): Uint8Array {
  const topics = [...subscription.topics].sort();
  const writer = new ByteWriter().int16(subscriptionVersion).int32(topics.length);
  for (const topic of topics) writer.string(topic);
  // Java repeats the generation here, for leaders that read version 1.
  writer.bytes(new ByteWriter().int32(subscription.generation).done());
  return writer.partitions(subscription.owned).int32(subscription.generation).string(null).done();
}

/** Versions 0 to 3, and the known part of later ones. Throws a RangeError when the bytes are no subscription. */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const reader = new ByteReader(bytes);
  const version = reader.int16();
  const topics: Array<string> = [];
  for (let count = reader.count(2); count > 0; count--) topics.push(reader.string());
  const userData = reader.left() > 0 ? reader.bytes() : null;
  const owned = version >= 1 && reader.left() > 0 ? reader.partitions() : new Map<string, Array<number>>();
  let generation = -1;
  if (version >= 2) {
    if (reader.left() > 0) generation = reader.int32();
  } else if (version === 1 && userData?.length === 4) {
    // Only Java's user data is a bare generation; librdkafka's is longer, others' is theirs.
    generation = new ByteReader(userData).int32();
  }
  return { topics, owned, generation };
}

/** An assignment, version 0 without user data. */
export function encodeAssignment(assignment: PartitionsByTopic): Uint8Array {
  return new ByteWriter().int16(0).partitions(assignment).bytes(null).done();
}

/** Any version; no bytes at all are an empty assignment. Throws a RangeError when the bytes are no assignment. */
export function decodeAssignment(bytes: Uint8Array): PartitionsByTopic {
  if (bytes.length === 0) return new Map();
  const reader = new ByteReader(bytes);
  reader.int16();
  return reader.partitions();
}
