/**
 * What an answer about a partition says of its leader.
 * @module
 */
import { ErrorCode, leaderErrors } from "../../link/error_code.ts";

/** Answers that mean: ask again, perhaps another broker. */
const moved: ReadonlySet<number> = new Set([
  ...leaderErrors,
  ErrorCode.OFFSET_NOT_AVAILABLE,
  ErrorCode.INCONSISTENT_TOPIC_ID,
]);

/** Whether an error of a partition goes away by looking for its leader again. */
export function isTransient(errorCode: number): boolean {
  return moved.has(errorCode);
}
