/**
 * What a Produce answer means for a batch.
 * @module
 */
import { ErrorCode, leaderErrors } from "../../link/error_code.ts";

/**
 * stored: acknowledged · refused: not stored, the same bytes may be sent again · misnumbered: not stored, as its number
 * does not follow what the broker has · tooLarge: not stored, smaller ones may be · spoilt: not stored for the sake of one
 * of its records · failed: not stored and never will be.
 */
export type ProduceVerdict = "stored" | "refused" | "misnumbered" | "tooLarge" | "spoilt" | "failed";

const refusals: ReadonlySet<number> = new Set([
  ...leaderErrors,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
  ErrorCode.THROTTLING_QUOTA_EXCEEDED,
]);

/** Judges a partition's error code. */
export function judge(errorCode: number): ProduceVerdict {
  switch (errorCode) {
    case ErrorCode.NONE:
    // It was stored by an earlier send whose answer was lost.
    case ErrorCode.DUPLICATE_SEQUENCE_NUMBER:
      return "stored";
    case ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
    case ErrorCode.UNKNOWN_PRODUCER_ID:
    case ErrorCode.INVALID_PRODUCER_EPOCH:
    case ErrorCode.PRODUCER_FENCED:
      return "misnumbered";
    case ErrorCode.MESSAGE_TOO_LARGE:
    case ErrorCode.RECORD_LIST_TOO_LARGE:
      return "tooLarge";
    case ErrorCode.INVALID_RECORD:
    case ErrorCode.INVALID_TIMESTAMP:
      return "spoilt";
    default:
      return refusals.has(errorCode) ? "refused" : "failed";
  }
}
