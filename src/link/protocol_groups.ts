/**
 * Consumer groups and their offsets.
 * @module
 */
import type { PerTopic } from "./protocol.ts";

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

/** Partitions of a topic that is named by its id. */
export interface PartitionsOfTopicId {
  /** The topic's id, 32 hex digits. */
  readonly topicId: string;
  /** Their numbers. */
  readonly partitions: ReadonlyArray<number>;
}

/** JoinGroup and the rest of the classic protocol, ConsumerGroupHeartbeat, offsets, DescribeGroups. */
export interface GroupApis {
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
  /** KIP-848: joins, stays, acknowledges and leaves, all in one; the coordinator shares out. */
  ConsumerGroupHeartbeat: {
    request: {
      readonly groupId: string;
      /** Chosen by the member itself: a UUID. */
      readonly memberId: string;
      /** 0 joins, -1 leaves, -2 leaves for a while (static members). */
      readonly memberEpoch: number;
      readonly groupInstanceId: string | null;
      readonly rackId: string | null;
      /** -1: as before. */
      readonly rebalanceTimeoutMs: number;
      /** Null: as before. */
      readonly subscribedTopicNames: ReadonlyArray<string> | null;
      /** The coordinator's assignor, or null: its default, or as before. */
      readonly serverAssignor: string | null;
      /** What is held now; null: as before. */
      readonly topicPartitions: ReadonlyArray<PartitionsOfTopicId> | null;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly errorCode: number;
      readonly errorMessage: string | null;
      readonly memberId: string | null;
      readonly memberEpoch: number;
      readonly heartbeatIntervalMs: number;
      /** What this member shall hold; null: as before. */
      readonly assignment: ReadonlyArray<PartitionsOfTopicId> | null;
    };
  };
  /** KIP-848's groups, which DescribeGroups knows nothing of. */
  ConsumerGroupDescribe: {
    request: { readonly groupIds: ReadonlyArray<string> };
    answer: {
      readonly throttleTimeMs: number;
      readonly groups: ReadonlyArray<
        {
          readonly errorCode: number;
          readonly errorMessage: string | null;
          readonly groupId: string;
          /** Empty, Assigning, Reconciling, Stable, Dead. */
          readonly state: string;
          readonly groupEpoch: number;
          readonly assignmentEpoch: number;
          readonly assignorName: string;
          readonly members: ReadonlyArray<
            {
              readonly memberId: string;
              readonly groupInstanceId: string | null;
              readonly memberEpoch: number;
              readonly clientId: string;
              readonly clientHost: string;
              readonly subscribedTopicNames: ReadonlyArray<string>;
              /** What it holds now. */
              readonly assignment: ReadonlyArray<PerTopic<number>>;
              /** What it shall hold. */
              readonly targetAssignment: ReadonlyArray<PerTopic<number>>;
            }
          >;
        }
      >;
    };
  };
  DescribeGroups: {
    request: { readonly groupIds: ReadonlyArray<string> };
    answer: {
      readonly throttleTimeMs: number;
      readonly groups: ReadonlyArray<
        {
          readonly errorCode: number;
          readonly groupId: string;
          /** Empty, PreparingRebalance, CompletingRebalance, Stable, Dead. */
          readonly state: string;
          readonly protocolType: string;
          readonly protocolName: string;
          readonly members: ReadonlyArray<
            {
              readonly memberId: string;
              readonly groupInstanceId: string | null;
              readonly clientId: string;
              readonly clientHost: string;
              readonly metadata: Uint8Array;
              readonly assignment: Uint8Array;
            }
          >;
        }
      >;
    };
  };
}
