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

/**
 * The ids in the order in which eager assignors serve them: static members by their names, then the others by their ids.
 * So a static member that restarts, which has a new id, is served as before.
 */
export function servingOrder(members: ReadonlyMap<string, Subscription>): ReadonlyArray<string> {
  const name = (id: string) => members.get(id)?.instanceId ?? null;
  return [...members.keys()].sort((a, b) => {
    const [one, other] = [name(a), name(b)];
    if (one === null && other === null) return compare(a, b);
    return one === null ? 1 : other === null ? -1 : compare(one, other);
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A way to share out. */
export interface Assignor {
  /** The leader's part. */
  readonly assign: Assign;
  /** Whether members keep their partitions through a rebalance; otherwise they give up all of them before they join. */
  readonly cooperative: boolean;
}
