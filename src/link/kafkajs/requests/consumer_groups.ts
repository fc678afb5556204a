/**
 * KIP-848's group protocol: ConsumerGroupHeartbeat, ConsumerGroupDescribe.
 * @module
 */
import type { PartitionsOfTopicId } from "../../protocol.ts";
import type { Codec } from "./codec.ts";
import type { Reader } from "./reader.ts";

/** ConsumerGroupHeartbeat 1 (Kafka 4.0 and newer): the first whose members choose their own id. */
export const consumerGroupHeartbeat: Codec<"ConsumerGroupHeartbeat"> = {
  key: 68,
  version: 1,
  flexible: true,
  write: (writer, request) => {
    writer.compactString(request.groupId);
    writer.compactString(request.memberId);
    writer.int32(request.memberEpoch);
    writer.compactString(request.groupInstanceId);
    writer.compactString(request.rackId);
    writer.int32(request.rebalanceTimeoutMs);
    writer.compactArray(request.subscribedTopicNames, (name) => writer.compactString(name));
    writer.compactString(null); // no topics by a regular expression
    writer.compactString(request.serverAssignor);
    writer.compactArray(request.topicPartitions, (topic) => {
      writer.uuid(topic.topicId);
      writer.compactArray(topic.partitions, (partition) => writer.int32(partition));
      writer.noTags();
    });
    writer.noTags();
  },
  read: (reader) => {
    const answer = {
      throttleTimeMs: reader.int32(),
      errorCode: reader.int16(),
      errorMessage: reader.nullableCompactString(),
      memberId: reader.nullableCompactString(),
      memberEpoch: reader.int32(),
      heartbeatIntervalMs: reader.int32(),
      assignment: readAssignment(reader),
    };
    reader.tags();
    return answer;
  },
};

/** A nullable structure: a byte below zero says that there is none. */
function readAssignment(reader: Reader): ReadonlyArray<PartitionsOfTopicId> | null {
  if (reader.int8() < 0) return null;
  const assignment = reader.compactArray(() => {
    const topic = { topicId: reader.uuid(), partitions: reader.compactArray(() => reader.int32()) };
    reader.tags();
    return topic;
  });
  reader.tags();
  return assignment;
}

/** ConsumerGroupDescribe 0 (Kafka 3.7 and newer). */
export const consumerGroupDescribe: Codec<"ConsumerGroupDescribe"> = {
  key: 69,
  version: 0,
  flexible: true,
  write: (writer, request) => {
    writer.compactArray(request.groupIds, (groupId) => writer.compactString(groupId));
    writer.boolean(false); // not what one may do with it
    writer.noTags();
  },
  read: (reader) => {
    const answer = { throttleTimeMs: reader.int32(), groups: reader.compactArray(() => readGroup(reader)) };
    reader.tags();
    return answer;
  },
};

function readGroup(reader: Reader) {
  const group = {
    errorCode: reader.int16(),
    errorMessage: reader.nullableCompactString(),
    groupId: reader.compactString(),
    state: reader.compactString(),
    groupEpoch: reader.int32(),
    assignmentEpoch: reader.int32(),
    assignorName: reader.compactString(),
    members: reader.compactArray(() => readMember(reader)),
  };
  reader.int32(); // authorized operations
  reader.tags();
  return group;
}

function readMember(reader: Reader) {
  const memberId = reader.compactString();
  const groupInstanceId = reader.nullableCompactString();
  reader.nullableCompactString(); // rack
  const memberEpoch = reader.int32();
  const clientId = reader.compactString();
  const clientHost = reader.compactString();
  const subscribedTopicNames = reader.compactArray(() => reader.compactString());
  reader.nullableCompactString(); // topics by a regular expression
  const assignment = readPartitions(reader);
  const targetAssignment = readPartitions(reader);
  reader.tags();
  return {
    memberId,
    groupInstanceId,
    memberEpoch,
    clientId,
    clientHost,
    subscribedTopicNames,
    assignment,
    targetAssignment,
  };
}

function readPartitions(reader: Reader) {
  const topics = reader.compactArray(() => {
    reader.uuid();
    const topic = { name: reader.compactString(), partitions: reader.compactArray(() => reader.int32()) };
    reader.tags();
    return topic;
  });
  reader.tags();
  return topics;
}
