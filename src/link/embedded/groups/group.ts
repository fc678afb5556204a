/**
 * One consumer group (classic protocol) as its coordinator keeps it: who is a member, in which state the group is, and
 * when which time-out ends. Nothing here runs by itself: `advance` does what has become due, and every request calls it.
 * Source: KIP-62 (time-outs), KIP-345 (static members), KIP-394 (member id first), Kafka's protocol guide.
 * @module
 */
import { ErrorCode } from "../../error_code.ts";
import type { Answer } from "../../protocol.ts";
import { type GroupMember, joinRefused, Parked, type Protocols } from "./group_member.ts";
import { electProtocol, firstCommon } from "./group_protocol.ts";
import { GroupRoster } from "./group_roster.ts";
import { Watchers } from "../waiting.ts";

/** Whether members are being gathered, wait for their assignment, or have it. */
export type GroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable";

/** How long a new member may wait for its first generation, in milliseconds: a fixed time of Kafka's. */
const newMemberTimeout = 300_000;

interface Due {
  readonly at: number;
  readonly act: (now: number) => void;
}

/** A group. */
export class Group {
  state: GroupState = "Empty";
  generation = 0;
  protocolType = "";
  protocol = "";
  /** Told when a request that waits may be answered, or has to look again sooner. */
  readonly changed: Watchers = new Watchers();
  readonly #roster = new GroupRoster();
  readonly #unsynced = new Set<string>();
  #joinEnds = Infinity;
  #syncEnds = Infinity;
  #announced = Infinity;

  /** Members, in the order they came. */
  get members(): ReadonlyMap<string, GroupMember> {
    return this.#roster.members;
  }

  /** The leader's member id, or "". */
  get leader(): string {
    return this.#roster.leader;
  }

  /** The id of the static member of this name, if there is one. */
  staticMember(groupInstanceId: string): string | undefined {
    return this.#roster.staticMember(groupInstanceId);
  }

  /** Whether this id was given to somebody who has not joined with it yet. */
  isPending(memberId: string): boolean {
    return this.#roster.pending.has(memberId);
  }

  /** Keeps an id for whoever asked for it. */
  addPending(memberId: string, until: number): void {
    this.#roster.pending.set(memberId, until);
  }

  /** Forgets such an id. */
  removePending(memberId: string, now: number): void {
    if (this.#roster.pending.delete(memberId)) this.#completeJoinIfAll(now);
  }

  /** The next moment at which something becomes due, or Infinity. */
  until(): number {
    return this.#nextDue()?.at ?? Infinity;
  }

  /** Does everything that has become due, one after the other. */
  advance(now: number): void {
    for (let due = this.#nextDue(); due !== null && due.at <= now; due = this.#nextDue()) due.act(due.at);
  }

  /** To be called after each change: tells those who wait if there is something new for them. */
  announce(): void {
    const next = this.until();
    const sooner = next < this.#announced;
    this.#announced = next;
    if (sooner) this.changed.wake();
  }

  /** All time-outs begin again now; requests that waited are forgotten, with the members that were never answered. */
  restart(now: number): void {
    for (const member of this.#roster.all()) {
      member.join = member.sync = null;
      if (member.isNew) this.#forget(member);
      else this.heard(member, now);
    }
    this.#roster.pending.clear();
    if (this.#joinEnds !== Infinity) this.#joinEnds = now + this.#roster.rebalanceTimeout();
    if (this.#syncEnds !== Infinity) this.#syncEnds = now + this.#roster.rebalanceTimeout();
    this.#completeJoinIfAll(now);
  }

  /** A member shows that it is alive. */
  heard(member: GroupMember, now: number): void {
    member.expiresAt = now + member.sessionTimeoutMs;
  }

  /** Whether a member with these protocols could be in this group. */
  supports(protocolType: string, protocols: Protocols): boolean {
    if (this.state === "Empty") return protocolType !== "" && protocols.length > 0;
    return protocolType === this.protocolType && firstCommon(protocols, this.#roster.all()) !== null;
  }

  /** Takes a new member in; it waits for the others. */
  add(member: GroupMember, protocolType: string, now: number): Parked<Answer<"JoinGroup">> {
    if (this.members.size === 0) this.protocolType = protocolType;
    this.#roster.add(member);
    const parked = member.join = new Parked();
    member.expiresAt = now + newMemberTimeout;
    this.rebalance(now);
    return parked;
  }

  /** A member joins again; it waits for the others. */
  rejoin(member: GroupMember, now: number): Parked<Answer<"JoinGroup">> {
    const parked = member.join = new Parked();
    this.rebalance(now);
    return parked;
  }

  /** A static member came back in a new process: `next` takes the place of `before`, whose process is fenced. */
  replace(before: GroupMember, next: GroupMember, now: number): Parked<Answer<"JoinGroup">> {
    before.answerJoin(joinRefused(ErrorCode.FENCED_INSTANCE_ID, before.memberId));
    before.answerSync(ErrorCode.FENCED_INSTANCE_ID);
    const leader = this.leader;
    this.#roster.replace(before, next);
    if (this.#unsynced.delete(before.memberId)) this.#unsynced.add(next.memberId);
    next.assignment = before.assignment;
    next.isNew = before.isNew;
    this.heard(next, now);
    const parked = next.join = new Parked();
    if (this.state === "Stable" && electProtocol(this.#roster.all()) === this.protocol) {
      // It is told of the leader as it was: it must not take itself for one and assign afresh.
      next.answerJoin({ ...this.joined(next), leader, members: [] });
    } else if (this.state === "PreparingRebalance") this.#completeJoinIfAll(now);
    else this.rebalance(now);
    this.changed.wake();
    return parked;
  }

  /** Lets a member go. The group is not balanced again before `rebalance`. */
  remove(member: GroupMember): void {
    member.answerJoin(joinRefused(ErrorCode.UNKNOWN_MEMBER_ID, ""));
    member.answerSync(ErrorCode.UNKNOWN_MEMBER_ID);
    this.#forget(member);
    this.changed.wake();
  }

  /** Begins a rebalance, or, where one is under way, sees whether all are there now. */
  rebalance(now: number): void {
    if (this.state === "PreparingRebalance") return this.#completeJoinIfAll(now);
    if (this.state === "CompletingRebalance") {
      for (const member of this.members.values()) {
        if (member.sync !== null) this.heard(member, now);
        member.answerSync(ErrorCode.REBALANCE_IN_PROGRESS);
      }
      this.changed.wake();
    }
    this.#syncEnds = Infinity;
    const initial = this.state === "Empty";
    this.state = "PreparingRebalance";
    // Only the first time nobody waits for ids that were given away: the others come with the next rebalance.
    if (initial || this.#roster.allJoined()) this.#completeJoin(now);
    else this.#joinEnds = now + this.#roster.rebalanceTimeout();
  }

  /** A member waits for its assignment. */
  awaitAssignment(member: GroupMember): Parked<Answer<"SyncGroup">> {
    this.#unsynced.delete(member.memberId);
    return member.sync = new Parked();
  }

  /** A member has got its assignment. */
  synced(member: GroupMember, now: number): void {
    this.#unsynced.delete(member.memberId);
    this.heard(member, now);
  }

  /** The leader has said who gets what: all who wait are told. */
  assign(assignments: ReadonlyMap<string, Uint8Array>, now: number): void {
    for (const member of this.members.values()) {
      member.assignment = assignments.get(member.memberId) ?? new Uint8Array(0);
      if (member.sync !== null) this.heard(member, now);
      member.answerSync(0);
    }
    this.state = "Stable";
    this.changed.wake();
  }

  /** What a member of the present generation is told. */
  joined(member: GroupMember): Answer<"JoinGroup"> {
    const leads = member.memberId === this.leader;
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      generationId: this.generation,
      protocolName: this.protocol,
      leader: this.leader,
      memberId: member.memberId,
      members: !leads ? [] : this.#roster.all().map((other) => ({
        memberId: other.memberId,
        groupInstanceId: other.groupInstanceId,
        metadata: other.metadata(this.protocol),
      })),
    };
  }

  #nextDue(): Due | null {
    let due: Due | null = null;
    const offer = (at: number, act: Due["act"]) => {
      if (at < (due?.at ?? Infinity)) due = { at, act };
    };
    for (const member of this.members.values()) offer(member.expiresAt, (now) => this.#expire(member, now));
    for (const [memberId, at] of this.#roster.pending) offer(at, (now) => this.removePending(memberId, now));
    offer(this.#joinEnds, (now) => this.#completeJoin(now));
    offer(this.#syncEnds, (now) => this.#expireUnsynced(now));
    return due;
  }

  #expire(member: GroupMember, now: number): void {
    member.expiresAt = Infinity;
    // Who waits for the others is alive; but a new member might be one that has asked again under another id.
    if (!member.isNew && (member.join !== null || member.sync !== null)) return;
    this.remove(member);
    this.rebalance(now);
  }

  #expireUnsynced(now: number): void {
    this.#syncEnds = Infinity;
    const silent = [...this.#unsynced].flatMap((memberId) => this.members.get(memberId) ?? []);
    for (const member of silent) this.remove(member);
    if (silent.length > 0) this.rebalance(now);
  }

  #forget(member: GroupMember): void {
    this.#roster.forget(member);
    this.#unsynced.delete(member.memberId);
  }

  #completeJoinIfAll(now: number): void {
    if (this.state === "PreparingRebalance" && this.#roster.allJoined()) this.#completeJoin(now);
  }

  /** The time to join is over: who has not come is expelled (but for static members), the rest are a generation. */
  #completeJoin(now: number): void {
    for (const member of this.#roster.all()) {
      if (member.join === null && member.groupInstanceId === null) this.#forget(member);
    }
    if (this.members.size > 0 && !this.#roster.electLeader()) {
      this.#joinEnds = now + this.#roster.rebalanceTimeout();
      return;
    }
    this.#joinEnds = Infinity;
    this.#unsynced.clear();
    this.generation++;
    if (this.members.size === 0) {
      this.state = "Empty";
      this.protocol = "";
      return;
    }
    this.state = "CompletingRebalance";
    this.protocol = electProtocol(this.#roster.all());
    for (const member of this.members.values()) {
      member.answerJoin(this.joined(member));
      member.isNew = false;
      this.heard(member, now);
      this.#unsynced.add(member.memberId);
    }
    this.#syncEnds = now + this.#roster.rebalanceTimeout();
    this.changed.wake();
  }
}
