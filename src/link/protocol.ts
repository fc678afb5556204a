/**
 * Kafka's requests and answers as typed values: the subset this client speaks. Names are those of Kafka's own message
 * definitions; offsets are numbers (safe to 2^53), producer ids bigints. Record batches stay bytes.
 * @module
 */

/** The parts of a request or answer that belong to one topic. */
export interface PerTopic<P> {
  /** The topic's name. */
  readonly name: string;
  /** One entry per partition. */
  readonly partitions: ReadonlyArray<P>;
}

/** An aborted transaction in a fetched range. */
export interface AbortedTransaction {
  /** The producer that aborted. */
  readonly producerId: bigint;
  /** The transaction's first offset in this partition. */
  readonly firstOffset: number;
}

/** A partition in a Fetch answer. */
export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** Empty unless read_committed was asked for. */
  readonly abortedTransactions: ReadonlyArray<AbortedTransaction>;
  /** A closer replica to fetch from, or -1. */
  readonly preferredReadReplica: number;
  /** Record batches; the last one may be cut short. Empty when there is nothing. */
  readonly records: Uint8Array;
}

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

/** A committed offset as OffsetFetch tells it; `offset` is -1 where none is. */
export interface CommittedOffset {
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string | null;
  readonly errorCode: number;
}

/** What identifies a classic group member in its requests. */
export interface MemberIdentity {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

/** Requests and answers by the name of their API. */
export interface Protocol {
  Produce: {
    request: {
      readonly transactionalId: string | null;
      readonly acks: -1 | 0 | 1;
      readonly timeoutMs: number;
      readonly topics: ReadonlyArray<PerTopic<{ readonly partition: number; readonly records: Uint8Array }>>;
    };
    answer: {
      readonly topics: ReadonlyArray<
        PerTopic<
          {
            readonly partition: number;
            readonly errorCode: number;
            readonly baseOffset: number;
            readonly logAppendTimeMs: number;
          }
        >
      >;
      readonly throttleTimeMs: number;
    };
  };
  Fetch: {
    request: {
      readonly maxWaitMs: number;
      readonly minBytes: number;
      readonly maxBytes: number;
      /** 0 read_uncommitted, 1 read_committed. */
      readonly isolationLevel: 0 | 1;
      readonly rackId: string;
      readonly topics: ReadonlyArray<
        PerTopic<
          {
            readonly partition: number;
            readonly currentLeaderEpoch: number;
            readonly fetchOffset: number;
            readonly maxBytes: number;
          }
        >
      >;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly errorCode: number;
      readonly topics: ReadonlyArray<PerTopic<FetchedPartition>>;
    };
  };
  ListOffsets: {
    request: {
      readonly isolationLevel: 0 | 1;
      /** `timestamp`: milliseconds, or -1 latest, -2 earliest. */
      readonly topics: ReadonlyArray<
        PerTopic<{ readonly partition: number; readonly currentLeaderEpoch: number; readonly timestamp: number }>
      >;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly topics: ReadonlyArray<
        PerTopic<
          {
            readonly partition: number;
            readonly errorCode: number;
            readonly timestamp: number;
            readonly offset: number;
          }
        >
      >;
    };
  };
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
  JoinGroup: {
    request: {
      readonly groupId: string;
      readonly sessionTimeoutMs: number;
      readonly rebalanceTimeoutMs: number;
      readonly memberId: string;
      readonly groupInstanceId: string | null;
      readonly protocolType: string;
      readonly protocols: ReadonlyArray<{ readonly name: string; readonly metadata: Uint8Array }>;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly errorCode: number;
      readonly generationId: number;
      readonly protocolName: string;
      readonly leader: string;
      readonly memberId: string;
      /** Only for the leader; else empty. */
      readonly members: ReadonlyArray<
        { readonly memberId: string; readonly groupInstanceId: string | null; readonly metadata: Uint8Array }
      >;
    };
  };
  SyncGroup: {
    request: MemberIdentity & {
      readonly assignments: ReadonlyArray<{ readonly memberId: string; readonly assignment: Uint8Array }>;
    };
    answer: { readonly throttleTimeMs: number; readonly errorCode: number; readonly assignment: Uint8Array };
  };
  Heartbeat: {
    request: MemberIdentity;
    answer: { readonly throttleTimeMs: number; readonly errorCode: number };
  };
  LeaveGroup: {
    request: {
      readonly groupId: string;
      readonly members: ReadonlyArray<{ readonly memberId: string; readonly groupInstanceId: string | null }>;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly errorCode: number;
      readonly members: ReadonlyArray<{ readonly memberId: string; readonly errorCode: number }>;
    };
  };
  OffsetCommit: {
    request: MemberIdentity & {
      readonly topics: ReadonlyArray<
        PerTopic<{ readonly partition: number; readonly committedOffset: number; readonly committedMetadata: string }>
      >;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly topics: ReadonlyArray<PerTopic<{ readonly partition: number; readonly errorCode: number }>>;
    };
  };
  OffsetFetch: {
    /** `topics` null asks for all the group has. */
    request: {
      readonly groupId: string;
      readonly requireStable: boolean;
      readonly topics: ReadonlyArray<{ readonly name: string; readonly partitions: ReadonlyArray<number> }> | null;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly errorCode: number;
      readonly topics: ReadonlyArray<PerTopic<CommittedOffset>>;
    };
  };
  InitProducerId: {
    request: {
      readonly transactionalId: string | null;
      readonly transactionTimeoutMs: number;
      readonly producerId: bigint;
      readonly producerEpoch: number;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly errorCode: number;
      readonly producerId: bigint;
      readonly producerEpoch: number;
    };
  };
  CreateTopics: {
    /** `numPartitions` and `replicationFactor` -1: the broker's defaults. */
    request: {
      readonly timeoutMs: number;
      readonly validateOnly: boolean;
      readonly topics: ReadonlyArray<
        {
          readonly name: string;
          readonly numPartitions: number;
          readonly replicationFactor: number;
          readonly configs: Readonly<Record<string, string>>;
        }
      >;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly topics: ReadonlyArray<
        { readonly name: string; readonly errorCode: number; readonly errorMessage: string | null }
      >;
    };
  };
  CreatePartitions: {
    /** `count` is the new total. */
    request: {
      readonly timeoutMs: number;
      readonly validateOnly: boolean;
      readonly topics: ReadonlyArray<{ readonly name: string; readonly count: number }>;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly topics: ReadonlyArray<
        { readonly name: string; readonly errorCode: number; readonly errorMessage: string | null }
      >;
    };
  };
  DeleteTopics: {
    request: { readonly timeoutMs: number; readonly topics: ReadonlyArray<string> };
    answer: {
      readonly throttleTimeMs: number;
      readonly topics: ReadonlyArray<{ readonly name: string; readonly errorCode: number }>;
    };
  };
  DeleteRecords: {
    /** Removes what stands below `offset` (-1: all up to the high watermark). */
    request: {
      readonly timeoutMs: number;
      readonly topics: ReadonlyArray<PerTopic<{ readonly partition: number; readonly offset: number }>>;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly topics: ReadonlyArray<
        PerTopic<{ readonly partition: number; readonly lowWatermark: number; readonly errorCode: number }>
      >;
    };
  };
}

/** The names of the APIs. */
export type ApiName = keyof Protocol;
/** An API's request. */
export type Request<A extends ApiName> = Protocol[A]["request"];
/** An API's answer. */
export type Answer<A extends ApiName> = Protocol[A]["answer"];
