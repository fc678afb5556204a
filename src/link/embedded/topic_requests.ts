/**
 * Creating, growing, deleting and trimming topics, and telling which there are.
 * Source: Apache Kafka's protocol guide (CreateTopics, CreatePartitions, DeleteTopics, DeleteRecords, Metadata).
 * @module
 */
import { ErrorCode } from "../error_code.ts";
import type { BrokerAddress } from "../link.ts";
import type { Answer, Request, TopicMetadata } from "../protocol.ts";
import { type Moment, randomId } from "./moment.ts";
import { leaderEpoch } from "./log/partition_log.ts";
import { perPartition } from "./per_partition.ts";
import { configFault } from "./topic_configs.ts";
import type { Topic, Topics } from "./topics.ts";

type Wanted = Request<"CreateTopics">["topics"][number];
type Fault = readonly [errorCode: number, errorMessage: string];

const namedTwice = "named more than once in one request";

/** Answers CreateTopics. */
export function createTopics(
  topics: Topics,
  defaultPartitions: number,
  request: Request<"CreateTopics">,
  now: Moment,
): Answer<"CreateTopics"> {
  const named = (name: string) => request.topics.filter((topic) => topic.name === name).length;
  return {
    throttleTimeMs: 0,
    topics: request.topics.map((wanted) => {
      const fault = named(wanted.name) > 1
        ? [ErrorCode.INVALID_REQUEST, namedTwice] as const
        : creationFault(topics, wanted);
      if (fault !== null) return { name: wanted.name, errorCode: fault[0], errorMessage: fault[1] };
      const partitions = wanted.numPartitions === -1 ? defaultPartitions : wanted.numPartitions;
      if (!request.validateOnly) topics.create(wanted.name, randomId(now), partitions, wanted.configs);
      return { name: wanted.name, errorCode: 0, errorMessage: null };
    }),
  };
}

function creationFault(topics: Topics, { name, numPartitions, replicationFactor, configs }: Wanted): Fault | null {
  const unfit = nameFault(name);
  if (unfit !== null) return [ErrorCode.INVALID_TOPIC_EXCEPTION, unfit];
  if (topics.get(name) !== undefined) return [ErrorCode.TOPIC_ALREADY_EXISTS, `topic '${name}' already exists`];
  const alike = topics.all().find((topic) => metricName(topic.name) === metricName(name));
  if (alike !== undefined) return [ErrorCode.INVALID_TOPIC_EXCEPTION, `too like topic '${alike.name}'`];
  if (numPartitions === 0 || numPartitions < -1) {
    return [ErrorCode.INVALID_PARTITIONS, "partitions must be more than 0"];
  }
  if (replicationFactor !== -1 && replicationFactor !== 1) {
    return [ErrorCode.INVALID_REPLICATION_FACTOR, "there is one broker: the replication factor is 1"];
  }
  const config = configFault(configs);
  return config === null ? null : [ErrorCode.INVALID_CONFIG, config];
}

/** What is wrong with a topic's name, or null. */
function nameFault(name: string): string | null {
  if (name === "" || name === "." || name === "..") return `a topic can't be called '${name}'`;
  if (name.length > 249) return "a topic's name has at most 249 characters";
  return /^[A-Za-z0-9._-]+$/.test(name) ? null : "a topic's name has only ASCII letters, digits, '.', '_' and '-'";
}

/** In Kafka's metrics these two are one. */
function metricName(name: string): string {
  return name.replaceAll(".", "_");
}

/** Answers CreatePartitions. */
export function createPartitions(topics: Topics, request: Request<"CreatePartitions">): Answer<"CreatePartitions"> {
  const repeated = new Set(
    request.topics.map(({ name }) => name).filter((name, i, names) => names.indexOf(name) !== i),
  );
  return {
    throttleTimeMs: 0,
    topics: request.topics.filter(({ name }, i, all) => all.findIndex((each) => each.name === name) === i).map(
      (wanted) => {
        const { name, count } = wanted;
        if (repeated.has(name)) return { name, errorCode: ErrorCode.INVALID_REQUEST, errorMessage: namedTwice };
        const topic = topics.get(name);
        if (topic === undefined) {
          return { name, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: `there is no topic '${name}'` };
        }
        const present = topic.partitions.length;
        if (count <= present) {
          return {
            name,
            errorCode: ErrorCode.INVALID_PARTITIONS,
            errorMessage: `it has ${present} partitions already`,
          };
        }
        if (!request.validateOnly) topics.grow(topic, count);
        return { name, errorCode: 0, errorMessage: null };
      },
    ),
  };
}

/** Answers DeleteTopics; `deleted` is told of each topic that is gone. */
export function deleteTopics(
  topics: Topics,
  request: Request<"DeleteTopics">,
  deleted: (name: string) => void,
): Answer<"DeleteTopics"> {
  return {
    throttleTimeMs: 0,
    topics: [...new Set(request.topics)].map((name) => {
      const topic = topics.get(name);
      if (request.topics.indexOf(name) !== request.topics.lastIndexOf(name)) {
        return { name, errorCode: ErrorCode.INVALID_REQUEST };
      }
      if (topic === undefined) return { name, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION };
      topics.delete(topic);
      deleted(name);
      return { name, errorCode: 0 };
    }),
  };
}

/** Answers DeleteRecords. */
export function deleteRecords(topics: Topics, request: Request<"DeleteRecords">, now: Moment): Answer<"DeleteRecords"> {
  return {
    throttleTimeMs: 0,
    topics: perPartition(request.topics, (name, { partition, offset }) => {
      const refused = (errorCode: number) => ({ partition, lowWatermark: -1, errorCode });
      const log = topics.log(name, partition);
      if (log === undefined) return refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      if (topics.get(name)?.settings.deletes === false) return refused(ErrorCode.POLICY_VIOLATION);
      topics.expire(name, partition, log, now);
      const start = offset === -1 ? log.endOffset : offset;
      if (start < 0 || start > log.endOffset) return refused(ErrorCode.OFFSET_OUT_OF_RANGE);
      if (start > log.startOffset) {
        topics.journal.trimmed(name, partition, start);
        log.trim(start);
      }
      return { partition, lowWatermark: log.startOffset, errorCode: 0 };
    }),
  };
}

/** Answers Metadata. Topics are never made by asking for them. */
export function metadata(topics: Topics, broker: BrokerAddress, request: Request<"Metadata">): Answer<"Metadata"> {
  const { nodeId, host, port } = broker;
  const wanted = request.topics === null
    ? topics.all().map((topic) => known(topic, nodeId))
    : [...new Set(request.topics)].map((name) => {
      const topic = topics.get(name);
      return topic === undefined ? unknown(name) : known(topic, nodeId);
    });
  return {
    throttleTimeMs: 0,
    brokers: [{ nodeId, host, port, rack: null }],
    clusterId: "embedded",
    controllerId: nodeId,
    topics: wanted,
  };
}

function known({ name, id, partitions }: Topic, nodeId: number): TopicMetadata {
  return {
    errorCode: 0,
    name,
    topicId: id,
    partitions: partitions.map((_, partition) => ({
      errorCode: 0,
      partition,
      leader: nodeId,
      leaderEpoch,
      replicas: [nodeId],
      isr: [nodeId],
    })),
  };
}

function unknown(name: string): TopicMetadata {
  const errorCode = nameFault(name) === null ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION;
  return { errorCode, name, topicId: "0".repeat(32), partitions: [] };
}
