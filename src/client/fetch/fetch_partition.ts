/**
 * One partition as the fetcher sees it.
 * @module
 */
import type { CorruptRecordError, KafkaError, OffsetOutOfRange } from "../../errors.ts";
import type { TopicPartition } from "../../record.ts";
import type { FetchTarget, OutOfRangePolicy, PositionReset } from "../port.ts";

/** Epochs remembered of a partition. */
const longestHistory = 16;

/** One start of a partition: starting again makes a new one, so that late answers find the old one ended. */
export class FetchPartition {
  /** The topic's name. */
  readonly topic: string;
  /** The partition's number. */
  readonly partition: number;
  /** False after it was removed, started again or has failed: nothing is delivered then. */
  live = true;
  /** Not asked for while true. */
  paused = false;
  /** The leader's epoch when it was placed at a broker. */
  leaderEpoch = -1;
  /** Failures in a row; the next try waits longer after each. */
  failures = 0;
  /** Corrupt chunks in a row at this position. */
  corrupt = 0;
  /** The epochs of what was fetched, ascending, each with a position below which nothing of it was. */
  readonly #epochs: Array<{ readonly epoch: number; readonly from: number }> = [];
  /** Whether it is fetched from a replica that is not its leader. */
  following = false;
  /** When its leader is asked again which replica is close, in monotonic milliseconds. */
  followUntil = 0;
  /** Until when it keeps to its leader, as the close replica was of no use, in monotonic milliseconds. */
  leaderUntil = 0;
  /** When to look for its leader again, in monotonic milliseconds. */
  due = 0;

  /** Begins at `position`. */
  constructor(
    where: TopicPartition,
    public position: number,
    readonly target: FetchTarget,
    readonly outOfRange: OutOfRangePolicy,
    /** The id of the topic that the position is in; undefined until it is known. */
    public topicId: string | undefined,
  ) {
    this.topic = where.topic;
    this.partition = where.partition;
  }

  /** The epoch of the last batch fetched, or -1: by it a leader notices that its log is another. */
  get lastEpoch(): number {
    return this.#epochs.at(-1)?.epoch ?? -1;
  }

  /** Batches from `from` on were fetched, the last of them of this epoch. */
  fetched(epoch: number, from: number): void {
    if (epoch <= this.lastEpoch) return;
    this.#epochs.push({ epoch, from });
    // Two become one, which begins where the first did.
    if (this.#epochs.length > longestHistory) this.#epochs.splice(1, 1);
  }

  /** Nothing is known of the epochs any more. */
  forget(): void {
    this.#epochs.length = 0;
  }

  /** Where a leader's log parts from what was fetched, if the last of its epochs that we may share is this one. */
  parting(epoch: number, endOffset: number): number {
    const later = this.#epochs.find((one) => one.epoch > epoch);
    return Math.min(endOffset, later?.from ?? Infinity, this.position);
  }

  /** The pause before the next try: 20 ms, doubling up to 200 ms. */
  backoff(): number {
    return Math.min(200, 20 * 2 ** Math.min(this.failures++, 4));
  }
}

/** Where a broker's loop sends what it can't go on with. */
export interface FetchRouter {
  /** The leader has to be looked for, after the partition's back-off. */
  readonly astray: (partition: FetchPartition) => void;
  /** A closer replica is to be asked. */
  readonly closer: (partition: FetchPartition, nodeId: number) => void;
  /**
   * Called before each request of a client with a rack: brings partitions home whose time with this replica is over, and
   * answers which rack to name: "" while one of its partitions keeps to its leader.
   */
  readonly rack: (nodeId: number) => string;
  /** Places those partitions whose leader is another broker, as far as is known, there. */
  readonly relocate: (nodeId: number) => void;
  /** Its position lay elsewhere than the log is. Where it did not move forward the partition ends. */
  readonly reset: (partition: FetchPartition, reset: PositionReset) => void;
  /** The partition ends. */
  readonly failed: (partition: FetchPartition, error: OffsetOutOfRange | KafkaError | CorruptRecordError) => void;
}
