/**
 * SyncGroup, Heartbeat, LeaveGroup.
 * Source: Apache Kafka's protocol guide; KIP-345.
 * @module
 */
import { ErrorCode } from "../../error_code.ts";
import type { Answer, MemberIdentity, Request } from "../../protocol.ts";
import type { ConsumerGroup } from "./consumer_group.ts";
import type { Group } from "./group.ts";
import type { GroupMember } from "./group_member.ts";
import type { Groups } from "./groups.ts";
import type { Moment } from "../moment.ts";
import type { Waiting } from "../waiting.ts";
import { WaitingMember } from "./waiting_member.ts";

type Who = Pick<MemberIdentity, "memberId" | "groupInstanceId">;

/** Why this is not a member, or 0. */
export function memberFault(group: Group, { memberId, groupInstanceId }: Who): number {
  if (groupInstanceId !== null) {
    const present = group.staticMember(groupInstanceId);
    if (present === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
    if (present !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
  }
  return group.members.has(memberId) ? 0 : ErrorCode.UNKNOWN_MEMBER_ID;
}

/** The member of the present generation that says so, or an error code. */
export function presentMember(group: Group | undefined, request: MemberIdentity): GroupMember | number {
  if (group === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
  const errorCode = memberFault(group, request);
  if (errorCode !== 0) return errorCode;
  if (request.generationId !== group.generation) return ErrorCode.ILLEGAL_GENERATION;
  return group.members.get(request.memberId) ?? ErrorCode.UNKNOWN_MEMBER_ID;
}

/** Answers SyncGroup, or waits for the leader. */
export function syncGroup(
  groups: Groups,
  request: Request<"SyncGroup">,
  now: Moment,
): Answer<"SyncGroup"> | Waiting<Answer<"SyncGroup">> {
  const refused = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, assignment: new Uint8Array(0) });
  if (request.groupId === "") return refused(ErrorCode.INVALID_GROUP_ID);
  const group = groups.get(request.groupId, now);
  const member = presentMember(group, request);
  if (group === undefined || typeof member === "number") {
    return refused(typeof member === "number" ? member : ErrorCode.UNKNOWN_MEMBER_ID);
  }
  if (group.state === "PreparingRebalance") return refused(ErrorCode.REBALANCE_IN_PROGRESS);
  if (group.state === "Stable") {
    group.synced(member, now.monotonic);
    return { throttleTimeMs: 0, errorCode: 0, assignment: member.assignment };
  }
  const parked = group.awaitAssignment(member);
  if (member.memberId === group.leader) {
    const assignments = new Map(request.assignments.map(({ memberId, assignment }) => [memberId, assignment.slice()]));
    group.assign(assignments, now.monotonic);
  }
  group.announce();
  return new WaitingMember(group, parked).answered();
}

/** Answers Heartbeat. */
export function heartbeat(groups: Groups, request: Request<"Heartbeat">, now: Moment): Answer<"Heartbeat"> {
  const answer = (errorCode: number) => ({ throttleTimeMs: 0, errorCode });
  if (request.groupId === "") return answer(ErrorCode.INVALID_GROUP_ID);
  const group = groups.get(request.groupId, now);
  const member = presentMember(group, request);
  if (group === undefined || typeof member === "number") {
    return answer(typeof member === "number" ? member : ErrorCode.UNKNOWN_MEMBER_ID);
  }
  group.heard(member, now.monotonic);
  group.announce();
  return answer(group.state === "PreparingRebalance" ? ErrorCode.REBALANCE_IN_PROGRESS : 0);
}

/** Answers LeaveGroup. */
export function leaveGroup(groups: Groups, request: Request<"LeaveGroup">, now: Moment): Answer<"LeaveGroup"> {
  if (request.groupId === "") return { throttleTimeMs: 0, errorCode: ErrorCode.INVALID_GROUP_ID, members: [] };
  const consumers = groups.consumer(request.groupId, now);
  if (consumers !== undefined) {
    return { throttleTimeMs: 0, errorCode: 0, members: request.members.map((who) => expel(consumers, who)) };
  }
  const group = groups.get(request.groupId, now);
  let gone = false;
  const members = request.members.map((who) => {
    const errorCode = group === undefined ? ErrorCode.UNKNOWN_MEMBER_ID : leave(group, who, now);
    gone ||= errorCode === 0;
    return { memberId: who.memberId, errorCode };
  });
  if (gone) group?.rebalance(now.monotonic);
  group?.announce();
  return { throttleTimeMs: 0, errorCode: 0, members };
}

/** Whoever looks after a group may remove members of the newer protocol, too. */
function expel(group: ConsumerGroup, { memberId, groupInstanceId }: Who) {
  const answer = (errorCode: number) => ({ memberId, errorCode });
  const member = groupInstanceId === null ? group.members.get(memberId) : group.staticMember(groupInstanceId);
  if (member === undefined) return answer(ErrorCode.UNKNOWN_MEMBER_ID);
  if (memberId !== "" && memberId !== member.memberId) return answer(ErrorCode.FENCED_INSTANCE_ID);
  group.remove(member);
  return answer(0);
}

function leave(group: Group, who: Who, now: Moment): number {
  if (group.isPending(who.memberId)) {
    group.removePending(who.memberId, now.monotonic);
    return 0;
  }
  // A static member may be removed by its name alone, by whoever looks after it.
  const byName = who.memberId === "" && who.groupInstanceId !== null;
  const memberId = byName ? group.staticMember(who.groupInstanceId ?? "") ?? "" : who.memberId;
  const errorCode = memberFault(group, { memberId, groupInstanceId: who.groupInstanceId });
  const member = group.members.get(memberId);
  if (errorCode !== 0 || member === undefined) return errorCode;
  group.remove(member);
  return 0;
}
