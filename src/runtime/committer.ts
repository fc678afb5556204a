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
  // The topic is gone, which is told of elsewhere.
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.GROUP_ID_NOT_FOUND,
]);

/** A rebalance is under way, or has just ended: what is kept can be committed as soon as its generation is known. */
const early: ReadonlySet<number> = new Set([ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.ILLEGAL_GENERATION]);

// Milliseconds between two tries of a commit that a rebalance holds up, and how many there are before the next interval.
const SOON = 50;
const TRIES = 40;

/** Commits the positions of a group's partitions; one request at a time, so that an older one never overtakes. */
export class Committer {
  readonly #lock = Semaphore.makeUnsafe(1);
  readonly #warnings: Warnings;
  #due = false;
  #commits = 0;

  constructor(
    private readonly offsets: Offsets,
    private readonly membership: Membership,
    /** Whether a partition's topic is still there, and the same as when it began. */
    private readonly current: (partition: Partition) => boolean,
    clock: Clock.Clock,
  ) {
    this.#warnings = new Warnings(clock);
  }

  /** Tells one state of the work from the next; null where nothing is to be committed. */
  standing(): string | null {
    return this.#due ? `${this.#commits}` : null;
  }

  /**
   * Commits what has moved since the last time. Never fails: what a rebalance, or a lease in doubt, holds up is tried
   * again soon, while the membership lasts, and what is refused otherwise with the next commit. `last`: there is no next
   * one, so that it is not given up either.
   */
  readonly commit: (partitions: ReadonlyArray<Partition>, last?: boolean) => Effect.Effect<void> = Effect.fnUntraced(
    function* (this: Committer, partitions: ReadonlyArray<Partition>, last: boolean = false) {
      for (let tries = 1; yield* this.#heldUp(partitions); tries++) {
        if ((tries === TRIES && !last) || this.membership.generation < 0) return;
        // Others may commit meanwhile: what is let go does not wait for what is kept.
        yield* Effect.sleep(SOON);
      }
    },
  );

  /** One try; answers whether it is worth another one soon. */
  #heldUp(partitions: ReadonlyArray<Partition>): Effect.Effect<boolean> {
    return this.#lock.withPermits(1)(Effect.suspend(() => {
      const due: Array<readonly [Partition, NonNullable<ReturnType<Partition["uncommitted"]>>]> = [];
      for (const partition of partitions) {
        const offset = partition.lease.fenced || !this.current(partition) ? null : partition.uncommitted();
        if (offset !== null) due.push([partition, offset]);
      }
      this.#due = due.length > 0;
      if (!this.#due) return Effect.succeed(false);
      // What is let go while this waits for its coordinator is its new owner's to commit.
      const partitionOf = new Map<OffsetToCommit, Partition>(due.map(([partition, offset]) => [offset, partition]));
      // And while it is in doubt whose a partition is, nothing is committed for it.
      const doubtful = new Set<OffsetToCommit>();
      const held = (offset: OffsetToCommit) => {
        const partition = partitionOf.get(offset);
        if (partition === undefined || partition.lease.fenced || !this.current(partition)) return false;
        if (!partition.lease.held()) doubtful.add(offset);
        else doubtful.delete(offset);
        return !doubtful.has(offset);
      };
      return Effect.matchEffect(this.offsets.commit(this.membership, [...partitionOf.keys()], held), {
        onSuccess: () =>
          Effect.sync(() => {
            this.#due = doubtful.size > 0;
            if (doubtful.size < due.length) this.#commits++;
            for (const [partition, offset] of due) {
              if (!partition.lease.fenced && !doubtful.has(offset)) partition.committed(offset);
            }
            return this.#due;
          }),
        onFailure: (error) => Effect.as(this.#refused(error), early.has(error.code)),
      });
    }));
  }

  #refused(error: KafkaError): Effect.Effect<void> {
    const text = `group ${this.membership.groupId}: a commit was refused: ${error.message}`;
    return forgotten.has(error.code) ? Effect.logDebug(text) : this.#warnings.warn(error.type, text);
  }
}
