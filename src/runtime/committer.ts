/**
 * The commit stage: at every interval one request for all partitions of a group whose position has moved.
 * @module
 */
import { type Clock, Effect, Semaphore } from "effect";
import { Warnings } from "../client/warnings.ts";
import type { Membership, Offsets, OffsetToCommit } from "../client/port.ts";
import type { KafkaError } from "../errors.ts";
import { ErrorCode } from "../link/error_code.ts";
import type { Partition } from "./partition.ts";

/** The membership these are about is over: whoever owns the partitions now begins at the last commit. */
const forgotten: ReadonlySet<number> = new Set([
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.FENCED_INSTANCE_ID,
  ErrorCode.GROUP_ID_NOT_FOUND,
]);

/** Commits the positions of a group's partitions; one request at a time, so that an older one never overtakes. */
export class Committer {
  readonly #lock = Semaphore.makeUnsafe(1);
  readonly #warnings: Warnings;

  constructor(
    private readonly offsets: Offsets,
    private readonly membership: Membership,
    /** Whether a partition's topic is still there, and the same as when it began. */
    private readonly current: (partition: Partition) => boolean,
    clock: Clock.Clock,
  ) {
    this.#warnings = new Warnings(clock);
  }

  /** Commits what has moved since the last time. Never fails: what was refused is tried again with the next commit. */
  commit(partitions: Iterable<Partition>): Effect.Effect<void> {
    return this.#lock.withPermits(1)(Effect.suspend(() => {
      const due: Array<readonly [Partition, NonNullable<ReturnType<Partition["uncommitted"]>>]> = [];
      for (const partition of partitions) {
        const offset = partition.lease.fenced || !this.current(partition) ? null : partition.uncommitted();
        if (offset !== null) due.push([partition, offset]);
      }
      if (due.length === 0) return Effect.void;
      // What is let go while this waits for its coordinator is its new owner's to commit.
      const partitionOf = new Map<OffsetToCommit, Partition>(due.map(([partition, offset]) => [offset, partition]));
      const held = (offset: OffsetToCommit) => partitionOf.get(offset)?.lease.fenced === false;
      return Effect.matchEffect(this.offsets.commit(this.membership, [...partitionOf.keys()], held), {
        onSuccess: () =>
          Effect.sync(() => {
            for (const [partition, offset] of due) if (!partition.lease.fenced) partition.committed(offset);
          }),
        onFailure: (error) => this.#refused(error),
      });
    }));
  }

  #refused(error: KafkaError): Effect.Effect<void> {
    const text = `group ${this.membership.groupId}: a commit was refused: ${error.message}`;
    return forgotten.has(error.code) ? Effect.logDebug(text) : this.#warnings.warn(error.type, text);
  }
}
