/**
 * What is said of a coordinator that can't be asked.
 * @module
 */
import { Effect } from "effect";
import type { ConnectionError, KafkaError } from "../../errors.ts";
import type { Cluster } from "../port.ts";
import type { Warnings } from "../warnings.ts";

/**
 * Warns that `what` is in the way of a group, after `failures` tries before. A coordinator that moves, or a connection
 * that breaks, is looked for once without a word; that no broker answers has been told of by the cluster.
 */
export function warnOfCoordinator(
  cluster: Cluster,
  warnings: Warnings,
  groupId: string,
  what: string,
  error: ConnectionError | KafkaError,
  failures: number,
): Effect.Effect<void> {
  if (failures === 0 || (error._tag === "ConnectionError" && !cluster.reachable())) return Effect.void;
  const cause = error._tag === "KafkaError" ? error.type : error.reason;
  return warnings.warn(`${groupId} ${cause}`, `group ${groupId}: ${what}, trying again: ${error.message}`);
}
