/**
 * JoinGroup: who may join, and as whom.
 * Source: Apache Kafka's protocol guide (JoinGroup); KIP-345, KIP-394.
 * @module
 */
import { ErrorCode } from "../../error_code.ts";
import type { Answer, Request } from "../../protocol.ts";
import type { Group } from "./group.ts";
import { GroupMember, joinRefused, type Parked } from "./group_member.ts";
import type { Groups } from "./groups.ts";
import { memberFault } from "./group_requests.ts";
import { type Moment, randomId } from "../moment.ts";
import type { Waiting } from "../waiting.ts";
import { WaitingMember } from "./waiting_member.ts";

/** The limits of a session time-out in milliseconds: group.min.session.timeout.ms and its counterpart. */
const sessionTimeouts = { min: 500, max: 1_800_000 };

/** Answers it, or waits for the other members. */
export function joinGroup(
  groups: Groups,
  request: Request<"JoinGroup">,
  now: Moment,
): Answer<"JoinGroup"> | Waiting<Answer<"JoinGroup">> {
  const { groupId, memberId, sessionTimeoutMs } = request;
  if (groupId === "") return joinRefused(ErrorCode.INVALID_GROUP_ID, memberId);
  if (sessionTimeoutMs < sessionTimeouts.min || sessionTimeoutMs > sessionTimeouts.max) {
    return joinRefused(ErrorCode.INVALID_SESSION_TIMEOUT, memberId);
  }
  const group = memberId === "" ? groups.getOrMake(groupId, now) : groups.get(groupId, now);
  if (group === undefined) {
    const isNewer = (groups.consumer(groupId, now)?.members.size ?? 0) > 0;
    return joinRefused(isNewer ? ErrorCode.INCONSISTENT_GROUP_PROTOCOL : ErrorCode.UNKNOWN_MEMBER_ID, memberId);
  }
  if (!group.supports(request.protocolType, request.protocols)) {
    return joinRefused(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, memberId);
  }
  const joining = memberId === "" ? joinNew(group, request, now) : joinKnown(group, request, now);
  group.announce();
  return "answer" in joining ? new WaitingMember(group, joining).answered() : joining;
}

type Joining = Answer<"JoinGroup"> | Parked<Answer<"JoinGroup">>;

function joinNew(group: Group, request: Request<"JoinGroup">, now: Moment): Joining {
  const { groupInstanceId } = request;
  const memberId = `${groupInstanceId ?? "member"}-${randomId(now)}`;
  if (groupInstanceId === null) {
    // A joiner whose answer gets lost asks again: with an id of its own it is not taken for one more member.
    group.addPending(memberId, now.monotonic + request.sessionTimeoutMs);
    return joinRefused(ErrorCode.MEMBER_ID_REQUIRED, memberId);
  }
  const member = makeMember(memberId, request);
  const before = group.members.get(group.staticMember(groupInstanceId) ?? "");
  return before === undefined
    ? group.add(member, request.protocolType, now.monotonic)
    : group.replace(before, member, now.monotonic);
}

function joinKnown(group: Group, request: Request<"JoinGroup">, now: Moment): Joining {
  const { memberId } = request;
  if (group.isPending(memberId)) {
    return group.add(makeMember(memberId, request), request.protocolType, now.monotonic);
  }
  const errorCode = memberFault(group, request);
  const member = group.members.get(memberId);
  if (errorCode !== 0 || member === undefined) return joinRefused(errorCode, memberId);
  const unchanged = member.matches(request.protocols);
  // Its answer got lost; or it is a follower with nothing new, whom the present generation suits.
  const current = group.state === "CompletingRebalance" || (group.state === "Stable" && memberId !== group.leader);
  if (unchanged && current) return group.joined(member);
  member.protocols = request.protocols;
  member.sessionTimeoutMs = request.sessionTimeoutMs;
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
  return group.rejoin(member, now.monotonic);
}

function makeMember(memberId: string, request: Request<"JoinGroup">): GroupMember {
  const { groupInstanceId, protocols, sessionTimeoutMs, rebalanceTimeoutMs } = request;
  return new GroupMember(memberId, groupInstanceId, protocols, sessionTimeoutMs, rebalanceTimeoutMs);
}
