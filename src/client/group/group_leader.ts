/**
 * The leader's part in a rebalance.
 * @module
 */
import { Effect } from "effect";
import type { ConnectionError } from "../../errors.ts";
import type { Answer, Request } from "../../link/protocol.ts";
import { assignors } from "./assignors.ts";
import type { Cluster } from "../port.ts";
import { decodeSubscription, encodeAssignment, type Subscription } from "./subscription.ts";
import type { Warnings } from "../warnings.ts";

/** Partitions per topic as known now; 0 where the topic is not known. */
export function partitionCounts(cluster: Cluster, topics: Iterable<string>): Map<string, number> {
  return new Map(Array.from(topics, (topic) => [topic, cluster.topic(topic)?.partitions.length ?? 0]));
}

/** What the leader has made up. */
export interface Plan {
  readonly assignments: Request<"SyncGroup">["assignments"];
  /** The counts it rests on, of all topics that any member wants. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Shares the partitions of all topics that any member wants, ours or not, out among the members. */
export const shareOut: (
  cluster: Cluster,
  joined: Answer<"JoinGroup">,
  warnings: Warnings,
) => Effect.Effect<Plan, ConnectionError> = Effect.fnUntraced(
  function* (cluster: Cluster, joined: Answer<"JoinGroup">, warnings: Warnings) {
    const members = new Map<string, Subscription>();
    for (const { memberId, groupInstanceId, metadata } of joined.members) {
      try {
        members.set(memberId, { ...decodeSubscription(metadata), instanceId: groupInstanceId });
      } catch (cause) {
        members.set(memberId, { topics: [], owned: new Map(), generation: -1 });
        yield* warnings.warn(
          memberId,
          `member ${memberId} gets no partitions: its subscription can't be read: ${cause}`,
        );
      }
    }
    const topics = new Set([...members.values()].flatMap((subscription) => subscription.topics));
    const refreshed = yield* Effect.result(cluster.refresh([...topics]));
    const counts = partitionCounts(cluster, topics);
    // What was known before will do for topics that are known; the counts are looked at again later.
    if (refreshed._tag === "Failure" && [...counts.values()].includes(0)) return yield* Effect.fail(refreshed.failure);
    const shares = assignors[joined.protocolName].assign(members, counts);
    const assignments = [...shares].map(([memberId, share]) => ({ memberId, assignment: encodeAssignment(share) }));
    return { assignments, counts };
  },
);
