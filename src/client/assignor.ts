/**
 * What an assignor is: how a group's leader shares the partitions out.
 * @module
 */
import type { PartitionsByTopic, Subscription } from "./subscription.ts";

/**
 * Gives each member its partitions. Deterministic: it depends on nothing but the arguments, and not on their order.
 * `counts` is the number of partitions per topic; topics that are missing have none.
 */
export type Assign = (
  members: ReadonlyMap<string, Subscription>,
  counts: ReadonlyMap<string, number>,
) => ReadonlyMap<string, PartitionsByTopic>;

/** A way to share out. */
export interface Assignor {
  /** The leader's part. */
  readonly assign: Assign;
  /** Whether members keep their partitions through a rebalance; otherwise they give up all of them before they join. */
  readonly cooperative: boolean;
}
