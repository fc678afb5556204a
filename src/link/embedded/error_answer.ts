/**
 * Answers that say nothing but an error.
 * @module
 */
import type { Answer, ApiName, Request } from "../protocol.ts";
import { joinRefused } from "./groups/group_member.ts";
import { perPartition } from "./per_partition.ts";

const none = new Uint8Array(0);

const answers: { readonly [A in ApiName]: (request: Request<A>, errorCode: number) => Answer<A> } = {
  Produce: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: perPartition(topics, (_, { partition }) => ({ partition, errorCode, baseOffset: -1, logAppendTimeMs: -1 })),
  }),
  Fetch: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    errorCode: 0,
    topics: perPartition(topics, (_, { partition }) => ({
      partition,
      errorCode,
      highWatermark: -1,
      lastStableOffset: -1,
      logStartOffset: -1,
      abortedTransactions: [],
      preferredReadReplica: -1,
      records: none,
    })),
  }),
  ListOffsets: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: perPartition(topics, (_, { partition }) => ({ partition, errorCode, timestamp: -1, offset: -1 })),
  }),
  Metadata: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    brokers: [],
    clusterId: null,
    controllerId: -1,
    topics: (topics ?? []).map((name) => ({ errorCode, name, topicId: "0".repeat(32), partitions: [] })),
  }),
  FindCoordinator: (_, errorCode) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage: null,
    nodeId: -1,
    host: "",
    port: -1,
  }),
  JoinGroup: ({ memberId }, errorCode) => joinRefused(errorCode, memberId),
  SyncGroup: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, assignment: none }),
  Heartbeat: (_, errorCode) => ({ throttleTimeMs: 0, errorCode }),
  ConsumerGroupHeartbeat: (_, errorCode) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage: null,
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null,
  }),
  ConsumerGroupDescribe: ({ groupIds }, errorCode) => ({
    throttleTimeMs: 0,
    groups: groupIds.map((groupId) => ({
      errorCode,
      errorMessage: null,
      groupId,
      state: "",
      groupEpoch: -1,
      assignmentEpoch: -1,
      assignorName: "",
      members: [],
    })),
  }),
  DescribeGroups: ({ groupIds }, errorCode) => ({
    throttleTimeMs: 0,
    groups: groupIds.map((groupId) => ({
      errorCode,
      groupId,
      state: "",
      protocolType: "",
      protocolName: "",
      members: [],
    })),
  }),
  DescribeConfigs: ({ resources }, errorCode) => ({
    throttleTimeMs: 0,
    resources: resources.map(({ type, name }) => ({ errorCode, errorMessage: null, type, name, configs: [] })),
  }),
  LeaveGroup: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, members: [] }),
  OffsetCommit: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: perPartition(topics, (_, { partition }) => ({ partition, errorCode })),
  }),
  OffsetFetch: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    errorCode,
    topics: perPartition(topics ?? [], (_, partition) => ({ partition, offset: -1, metadata: "", errorCode })),
  }),
  InitProducerId: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, producerId: -1n, producerEpoch: -1 }),
  CreateTopics: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name }) => ({ name, errorCode, errorMessage: null })),
  }),
  CreatePartitions: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name }) => ({ name, errorCode, errorMessage: null })),
  }),
  DeleteTopics: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: topics.map((name) => ({ name, errorCode })),
  }),
  DeleteRecords: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: perPartition(topics, (_, { partition }) => ({ partition, lowWatermark: -1, errorCode })),
  }),
};

/** The answer to `request` that gives this error wherever it has room for one. */
export function errorAnswer<A extends ApiName>(api: A, request: Request<A>, errorCode: number): Answer<A> {
  return answers[api](request, errorCode);
}
