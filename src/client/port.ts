/**
 * What the runtime sees of the Kafka client: four narrow ports. Each is implemented by one file of this folder.
 * @module
 */
import type { Effect, Scope } from "effect";
import type {
  ConfigError,
  ConnectionError,
  CorruptRecordError,
  GroupError,
  KafkaError,
  LeaseLost,
  OffsetOutOfRange,
  PublishError,
} from "../errors.ts";
import type { AbortedTransaction, TopicMetadata } from "../link/protocol.ts";
import type { BrokerAddress, Connection, Role } from "../link/link.ts";
import type { ProducerRecord, RecordMetadata, TopicPartition } from "../record.ts";

/** What is known of the cluster, and the connections to it. */
export interface Cluster {
  /** A topic as last heard of, or undefined. */
  readonly topic: (name: string) => TopicMetadata | undefined;
  /** Whether a topic that was there has not been for some seconds; what was known of it is still told. */
  readonly absent: (name: string) => boolean;
  /** Whether the brokers say that this user may not know of a topic. */
  readonly denied: (name: string) => boolean;
  /** A broker as last heard of. */
  readonly broker: (nodeId: number) => BrokerAddress | undefined;
  /**
   * Asks again for these topics (and all known ones). Calls that come while one is under way share the next answer.
   * Topics with an error keep what was known of them.
   */
  readonly refresh: (topics: ReadonlyArray<string>) => Effect.Effect<void, ConnectionError>;
  /** Runs one request on a connection of the scope-less shared kind for `role` to any broker that answers. */
  readonly anyConnection: (role: Role) => Effect.Effect<Connection, ConnectionError>;
  /** Opens a connection of one's own to a broker. Fails with reason `refused` when the broker is unknown. */
  readonly connect: (nodeId: number, role: Role) => Effect.Effect<Connection, ConnectionError, Scope.Scope>;
  /** The coordinator of a group, asked for afresh. */
  readonly coordinator: (groupId: string) => Effect.Effect<BrokerAddress, ConnectionError | KafkaError>;
  /**
   * Fails once all brokers that could be asked have refused this client (its login, its certificate or theirs) before any
   * has ever taken it: that is for an operator to set right. Never ends otherwise.
   */
  readonly refused: Effect.Effect<never, ConfigError>;
  /** False while no broker answers; turns true again by itself. */
  readonly reachable: () => boolean;
}

/**
 * A membership as it is now: one mutable object per member, read by leases and commits, written by the member alone.
 */
export interface Membership {
  /** The group. */
  readonly groupId: string;
  /** The member's id; in the classic protocol "" before the first join and after it was forgotten. */
  memberId: string;
  /** The static member's name, or null. */
  readonly groupInstanceId: string | null;
  /**
   * The generation; in KIP-848's protocol the member's epoch, which rises also while all partitions are kept. -1 while not a
   * member.
   */
  generation: number;
  /**
   * In KIP-848's protocol: how often everything was lost so far. As long as it stays the same, what is held under one epoch
   * is held under the next, too. Absent in the classic protocol.
   */
  losses?: number;
  /**
   * Until when (monotonic milliseconds of the fiber's Clock) the coordinator surely still counts this member in: the
   * time at which the last answered heartbeat or sync was *sent*, plus the session time-out, less a margin.
   */
  deadline: number;
  /** Whom to call when the deadline is moved on: each once. Must not throw, nor go on with its work within the call. */
  waiting?: Set<() => void>;
}

/** What a member tells about its partitions. Calls never overlap. */
export interface RebalanceListener {
  /** These partitions are ours from now on: from the call, and what is to be done about it is the effect. */
  readonly assigned: (partitions: ReadonlyArray<TopicPartition>) => Effect.Effect<void>;
  /** Let these go: once the effect ends they are given to others. Heartbeats go on meanwhile; commits are accepted. */
  readonly revoked: (partitions: ReadonlyArray<TopicPartition>) => Effect.Effect<void>;
  /** These belong to others already: nothing may be written for them any more. Must not wait. */
  readonly lost: (partitions: ReadonlyArray<TopicPartition>) => Effect.Effect<void>;
}

/** A membership in a group, as a loop. */
export interface GroupMember {
  /** Its present state. */
  readonly membership: Membership;
  /** Whether the listener was told of all that the group has given this member since it joined. */
  readonly settled: () => boolean;
  /** Joins and stays; ends only when `leave` was asked for, or fails when the group refuses this member for good. */
  readonly run: Effect.Effect<void, GroupError>;
  /** Asks `run` to revoke everything, leave the group (a static member stays in it) and end. Waits for that. */
  readonly leave: Effect.Effect<void>;
}

/** An offset to commit, with the offset map. */
export interface OffsetToCommit extends TopicPartition {
  /** The first offset that is not resolved. */
  readonly offset: number;
  /** At most 4,096 bytes. */
  readonly metadata: string;
}

/** A group's offsets, kept by its coordinator. */
export interface Offsets {
  /** Committed offsets; `offset` -1 where there is none. Waits out unstable offsets and coordinators on the move. */
  readonly committed: (
    groupId: string,
    partitions: ReadonlyArray<TopicPartition>,
  ) => Effect.Effect<ReadonlyArray<OffsetToCommit>, KafkaError>;
  /**
   * Commits in one request. Connection errors and moving coordinators are retried inside (with back-off, while the
   * membership lasts); what is refused for good (ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS, …)
   * fails as a KafkaError, and the caller decides. `held` is asked before each request: what is not held any more is left
   * out, as a coordinator of KIP-848's protocol takes commits for partitions that are another member's by now.
   */
  readonly commit: (
    membership: Membership,
    offsets: ReadonlyArray<OffsetToCommit>,
    held?: (offset: OffsetToCommit) => boolean,
  ) => Effect.Effect<void, KafkaError>;
  /**
   * Log offsets by time: milliseconds, -1 latest, -2 earliest. Retries what can be retried; `each` is told of those whose
   * leader has answered, while others may still be waited for.
   */
  readonly list: (
    partitions: ReadonlyArray<TopicPartition>,
    timestamp: number,
    each?: (listed: ReadonlyArray<TopicPartition & { readonly offset: number }>) => void,
  ) => Effect.Effect<ReadonlyArray<TopicPartition & { readonly offset: number }>, KafkaError>;
}

/** One partition's part of one Fetch answer, not decoded yet. */
export interface FetchedChunk extends TopicPartition {
  /** Whole record batches: a view into the answer. */
  readonly bytes: Uint8Array;
  /** The position it was fetched from: records below it are not to be seen. */
  readonly from: number;
  /** The position after it. */
  readonly next: number;
  /** Records in it, at most (control and aborted ones counted). */
  readonly count: number;
  /** The partition's high watermark at that time. */
  readonly highWatermark: number;
  /** Aborted transactions in the range; empty under read_uncommitted. */
  readonly aborted: ReadonlyArray<AbortedTransaction>;
  /** Whether committed records were asked for, so that `aborted` has to be complete. Default: false. */
  readonly committed?: boolean;
}

/** A position that was not where the log is. */
export interface PositionReset {
  /**
   * recreated: the topic was deleted and created again · truncated: the cluster has lost the log's end, which was fetched
   * before · out-of-range: the position lies outside the log, most often because records were deleted.
   */
  readonly reason: "recreated" | "truncated" | "out-of-range";
  /** The position. */
  readonly from: number;
  /** Where the log is read on; null for a topic created again, of whose log nothing is known. */
  readonly to: number | null;
}

/** Where a partition's chunks go. All are called synchronously by the fetcher: they must not throw. */
export interface FetchTarget {
  /** One more chunk, in offset order; also an empty one (count 0) that only moves `next` over gaps. */
  readonly deliver: (chunk: FetchedChunk) => void;
  /** The high watermark as of an answer without records. */
  readonly idle: (highWatermark: number) => void;
  /**
   * The position has changed other than by fetching, which was logged. Forward: an empty chunk follows, and fetching goes
   * on. Back, or nowhere: the partition was removed, for what was delivered is not in the log any more.
   */
  readonly reset?: (reset: PositionReset) => void;
  /** Fetching this partition has ended for good; it was removed. */
  readonly failed: (error: OffsetOutOfRange | KafkaError | CorruptRecordError) => void;
}

/** What to do when a position lies outside the log. */
export type OutOfRangePolicy = "fail" | "earliest" | "latest";

/** Fetches many partitions: one loop and one outstanding request per broker. */
export interface Fetcher {
  /**
   * Starts (or, where it is known already, starts again) at `position`; chunks of an earlier start are not delivered any
   * more. The position is one in the topic of `topicId`; default: in the topic as it is known of.
   */
  readonly add: (
    partition: TopicPartition,
    position: number,
    target: FetchTarget,
    outOfRange: OutOfRangePolicy,
    topicId?: string,
  ) => void;
  /** Nothing of this partition is delivered any more. */
  readonly remove: (partition: TopicPartition) => void;
  /** Not asked for from the next request on; an answer under way is still delivered. */
  readonly pause: (partition: TopicPartition) => void;
  /** Asked for again at once. */
  readonly resume: (partition: TopicPartition) => void;
}

/** A right to publish for a time: see `runtime/lease.ts`. */
export interface PublishLease {
  /** `expired` may become `valid` again (the coordinator has not answered for long); `fenced` never does. */
  readonly state: (monotonicMs: number) => "valid" | "expired" | "fenced";
  /** The error of what was published under it too late. */
  readonly lost: () => LeaseLost;
}

/** Who waits for a record's acknowledgement. Called exactly once per record, synchronously; must not throw. */
export interface DeliveryObserver {
  /** `error` null: stored and acknowledged at `metadata`. */
  readonly settled: (error: PublishError | LeaseLost | null, metadata: RecordMetadata) => void;
}

/** Publishes records: accumulates per partition, sends in order, retries the same bytes. */
export interface Sender {
  /**
   * Puts a record at the end of its partition's open batch, or answers false when the memory bound is reached: then
   * nothing was taken; wait for `room` and offer it again. Order of calls is order in the partition's log.
   */
  readonly offer: (record: ProducerRecord, observer: DeliveryObserver, lease: PublishLease | null) => boolean;
  /** Waits until there is room again. */
  readonly room: Effect.Effect<void>;
  /** Sends what lingers at once and waits until everything accepted so far is settled. */
  readonly flush: Effect.Effect<void>;
  /** Records accepted and not settled. */
  readonly pending: () => number;
  /** Topics that do not exist, and that records wait for. */
  readonly waitingFor?: () => ReadonlyArray<string>;
}
