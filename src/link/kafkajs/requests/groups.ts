/**
 * The classic group protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup; DescribeGroups.
 * @module
 */
import type { MemberIdentity } from "../../protocol.ts";
import type { Codec } from "./codec.ts";
import type { Writer } from "./writer.ts";

/** JoinGroup 5 (Kafka 2.3 to 4.x): the first with static members. */
export const joinGroup: Codec<"JoinGroup"> = {
  key: 11,
  version: 5,
  write: (writer, request) => {
    writer.string(request.groupId);
    writer.int32(request.sessionTimeoutMs);
    writer.int32(request.rebalanceTimeoutMs);
    writer.string(request.memberId);
    writer.string(request.groupInstanceId);
    writer.string(request.protocolType);
    writer.array(request.protocols, (protocol) => {
      writer.string(protocol.name);
      writer.bytes(protocol.metadata);
    });
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    errorCode: reader.int16(),
    generationId: reader.int32(),
    protocolName: reader.nullableString() ?? "",
    leader: reader.string(),
    memberId: reader.string(),
    members: reader.array(() => ({
      memberId: reader.string(),
      groupInstanceId: reader.nullableString(),
      metadata: reader.bytes(),
    })),
  }),
};

/** SyncGroup 3 (Kafka 2.3 to 4.x). */
export const syncGroup: Codec<"SyncGroup"> = {
  key: 14,
  version: 3,
  write: (writer, request) => {
    writeIdentity(writer, request);
    writer.array(request.assignments, ({ memberId, assignment }) => {
      writer.string(memberId);
      writer.bytes(assignment);
    });
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    errorCode: reader.int16(),
    assignment: reader.bytes(),
  }),
};

/** Heartbeat 3 (Kafka 2.3 to 4.x). */
export const heartbeat: Codec<"Heartbeat"> = {
  key: 12,
  version: 3,
  write: writeIdentity,
  read: (reader) => ({ throttleTimeMs: reader.int32(), errorCode: reader.int16() }),
};

/** LeaveGroup 3 (Kafka 2.4 to 4.x): the first that takes several members. */
export const leaveGroup: Codec<"LeaveGroup"> = {
  key: 13,
  version: 3,
  write: (writer, request) => {
    writer.string(request.groupId);
    writer.array(request.members, (member) => {
      writer.string(member.memberId);
      writer.string(member.groupInstanceId);
    });
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    errorCode: reader.int16(),
    members: reader.array(() => {
      const memberId = reader.string();
      reader.nullableString(); // group instance id
      return { memberId, errorCode: reader.int16() };
    }),
  }),
};

/** DescribeGroups 4 (Kafka 2.4 to 4.x): the first that tells of static members. */
export const describeGroups: Codec<"DescribeGroups"> = {
  key: 15,
  version: 4,
  write: (writer, request) => {
    writer.array(request.groupIds, (groupId) => writer.string(groupId));
    writer.boolean(false); // not what one may do with it
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    groups: reader.array(() => {
      const group = {
        errorCode: reader.int16(),
        groupId: reader.string(),
        state: reader.string(),
        protocolType: reader.string(),
        protocolName: reader.string(),
        members: reader.array(() => ({
          memberId: reader.string(),
          groupInstanceId: reader.nullableString(),
          clientId: reader.string(),
          clientHost: reader.string(),
          metadata: reader.bytes(),
          assignment: reader.bytes(),
        })),
      };
      reader.int32(); // authorized operations
      return group;
    }),
  }),
};

/** Who speaks, in the order all requests of a member begin with. */
export function writeIdentity(writer: Writer, member: MemberIdentity): void {
  writer.string(member.groupId);
  writer.int32(member.generationId);
  writer.string(member.memberId);
  writer.string(member.groupInstanceId);
}
