/**
 * What brokers and topics there are, and who coordinates.
 * @module
 */

/** A partition in a Metadata answer. */
export interface PartitionMetadata {
  readonly errorCode: number;
  readonly partition: number;
  /** The leader's node id, or -1. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly replicas: ReadonlyArray<number>;
  readonly isr: ReadonlyArray<number>;
}

/** A topic in a Metadata answer. */
export interface TopicMetadata {
  readonly errorCode: number;
  readonly name: string;
  /** The topic's id, 32 hex digits. */
  readonly topicId: string;
  readonly partitions: ReadonlyArray<PartitionMetadata>;
}

/** Metadata, FindCoordinator. */
export interface ClusterApis {
  Metadata: {
    /** `topics` null asks for all. */
    request: { readonly topics: ReadonlyArray<string> | null; readonly allowAutoTopicCreation: boolean };
    answer: {
      readonly throttleTimeMs: number;
      readonly brokers: ReadonlyArray<
        { readonly nodeId: number; readonly host: string; readonly port: number; readonly rack: string | null }
      >;
      readonly clusterId: string | null;
      readonly controllerId: number;
      readonly topics: ReadonlyArray<TopicMetadata>;
    };
  };
  FindCoordinator: {
    /** `keyType` 0 group, 1 transaction. */
    request: { readonly key: string; readonly keyType: 0 | 1 };
    answer: {
      readonly throttleTimeMs: number;
      readonly errorCode: number;
      readonly errorMessage: string | null;
      readonly nodeId: number;
      readonly host: string;
      readonly port: number;
    };
  };
}
