/**
 * What Kafka refuses, as errors that name the topic or group and say what to do.
 * @module
 */
import { type ConfigError, type ConnectionError, GroupError, TopicError } from "../errors.ts";
import { ErrorCode, errorName, passingErrors } from "../link/error_code.ts";

/**
 * All that an administrator's request may fail with: no broker answers, a topic or group is refused or refuses, or what was
 * asked can't be meant.
 */
export type AdminError = ConnectionError | TopicError | GroupError | ConfigError;

const topicRemedies = new Map<number, string>([
  [ErrorCode.TOPIC_ALREADY_EXISTS, 'it is there already; existing: "keep" takes it as it is'],
  [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "there is no such topic or partition; look at its spelling, or create it"],
  [ErrorCode.INVALID_TOPIC_EXCEPTION, "choose another name: ASCII letters, digits, '.', '_' and '-', 249 at most"],
  [ErrorCode.INVALID_PARTITIONS, "a topic has 1 partition or more, and never fewer than before"],
  [ErrorCode.INVALID_REPLICATION_FACTOR, "ask for as many replicas as there are brokers, at most"],
  [ErrorCode.INVALID_CONFIG, "look at the spelling and the value of its configs"],
  [ErrorCode.POLICY_VIOLATION, "the cluster's policy forbids it; ask whoever runs it"],
  [ErrorCode.TOPIC_DELETION_DISABLED, "the brokers run with delete.topic.enable=false"],
  [ErrorCode.TOPIC_AUTHORIZATION_FAILED, "give this client's user the right to it (an ACL on the topic)"],
  [ErrorCode.CLUSTER_AUTHORIZATION_FAILED, "give this client's user the right to it (an ACL on the cluster)"],
  [ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT, "its records are too old to have times; ask for earliest or latest"],
]);

/** A topic's error, with the broker's own words if there are any. */
export function topicError(topic: string, code: number, words: string | null = null): TopicError {
  const remedy = topicRemedies.get(code) ?? "Kafka refused it";
  return new TopicError(topic, errorName(code), said(words, remedy));
}

const groupRemedies = new Map<number, string>([
  [
    ErrorCode.GROUP_ID_NOT_FOUND,
    "there is no such group: nobody has joined it or committed for it; look at its spelling",
  ],
  [ErrorCode.INVALID_GROUP_ID, "a group's id may not be empty"],
  [ErrorCode.GROUP_AUTHORIZATION_FAILED, "give this client's user the right to it (an ACL on the group)"],
  [ErrorCode.TOPIC_AUTHORIZATION_FAILED, "give this client's user the right to read its topics (an ACL on each)"],
]);

/** A group's error. */
export function groupError(groupId: string, code: number, words: string | null = null): GroupError {
  const remedy = groupRemedies.get(code) ?? "Kafka refused it";
  return new GroupError(groupId, errorName(code), said(words, remedy));
}

function said(words: string | null, remedy: string): string {
  return words ? `${words.replace(/\.$/, "")}; ${remedy}` : remedy;
}

const passing: ReadonlySet<number> = new Set([
  ...passingErrors,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.NOT_CONTROLLER,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.THROTTLING_QUOTA_EXCEEDED,
  ErrorCode.UNSTABLE_OFFSET_COMMIT,
]);

/** Whether the same request may be answered otherwise a moment later. */
export function isPassing(code: number): boolean {
  return passing.has(code);
}
