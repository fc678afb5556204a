/**
 * A group's committed offsets, and the logs' own.
 * @module
 */
import { Clock, Effect, type Scope } from "effect";
import { GroupOffsets } from "./group_offsets.ts";
import { OffsetListing } from "./offset_listing.ts";
import type { Cluster, Membership, Offsets, OffsetToCommit } from "../port.ts";
import type { TopicPartition } from "../../record.ts";
import { Warnings } from "../warnings.ts";

/** Settings of offsets. */
export interface OffsetsOptions {
  /** How long a broker may take for one answer, in milliseconds; default 10,000. */
  readonly requestTimeout?: number;
  /** Whether "latest" stands before open transactions (1, read_committed); default 0, read_uncommitted. */
  readonly isolationLevel?: 0 | 1;
}

/** Keeps one connection per group coordinator and one per leader that was asked; they end with the scope. */
export const makeOffsets: (cluster: Cluster, options?: OffsetsOptions) => Effect.Effect<Offsets, never, Scope.Scope> =
  Effect.fnUntraced(function* (cluster: Cluster, options: OffsetsOptions = {}) {
    const scope = yield* Effect.scope;
    const warnings = new Warnings(yield* Clock.Clock);
    const requestTimeout = options.requestTimeout ?? 10_000;
    const groups = new Map<string, GroupOffsets>();
    const group = (groupId: string) => {
      let offsets = groups.get(groupId);
      if (offsets === undefined) {
        groups.set(groupId, offsets = new GroupOffsets(cluster, groupId, requestTimeout, warnings, scope));
      }
      return offsets;
    };
    const listing = new OffsetListing(cluster, requestTimeout, options.isolationLevel ?? 0, warnings, scope);
    return {
      committed: (groupId: string, partitions: ReadonlyArray<TopicPartition>) => group(groupId).committed(partitions),
      commit: (
        membership: Membership,
        offsets: ReadonlyArray<OffsetToCommit>,
        held: (offset: OffsetToCommit) => boolean = () => true,
      ) => group(membership.groupId).commit(membership, offsets, held),
      list: listing.list.bind(listing),
    };
  });
