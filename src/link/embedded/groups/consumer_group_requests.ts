/**
 * ConsumerGroupHeartbeat and ConsumerGroupDescribe: the newer group protocol.
 * Source: KIP-848, Kafka's protocol guide; seen on Kafka 4.3.
 * @module
 */
import { ErrorCode } from "../../error_code.ts";
import type { Answer, PerTopic, Request } from "../../protocol.ts";
import { awayEpoch, type ConsumerGroup } from "./consumer_group.ts";
import { ConsumerGroupMember } from "./consumer_group_member.ts";
import { errorAnswer } from "../error_answer.ts";
import type { Groups } from "./groups.ts";
import { byTopicId, type HeldPartition, heldPartitions } from "./held_partition.ts";
import type { Moment } from "../moment.ts";
import { serverAssignors } from "./server_assignor.ts";
import type { Topics } from "../topics.ts";

type Heartbeat = Request<"ConsumerGroupHeartbeat">;
type Heard = Answer<"ConsumerGroupHeartbeat">;
type Described = Answer<"ConsumerGroupDescribe">["groups"][number];

const leaveEpoch = -1;
const api = "ConsumerGroupHeartbeat";

/** Answers ConsumerGroupHeartbeat. */
export function consumerGroupHeartbeat(groups: Groups, request: Heartbeat, now: Moment): Heard {
  const errorCode = requestFault(request);
  if (errorCode !== 0) return errorAnswer(api, request, errorCode);
  const group = request.memberEpoch === 0
    ? groups.consumerOrMake(request.groupId, now)
    : groups.consumer(request.groupId, now);
  if (group === undefined) return errorAnswer(api, request, ErrorCode.GROUP_ID_NOT_FOUND);
  const member = request.memberEpoch === 0 ? join(group, request) : present(group, request);
  if (typeof member === "number") return errorAnswer(api, request, member);
  return request.memberEpoch < 0 ? leave(group, member, request) : beat(group, member, request, now);
}

/** What is wrong with a request whatever the group, or 0. */
function requestFault(request: Heartbeat): number {
  const { groupId, memberId, memberEpoch, groupInstanceId, rackId, serverAssignor } = request;
  if (groupId === "" || memberId === "" || groupInstanceId === "" || rackId === "") return ErrorCode.INVALID_REQUEST;
  if (memberEpoch < awayEpoch || (memberEpoch === awayEpoch && groupInstanceId === null)) {
    return ErrorCode.INVALID_REQUEST;
  }
  const { rebalanceTimeoutMs, subscribedTopicNames, topicPartitions } = request;
  const whole = rebalanceTimeoutMs !== -1 && subscribedTopicNames !== null && topicPartitions?.length === 0;
  if (memberEpoch === 0 && !whole) return ErrorCode.INVALID_REQUEST;
  return serverAssignor === null || serverAssignors.has(serverAssignor) ? 0 : ErrorCode.UNSUPPORTED_ASSIGNOR;
}

/** The member that joins, or joins again, or an error code. */
function join(group: ConsumerGroup, { memberId, groupInstanceId }: Heartbeat): ConsumerGroupMember | number {
  const before = groupInstanceId === null ? undefined : group.staticMember(groupInstanceId);
  if (before === undefined) {
    const known = group.members.get(memberId);
    if (known !== undefined) return known;
    const member = new ConsumerGroupMember(memberId, groupInstanceId);
    group.add(member);
    return member;
  }
  if (before.epoch !== awayEpoch) return ErrorCode.UNRELEASED_INSTANCE_ID;
  const next = before.successor(memberId);
  group.replace(before, next);
  return next;
}

/** The member that says so, or an error code. */
function present(group: ConsumerGroup, request: Heartbeat): ConsumerGroupMember | number {
  const { memberId, memberEpoch, groupInstanceId, topicPartitions } = request;
  const member = groupInstanceId === null ? group.members.get(memberId) : group.staticMember(groupInstanceId);
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
  if (member.memberId !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
  if (memberEpoch < 0 || memberEpoch === member.epoch) return member;
  // The answer that told of the new epoch may have been lost.
  const owned = topicPartitions === null ? null : heldPartitions(topicPartitions);
  const lost = memberEpoch < member.epoch && memberEpoch === member.previousEpoch && owned !== null &&
    [...owned].every((held) => member.assigned.has(held));
  return lost ? member : ErrorCode.FENCED_MEMBER_EPOCH;
}

function leave(group: ConsumerGroup, member: ConsumerGroupMember, { memberEpoch, groupInstanceId }: Heartbeat): Heard {
  if (memberEpoch === awayEpoch && groupInstanceId !== null) group.sendAway(member);
  else group.remove(member);
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    memberId: member.memberId,
    memberEpoch: memberEpoch === awayEpoch ? awayEpoch : leaveEpoch,
    heartbeatIntervalMs: 0,
    assignment: null,
  };
}

function beat(group: ConsumerGroup, member: ConsumerGroupMember, request: Heartbeat, now: Moment): Heard {
  const { rebalanceTimeoutMs, subscribedTopicNames, topicPartitions } = request;
  const isNew = member.epoch === 0 && member.topics.length === 0;
  const changed = say(member, request) || isNew;
  group.refresh(changed, now.monotonic);
  const owned = topicPartitions === null ? null : heldPartitions(topicPartitions);
  const told = group.reconcile(member, owned, now.monotonic);
  group.heard(member, now.monotonic);
  const whole = rebalanceTimeoutMs !== -1 && subscribedTopicNames !== null && topicPartitions !== null;
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    memberId: member.memberId,
    memberEpoch: member.epoch,
    heartbeatIntervalMs: group.settings.heartbeatInterval,
    assignment: told || whole ? byTopicId(member.assigned.keys()) : null,
  };
}

/** Takes note of what a member says about itself; whether that changes what it shall hold. */
function say(member: ConsumerGroupMember, request: Heartbeat): boolean {
  const { rackId, rebalanceTimeoutMs, subscribedTopicNames, serverAssignor } = request;
  const { topics, assignor } = member;
  if (rackId !== null) member.rackId = rackId;
  if (rebalanceTimeoutMs !== -1) member.rebalanceTimeoutMs = rebalanceTimeoutMs;
  if (subscribedTopicNames !== null) member.topics = [...new Set(subscribedTopicNames)].sort();
  if (serverAssignor !== null) member.assignor = serverAssignor;
  return assignor !== member.assignor || topics.join() !== member.topics.join();
}

/** Answers ConsumerGroupDescribe. */
export function consumerGroupDescribe(
  groups: Groups,
  topics: Topics,
  request: Request<"ConsumerGroupDescribe">,
  now: Moment,
): Answer<"ConsumerGroupDescribe"> {
  const [unknown] = errorAnswer("ConsumerGroupDescribe", { groupIds: [""] }, ErrorCode.GROUP_ID_NOT_FOUND).groups;
  return {
    throttleTimeMs: 0,
    groups: request.groupIds.map((groupId): Described => {
      const group = groups.consumer(groupId, now);
      if (groupId === "") return { ...unknown, groupId, errorCode: ErrorCode.INVALID_GROUP_ID };
      return group === undefined ? { ...unknown, groupId } : described(groupId, group, topics);
    }),
  };
}

function described(groupId: string, group: ConsumerGroup, topics: Topics): Described {
  return {
    errorCode: 0,
    errorMessage: null,
    groupId,
    state: group.state,
    groupEpoch: group.epoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: group.assignor,
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      memberEpoch: member.epoch,
      clientId: "embedded",
      clientHost: "/127.0.0.1",
      subscribedTopicNames: member.topics,
      assignment: byName(member.assigned.keys(), topics),
      targetAssignment: byName(group.shares.get(member.memberId) ?? [], topics),
    })),
  };
}

function byName(held: Iterable<HeldPartition>, topics: Topics): ReadonlyArray<PerTopic<number>> {
  return byTopicId(held).flatMap(({ topicId, partitions }) => {
    const name = topics.byId(topicId)?.name;
    return name === undefined ? [] : [{ name, partitions }];
  });
}
