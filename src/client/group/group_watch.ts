/**
 * Watches the topics of a group: a topic that comes into being or gets more partitions is a reason for another round.
 * @module
 */
import { Effect } from "effect";
import { partitionCounts } from "./group_leader.ts";
import type { Cluster } from "../port.ts";
import type { Warnings } from "../warnings.ts";

/** How soon a topic that is missing is looked for again, in milliseconds. */
const missingMaxAge = 2_000;

/** What one member watches. */
export class GroupWatch {
  /** The partitions per topic that the present assignment rests on, as far as this member knows. */
  counts: ReadonlyMap<string, number> = new Map();
  /** Whether this member leads the group. */
  leads = false;

  /** `changed` is called when another round is due. */
  constructor(
    private readonly cluster: Cluster,
    private readonly groupId: string,
    private readonly maxAge: number,
    private readonly warnings: Warnings,
    private readonly changed: () => void,
  ) {}

  /** Looks again and again. Never ends by itself. */
  readonly run: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    for (let late = false;;) {
      const missing = [...this.counts].find(([, count]) => count === 0);
      if (missing !== undefined) {
        yield* this.warnings.warn(missing[0], `group ${this.groupId}: topic ${missing[0]} does not exist yet`);
      }
      yield* Effect.sleep(missing === undefined ? this.maxAge : Math.min(this.maxAge, missingMaxAge));
      const topics = [...this.counts.keys()];
      yield* Effect.result(this.cluster.refresh(topics));
      const now = partitionCounts(this.cluster, topics);
      const changed = topics.some((topic) => now.get(topic) !== this.counts.get(topic));
      // It is the leader's to act. But there may be none that looks: a static member that has restarted does not learn
      // that it leads. So the others act when nothing has happened for a while.
      if (changed && (this.leads || late)) this.changed();
      late = changed;
    }
  });
}
