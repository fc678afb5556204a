/**
 * Kafka's requests and answers as typed values: the subset this client speaks. Names are those of Kafka's own message
 * definitions; offsets are numbers (safe to 2^53), producer ids bigints. Record batches stay bytes.
 * @module
 */
import type { ClusterApis } from "./protocol_cluster.ts";
import type { GroupApis } from "./protocol_groups.ts";
import type { RecordApis } from "./protocol_records.ts";
import type { TopicApis } from "./protocol_topics.ts";

export type { PartitionMetadata, TopicMetadata } from "./protocol_cluster.ts";
export type { CommittedOffset, MemberIdentity, PartitionsOfTopicId } from "./protocol_groups.ts";
export type { AbortedTransaction, FetchedPartition, FetchRequestTopic } from "./protocol_records.ts";
export type { ConfigResource } from "./protocol_topics.ts";

/** The parts of a request or answer that belong to one topic. */
export interface PerTopic<P> {
  /** The topic's name. */
  readonly name: string;
  /** One entry per partition. */
  readonly partitions: ReadonlyArray<P>;
}

/** Requests and answers by the name of their API. */
export interface Protocol extends ClusterApis, GroupApis, RecordApis, TopicApis {}

/** The names of the APIs. */
export type ApiName = keyof Protocol;
/** An API's request. */
export type Request<A extends ApiName> = Protocol[A]["request"];
/** An API's answer. */
export type Answer<A extends ApiName> = Protocol[A]["answer"];
