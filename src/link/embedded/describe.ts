/**
 * Telling what groups and topics are like.
 * Source: Apache Kafka's protocol guide (DescribeGroups, DescribeConfigs).
 * @module
 */
import { brokerAddress } from "./broker_address.ts";
import { ErrorCode } from "../error_code.ts";
import type { Answer, Request } from "../protocol.ts";
import type { GroupOffsets } from "./groups/group_offsets.ts";
import type { Groups } from "./groups/groups.ts";
import type { Moment } from "./moment.ts";
import { configDefaults } from "./topic_configs.ts";
import type { Topics } from "./topics.ts";

const none = new Uint8Array(0);
const topicResource = 2;

/** Answers DescribeGroups. A group that has nothing but offsets is empty, one that has not even those is dead. */
export function describeGroups(
  groups: Groups,
  offsets: GroupOffsets,
  request: Request<"DescribeGroups">,
  now: Moment,
): Answer<"DescribeGroups"> {
  return {
    throttleTimeMs: 0,
    groups: request.groupIds.map((groupId) => {
      const group = groups.get(groupId, now);
      if (group === undefined) {
        // A group of the newer protocol is none to this request, whatever it has.
        const isClassic = groups.consumer(groupId, now) === undefined && offsets.of(groupId).length > 0;
        const state = isClassic ? "Empty" : "Dead";
        return { errorCode: ErrorCode.NONE, groupId, state, protocolType: "", protocolName: "", members: [] };
      }
      const { state, protocolType, protocol } = group;
      // Until all have their assignment, members are told of without what they said, and with what they had before.
      const stable = state === "Stable";
      return {
        errorCode: ErrorCode.NONE,
        groupId,
        state,
        protocolType,
        protocolName: stable ? protocol : "",
        members: [...group.members.values()].map((member) => ({
          memberId: member.memberId,
          groupInstanceId: member.groupInstanceId,
          clientId: "embedded",
          clientHost: "/127.0.0.1",
          metadata: stable ? member.metadata(protocol) : none,
          assignment: member.assignment,
        })),
      };
    }),
  };
}

/** Answers DescribeConfigs: what a topic was created with, and the default of what has an effect here. */
export function describeConfigs(topics: Topics, request: Request<"DescribeConfigs">): Answer<"DescribeConfigs"> {
  return {
    throttleTimeMs: 0,
    resources: request.resources.map(({ type, name, keys }) => {
      const topic = type === topicResource ? topics.get(name) : undefined;
      if (type === topicResource && topic === undefined) {
        const errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
        return { errorCode, errorMessage: `there is no topic '${name}'`, type, name, configs: [] };
      }
      if (type !== topicResource && name !== "" && name !== String(brokerAddress.nodeId)) {
        const errorMessage = `there is only broker ${brokerAddress.nodeId}`;
        return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage, type, name, configs: [] };
      }
      const values = new Map<string, { readonly value: string; readonly isDefault: boolean }>();
      if (topic !== undefined) {
        for (const [key, value] of Object.entries(configDefaults)) values.set(key, { value, isDefault: true });
      }
      for (const [key, value] of Object.entries(topic?.configs ?? {})) values.set(key, { value, isDefault: false });
      const configs = Array.from(values, ([name, value]) => ({ name, ...value }));
      return {
        errorCode: ErrorCode.NONE,
        errorMessage: null,
        type,
        name,
        configs: keys === null ? configs : configs.filter(({ name }) => keys.includes(name)),
      };
    }),
  };
}
