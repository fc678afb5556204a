/**
 * How a group's leader shares the partitions out.
 * @module
 */
import { cooperativeSticky } from "./assignor_cooperative_sticky.ts";
import { range, roundRobin } from "./assignor_eager.ts";
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

/** The assignors by the names that all members of a group, whatever client they are, agree on. */
export const assignors: Readonly<Record<string, Assignor>> = {
  "cooperative-sticky": { assign: cooperativeSticky, cooperative: true },
  "range": { assign: range, cooperative: false },
  "roundrobin": { assign: roundRobin, cooperative: false },
};
