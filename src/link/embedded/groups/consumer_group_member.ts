/**
 * A member of a group of the newer protocol, and how it gets from what it holds to what it shall hold: it lets go first,
 * then it is given what others have let go.
 * Source: KIP-848 ("Member State", "Reconciliation"), KIP-1251 (commits of an earlier epoch).
 * @module
 */
import { type HeldPartition, topicIdOf } from "./held_partition.ts";

/** What a member is to hold, and what keeps it from that. */
export interface Aim {
  /** The partitions. */
  readonly partitions: ReadonlySet<HeldPartition>;
  /** The epoch of the assignment they come from. */
  readonly epoch: number;
  /** What the member says it holds now; null: as before. */
  readonly owned: ReadonlySet<HeldPartition> | null;
  /** Whether somebody else still holds a partition. */
  readonly isTaken: (partition: HeldPartition) => boolean;
  /** Whether a topic is one the member wants. */
  readonly wants: (topicId: string) => boolean;
}

/** A member. */
export class ConsumerGroupMember {
  epoch = 0;
  /** The epoch before the last answer: that answer may have been lost. */
  previousEpoch = 0;
  /** Whether it has all it shall have, still has to let go, or waits for what others hold. */
  state: "stable" | "unrevoked" | "unreleased" = "stable";
  /** What it was given, with the epoch it was given in. */
  assigned: ReadonlyMap<HeldPartition, number> = new Map();
  /** What it has to let go. */
  revoking: ReadonlyMap<HeldPartition, number> = new Map();
  topics: ReadonlyArray<string> = [];
  rackId: string | null = null;
  assignor: string | null = null;
  rebalanceTimeoutMs = 0;
  /** When it counts as dead unless heard of before (monotonic milliseconds). */
  expiresAt = Infinity;
  /** When it has to have let go (monotonic milliseconds). */
  revokesUntil = Infinity;

  /** As its first heartbeat says. */
  constructor(readonly memberId: string, readonly groupInstanceId: string | null) {}

  /** One that takes the place of this one, which has left for a while. */
  successor(memberId: string): ConsumerGroupMember {
    const next = new ConsumerGroupMember(memberId, this.groupInstanceId);
    const { assigned, topics, rackId, assignor, rebalanceTimeoutMs } = this;
    return Object.assign(next, { assigned, topics, rackId, assignor, rebalanceTimeoutMs });
  }

  /** Goes as far towards its aim as it can now; whether anything has changed. */
  reconcile(aim: Aim): boolean {
    if (this.state === "unrevoked" && ownsAny(aim.owned, this.revoking)) return false;
    if (this.state === "stable" && this.epoch === aim.epoch && this.#wantsAll(aim)) return false;
    this.#advance(aim);
    return true;
  }

  /** Whether it may commit for a partition as of an epoch: since then it must have had it, or the epoch is the present. */
  mayCommit(partition: HeldPartition, epoch: number): boolean {
    if (epoch === this.epoch) return true;
    const since = this.assigned.get(partition) ?? this.revoking.get(partition);
    return epoch < this.epoch && since !== undefined && since <= epoch;
  }

  #wantsAll({ wants }: Aim): boolean {
    for (const held of this.assigned.keys()) if (!wants(topicIdOf(held))) return false;
    return true;
  }

  #advance({ partitions, epoch, owned, isTaken, wants }: Aim): void {
    const kept = new Map<HeldPartition, number>();
    const surplus = new Map<HeldPartition, number>();
    for (const [held, since] of this.assigned) {
      (partitions.has(held) && wants(topicIdOf(held)) ? kept : surplus).set(held, since);
    }
    this.previousEpoch = this.epoch;
    if (ownsAny(owned, surplus)) {
      // It stays in its epoch until it has let go.
      this.state = "unrevoked";
      this.assigned = kept;
      this.revoking = surplus;
      return;
    }
    this.state = "stable";
    this.epoch = epoch;
    for (const partition of partitions) {
      if (kept.has(partition) || !wants(topicIdOf(partition))) continue;
      if (isTaken(partition)) this.state = "unreleased";
      else kept.set(partition, epoch);
    }
    this.assigned = kept;
    this.revoking = new Map();
  }
}

/** A member that says nothing new still holds all it held. */
function ownsAny(owned: ReadonlySet<HeldPartition> | null, partitions: ReadonlyMap<HeldPartition, number>): boolean {
  if (owned === null) return partitions.size > 0;
  for (const partition of partitions.keys()) if (owned.has(partition)) return true;
  return false;
}
