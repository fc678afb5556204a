/**
 * Writing and reading records.
 * @module
 */
import type { PerTopic } from "./protocol.ts";

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
  /** The log has other records from some offset on: where the largest epoch it shares with the asker's ends (KIP-595). */
  readonly divergingEpoch?: { readonly epoch: number; readonly endOffset: number };
}

/** A topic in a Fetch request. */
export interface FetchRequestTopic<P> extends PerTopic<P> {
  /** Its id, 32 hex digits, by which it is asked for where the broker knows how (Kafka 3.1): another topic of that name is another. */
  readonly topicId?: string;
}

/** Produce, Fetch, ListOffsets, InitProducerId, DeleteRecords. */
export interface RecordApis {
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
        FetchRequestTopic<
          {
            readonly partition: number;
            readonly currentLeaderEpoch: number;
            readonly fetchOffset: number;
            /** The leader epoch of the record before `fetchOffset`, or -1: tells whether the log was cut off below it. */
            readonly lastFetchedEpoch?: number;
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
