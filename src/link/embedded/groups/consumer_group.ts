/**
 * One group of the newer protocol as its coordinator keeps it: it shares the partitions out itself, and each member gets
 * there at its own pace. Nothing here runs by itself: `advance` does what has become due, and every request calls it.
 * Source: KIP-848; seen on Kafka 4.3.
 * @module
 */
import type { ConsumerGroupMember } from "./consumer_group_member.ts";
import type { HeldPartition } from "./held_partition.ts";
import { serverAssignors, type SharedTopic, type Shares } from "./server_assignor.ts";
import type { Topics } from "../topics.ts";

/** A static member that is away for a while is of this epoch. */
export const awayEpoch = -2;

/** What the broker decides for all its groups of this protocol. */
export interface ConsumerGroupSettings {
  /** How often members shall be heard of, in milliseconds (group.consumer.heartbeat.interval.ms). */
  readonly heartbeatInterval: number;
  /** After how long a silent member is dead, in milliseconds (group.consumer.session.timeout.ms). */
  readonly sessionTimeout: number;
  /** The shortest time between two assignments, in milliseconds (group.consumer.assignment.interval.ms). */
  readonly assignmentInterval: number;
}

/** A group. */
export class ConsumerGroup {
  /** Goes up with every change of who is a member, what they want, and which partitions there are. */
  epoch = 1;
  /** The epoch the present shares are of. */
  assignmentEpoch = 0;
  /** Members, in the order they came. */
  readonly members = new Map<string, ConsumerGroupMember>();
  /** What each member shall hold. */
  shares: Shares = new Map();
  readonly #static = new Map<string, string>();
  readonly #holders = new Map<HeldPartition, string>();
  /** What of the topics the present epoch knows. */
  #known = "";
  #assignedAt = -Infinity;

  constructor(readonly topics: Topics, readonly settings: ConsumerGroupSettings) {}

  /** Whether the group has an assignment for its epoch, and all have what they shall have. */
  get state(): "Empty" | "Assigning" | "Reconciling" | "Stable" {
    if (this.members.size === 0) return "Empty";
    if (this.epoch > this.assignmentEpoch) return "Assigning";
    for (const { state, epoch } of this.members.values()) {
      if (state !== "stable" || epoch !== this.assignmentEpoch) return "Reconciling";
    }
    return "Stable";
  }

  /** The name of the assignor most members ask for. */
  get assignor(): string {
    const votes = new Map<string, number>();
    for (const { assignor } of this.members.values()) {
      if (assignor !== null) votes.set(assignor, (votes.get(assignor) ?? 0) + 1);
    }
    const [most] = [...votes].sort(([, one], [, other]) => other - one);
    return most?.[0] ?? serverAssignors.keys().next().value ?? "";
  }

  /** The static member of this name, if there is one. */
  staticMember(groupInstanceId: string): ConsumerGroupMember | undefined {
    return this.members.get(this.#static.get(groupInstanceId) ?? "");
  }

  /** Expels those whose time is over, one after the other. */
  advance(now: number): void {
    for (const member of [...this.members.values()]) {
      if (Math.min(member.expiresAt, member.revokesUntil) <= now) this.remove(member);
    }
  }

  /** Sessions and rebalances begin again now. */
  restart(now: number): void {
    for (const member of this.members.values()) {
      this.heard(member, now);
      if (member.revokesUntil !== Infinity) member.revokesUntil = now + member.rebalanceTimeoutMs;
    }
  }

  /** A member shows that it is alive. */
  heard(member: ConsumerGroupMember, now: number): void {
    member.expiresAt = now + this.settings.sessionTimeout;
  }

  /** Takes a new member in. */
  add(member: ConsumerGroupMember): void {
    this.members.set(member.memberId, member);
    if (member.groupInstanceId !== null) this.#static.set(member.groupInstanceId, member.memberId);
  }

  /** `next` takes the place of a static member that is away, and gets what that one had. */
  replace(before: ConsumerGroupMember, next: ConsumerGroupMember): void {
    const share = this.shares.get(before.memberId);
    this.#forget(before);
    this.add(next);
    if (share !== undefined) this.shares.set(next.memberId, share);
    this.#hold(next);
  }

  /** Lets a member go, and what it held. */
  remove(member: ConsumerGroupMember): void {
    this.#forget(member);
    this.epoch++;
  }

  /** A static member goes, to be back within its session. */
  sendAway(member: ConsumerGroupMember): void {
    member.epoch = awayEpoch;
    this.#release(member);
    member.revoking = new Map();
    member.revokesUntil = Infinity;
    this.#hold(member);
  }

  /** Makes a new epoch where there is a reason for one, and shares out where that is due. */
  refresh(changed: boolean, now: number): void {
    const known = this.#knownTopics();
    if (changed || known !== this.#known) this.epoch++;
    this.#known = known;
    if (this.epoch === this.assignmentEpoch || now < this.#assignedAt + this.settings.assignmentInterval) return;
    const assign = serverAssignors.get(this.assignor);
    if (assign === undefined) return;
    this.shares = assign(this.#sharedTopics(), this.shares, [...this.members.keys()]);
    this.assignmentEpoch = this.epoch;
    this.#assignedAt = now;
  }

  /** Brings a member nearer to what it shall hold; `owned` is what it says it holds. Whether what it is told changed. */
  reconcile(member: ConsumerGroupMember, owned: ReadonlySet<HeldPartition> | null, now: number): boolean {
    const before = member.assigned;
    const wanted = new Set(member.topics.map((name) => this.topics.get(name)?.id));
    const changed = member.reconcile({
      partitions: this.shares.get(member.memberId) ?? new Set(),
      epoch: this.assignmentEpoch,
      owned,
      isTaken: (partition) => (this.#holders.get(partition) ?? member.memberId) !== member.memberId,
      wants: (topicId) => wanted.has(topicId),
    });
    if (!changed) return false;
    this.#release(member);
    this.#hold(member);
    member.revokesUntil = member.state === "unrevoked" ? now + member.rebalanceTimeoutMs : Infinity;
    return before.size !== member.assigned.size || [...before.keys()].some((held) => !member.assigned.has(held));
  }

  #hold({ memberId, assigned, revoking }: ConsumerGroupMember): void {
    for (const held of assigned.keys()) this.#holders.set(held, memberId);
    for (const held of revoking.keys()) this.#holders.set(held, memberId);
  }

  #release({ memberId }: ConsumerGroupMember): void {
    for (const [held, holder] of this.#holders) if (holder === memberId) this.#holders.delete(held);
  }

  #forget(member: ConsumerGroupMember): void {
    const { memberId, groupInstanceId } = member;
    this.members.delete(memberId);
    this.shares.delete(memberId);
    if (groupInstanceId !== null && this.#static.get(groupInstanceId) === memberId) {
      this.#static.delete(groupInstanceId);
    }
    this.#release(member);
  }

  #sharedTopics(): ReadonlyArray<SharedTopic> {
    const subscribers = new Map<string, Array<string>>();
    for (const { memberId, topics } of this.members.values()) {
      for (const name of new Set(topics)) {
        const others = subscribers.get(name);
        if (others === undefined) subscribers.set(name, [memberId]);
        else others.push(memberId);
      }
    }
    return [...subscribers].sort(([one], [other]) => one < other ? -1 : 1).flatMap(([name, members]) => {
      const topic = this.topics.get(name);
      return topic === undefined ? [] : [{ id: topic.id, partitions: topic.partitions.length, members }];
    });
  }

  #knownTopics(): string {
    const names = new Set<string>();
    for (const { topics } of this.members.values()) for (const name of topics) names.add(name);
    return [...names].sort().map((name) => {
      const topic = this.topics.get(name);
      return topic === undefined ? "" : `${topic.id}:${topic.partitions.length}`;
    }).join();
  }
}
