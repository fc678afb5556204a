/**
 * Refusals that end a membership for good, and what to do about each.
 * @module
 */
import { GroupError, type KafkaError } from "../../errors.ts";
import { ErrorCode } from "../../link/error_code.ts";

/** The error a member ends with when its coordinator refuses it for good. */
export function refusedForGood(groupId: string, instanceId: string | null, error: KafkaError): GroupError {
  const hint = error.code === ErrorCode.FENCED_INSTANCE_ID
    ? `another process has joined under the instanceId ${instanceId}; give each its own`
    : hints.get(error.code) ?? error.message;
  return new GroupError(groupId, error.type, hint, { cause: error });
}

const hints: ReadonlyMap<number, string> = new Map([
  [ErrorCode.GROUP_AUTHORIZATION_FAILED, "this user may not read as this group; see the broker's ACLs"],
  [
    ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
    "the group's other members know none of this one's assignors; see the option assignors",
  ],
  [
    ErrorCode.INVALID_SESSION_TIMEOUT,
    "the option sessionTimeout lies outside the broker's group.min.session.timeout.ms to group.max.session.timeout.ms",
  ],
  [ErrorCode.GROUP_MAX_SIZE_REACHED, "the group has as many members as the broker's group.max.size allows"],
  [
    ErrorCode.UNRELEASED_INSTANCE_ID,
    "another process of this instanceId is in the group, or one that was killed less than the session time-out ago; give " +
    "each its own, or wait",
  ],
  [
    ErrorCode.UNSUPPORTED_VERSION,
    'the brokers do not serve groups of the protocol "consumer", which takes Kafka 4.0; set groupProtocol: "classic"',
  ],
  [
    ErrorCode.GROUP_ID_NOT_FOUND,
    'the group is in use by members of another protocol; set groupProtocol: "classic", or give it another name',
  ],
  [ErrorCode.UNSUPPORTED_ASSIGNOR, "the brokers know no such assignor; see their group.consumer.assignors"],
  [ErrorCode.TOPIC_AUTHORIZATION_FAILED, "this user may not describe a topic of this group; see the broker's ACLs"],
  [ErrorCode.INVALID_GROUP_ID, "the option groupId is empty or not allowed"],
]);
