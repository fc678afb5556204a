/**
 * Who is in a classic group: members in the order they came, their leader, the names of static ones, and ids that were
 * given away but not used yet.
 * @module
 */
import type { GroupMember } from "./group_member.ts";

/** A group's members. */
export class GroupRoster {
  /** The leader's member id, or "". */
  leader = "";
  /** Members, in the order they came. */
  readonly members = new Map<string, GroupMember>();
  /** Ids that were given away but not used yet, with the time they are forgotten (monotonic milliseconds). */
  readonly pending = new Map<string, number>();
  readonly #static = new Map<string, string>();

  /** The id of the static member of this name, if there is one. */
  staticMember(groupInstanceId: string): string | undefined {
    return this.#static.get(groupInstanceId);
  }

  /** All members. */
  all(): ReadonlyArray<GroupMember> {
    return [...this.members.values()];
  }

  /** Takes a new one in; the first one leads. */
  add(member: GroupMember): void {
    this.pending.delete(member.memberId);
    if (this.leader === "") this.leader = member.memberId;
    this.members.set(member.memberId, member);
    this.#name(member);
  }

  /** Puts a static member's new process in the place of the one before. */
  replace(before: GroupMember, next: GroupMember): void {
    const members = this.all().map((member) => member === before ? next : member);
    this.members.clear();
    for (const member of members) this.members.set(member.memberId, member);
    this.#name(next);
    if (this.leader === before.memberId) this.leader = next.memberId;
  }

  /** Removes one; where it led, the one that came first leads. */
  forget(member: GroupMember): void {
    this.members.delete(member.memberId);
    const { groupInstanceId } = member;
    if (groupInstanceId !== null && this.#static.get(groupInstanceId) === member.memberId) {
      this.#static.delete(groupInstanceId);
    }
    if (this.leader === member.memberId) this.leader = this.members.keys().next().value ?? "";
  }

  /** Whether all are there that could come. */
  allJoined(): boolean {
    if (this.pending.size > 0) return false;
    for (const member of this.members.values()) if (member.join === null) return false;
    return true;
  }

  /** Sees to it that the leader is one that is there to assign; whether there is one. */
  electLeader(): boolean {
    const leader = this.members.get(this.leader);
    if (leader !== undefined && leader.join !== null) return true;
    for (const member of this.members.values()) {
      if (member.join === null) continue;
      this.leader = member.memberId;
      return true;
    }
    return false;
  }

  /** The longest of the members' rebalance time-outs, in milliseconds. */
  rebalanceTimeout(): number {
    let longest = 0;
    for (const { rebalanceTimeoutMs } of this.members.values()) longest = Math.max(longest, rebalanceTimeoutMs);
    return longest;
  }

  #name({ groupInstanceId, memberId }: GroupMember): void {
    if (groupInstanceId !== null) this.#static.set(groupInstanceId, memberId);
  }
}
