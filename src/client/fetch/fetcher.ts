/**
 * Fetches many partitions: one loop, one connection and one outstanding request per broker.
 * @module
 */
import { Clock, Effect, Exit, type Scope } from "effect";
import { partitionKey, type TopicPartition } from "../../record.ts";
import { type ClusterOptions, clusterSchema } from "../cluster/cluster_options.ts";
import { FetchLoop, type FetchSettings } from "./fetch_loop.ts";
import { FetchPartition, type FetchRouter } from "./fetch_partition.ts";
import { type FetcherOptions, fetcherSchema } from "./fetcher_options.ts";
import { forkLoop } from "../loop.ts";
import { monotonicMs } from "../../fiber/monotonic.ts";
import type { Cluster, Fetcher } from "../port.ts";
import { Signal } from "../../fiber/signal.ts";

export type { FetcherOptions } from "./fetcher_options.ts";

/** How often a topic that does not exist any more is looked for, in milliseconds. */
const absentPause = 1_000;

/** Makes a fetcher; its loops and connections end with the scope. */
export const makeFetcher: (
  cluster: Cluster,
  options?: FetcherOptions,
  watch?: ClusterOptions,
) => Effect.Effect<Fetcher, never, Scope.Scope> = Effect.fnUntraced(
  function* (cluster: Cluster, options: FetcherOptions = {}, watch: ClusterOptions = {}) {
    const parsed = fetcherSchema.parse(options);
    const { metadataMaxAge, reconnectBackoff, reconnectBackoffMax } = clusterSchema.parse(watch);
    const settings: FetchSettings = {
      ...parsed,
      isolationLevel: parsed.isolationLevel === "read_uncommitted" ? 0 : 1,
      rackId: parsed.rackId ?? "",
      reconnectBackoff,
      reconnectBackoffMax,
    };
    const scope = yield* Effect.scope;
    const clock = yield* Clock.Clock;
    const partitions = new Map<string, FetchPartition>();
    const loops = new Map<number, FetchLoop>();
    /** Partitions whose leader is looked for. */
    const homeless = new Set<FetchPartition>();
    /** Loops to be started by the router: whoever calls `add` has no fiber to fork from. */
    const unstarted: Array<FetchLoop> = [];
    const wake = new Signal();

    const loopOf = (nodeId: number): FetchLoop => {
      let loop = loops.get(nodeId);
      if (loop === undefined) {
        loops.set(nodeId, loop = new FetchLoop(nodeId, cluster, settings, router, scope));
        unstarted.push(loop);
        wake.raise();
      }
      return loop;
    };

    /** Whether the topic is another than the one its position is in. */
    const replaced = (partition: FetchPartition): boolean => {
      const known = cluster.topic(partition.topic);
      if (known !== undefined) partition.topicId ??= known.topicId;
      return known !== undefined && known.topicId !== partition.topicId;
    };

    const detach = (partition: FetchPartition): void => {
      homeless.delete(partition);
      for (const loop of loops.values()) if (loop.remove(partition)) return;
    };

    /** Puts a partition with its leader; false while none is known. */
    const place = (partition: FetchPartition): boolean => {
      if (replaced(partition) || cluster.absent(partition.topic)) return false;
      const known = cluster.topic(partition.topic)?.partitions.find((p) => p.partition === partition.partition);
      if (known === undefined || known.leader < 0) return false;
      partition.leaderEpoch = known.leaderEpoch;
      partition.following = false;
      const loop = loopOf(known.leader);
      if (loop.has(partition)) return true;
      detach(partition);
      loop.add(partition);
      return true;
    };

    const seek = (partition: FetchPartition, due: number): void => {
      detach(partition);
      partition.due = due;
      homeless.add(partition);
      wake.raise();
    };

    const end = (partition: FetchPartition): void => {
      partition.live = false;
      detach(partition);
      partitions.delete(partitionKey(partition.topic, partition.partition));
    };

    /** A replica that is away or behind would only be named again: for a while the leader is not asked for one. */
    const disappointed = (partition: FetchPartition): void => {
      if (partition.following) partition.leaderUntil = monotonicMs(clock) + metadataMaxAge;
    };

    const router: FetchRouter = {
      astray: (partition) => {
        disappointed(partition);
        seek(partition, monotonicMs(clock) + partition.backoff());
      },
      closer: (partition, nodeId) => {
        partition.following = true;
        partition.followUntil = monotonicMs(clock) + metadataMaxAge;
        detach(partition);
        loopOf(nodeId).add(partition);
      },
      rack: (nodeId) => {
        const now = monotonicMs(clock);
        let rackId = settings.rackId;
        for (const partition of loops.get(nodeId)?.partitions() ?? []) {
          if (partition.following && partition.followUntil <= now) place(partition);
          else if (partition.leaderUntil > now) rackId = "";
        }
        return rackId;
      },
      relocate: (nodeId) => {
        for (const partition of loops.get(nodeId)?.partitions() ?? []) {
          disappointed(partition);
          if (!place(partition) && replaced(partition)) seek(partition, monotonicMs(clock));
        }
      },
      reset: (partition, reset) => {
        const { target } = partition;
        const forward = reset.to !== null && reset.to >= reset.from;
        if (!forward) end(partition);
        target.reset?.(reset);
        if (!forward || !partition.live) return;
        const { topic, partition: number } = partition;
        const { from, to } = reset as { readonly from: number; readonly to: number };
        partition.position = to;
        partition.forget();
        const none = { bytes: new Uint8Array(0), count: 0, aborted: [] };
        target.deliver({ topic, partition: number, from, next: to, highWatermark: to, ...none });
      },
      failed: (partition, error) => {
        end(partition);
        partition.target.failed(error);
      },
    };

    const route = Effect.gen(function* () {
      for (;;) {
        for (let loop = unstarted.pop(); loop !== undefined; loop = unstarted.pop()) {
          yield* forkLoop(`the fetch loop of broker ${loop.nodeId}`, loop.run, scope);
        }
        const now = monotonicMs(clock);
        const due = [...homeless].filter((partition) => partition.due <= now);
        if (due.length === 0) {
          const next = [...homeless].reduce((least, partition) => Math.min(least, partition.due), Infinity);
          yield* wake.waitAtMost(next - now);
          continue;
        }
        const exit = yield* Effect.exit(cluster.refresh([...new Set(due.map(({ topic }) => topic))]));
        for (const partition of due) {
          if (!homeless.has(partition)) continue;
          const { topic, partition: number, failures } = partition;
          if (failures > 0 && failures % 50 === 0 && !cluster.absent(topic)) {
            yield* Effect.logWarning(`${topic}/${number}: still can't be fetched`);
          }
          if (!homeless.has(partition)) continue;
          if (Exit.isSuccess(exit)) {
            if (place(partition)) continue;
            if (replaced(partition)) {
              router.reset(partition, { reason: "recreated", from: partition.position, to: null });
              continue;
            }
          }
          partition.due = monotonicMs(clock) + (cluster.absent(topic) ? absentPause : partition.backoff());
        }
      }
    });
    yield* forkLoop("the fetch router", route, scope);

    const find = ({ topic, partition }: TopicPartition) => partitions.get(partitionKey(topic, partition));

    const setPaused = (where: TopicPartition, paused: boolean): void => {
      const partition = find(where);
      if (partition === undefined || partition.paused === paused) return;
      partition.paused = paused;
      for (const loop of loops.values()) if (loop.has(partition)) loop.changed();
    };

    const fetcher: Fetcher = {
      add: (where, position, target, outOfRange, topicId) => {
        const before = find(where);
        if (before !== undefined) end(before);
        const partition = new FetchPartition(where, position, target, outOfRange, topicId);
        partitions.set(partitionKey(where.topic, where.partition), partition);
        if (!place(partition)) seek(partition, monotonicMs(clock));
      },
      remove: (where) => {
        const partition = find(where);
        if (partition !== undefined) end(partition);
      },
      pause: (where) => setPaused(where, true),
      resume: (where) => setPaused(where, false),
    };
    return fetcher;
  },
);
