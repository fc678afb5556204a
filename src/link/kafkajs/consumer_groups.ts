/**
 * KIP-848's group protocol: ConsumerGroupHeartbeat.
 * @module
 */
import type { PartitionsOfTopicId } from "../protocol.ts";
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
