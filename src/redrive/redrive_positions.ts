/**
 * Where a reading of a dead-letter topic begins and ends, and what of it was redriven before.
 * @module
 */
import { Effect } from "effect";
import type { OffsetAdmin } from "../admin/offset_admin.ts";
import { persist } from "../admin/persistence.ts";
import { type AdminError, groupError } from "../admin/refusals.ts";
import { presentTopics } from "../admin/topic_metadata.ts";
import type { Cluster, Offsets } from "../client/port.ts";
import { ConnectionError } from "../errors.ts";
import { partitionKey } from "../record.ts";
import type { OffsetRun } from "../runtime/frontier.ts";
import { decodeOffsetMap, type Origin, originOf } from "../runtime/offset_map.ts";
import type { LetterRange } from "./letter_reader.ts";

/** One partition's part. */
export interface LetterPlace extends LetterRange {
  /** Stretches that earlier runs have redriven. */
  readonly redriven: ReadonlyArray<OffsetRun>;
  /** Which topic of its name this is: offsets that were committed in another are not its own. */
  readonly origin: Origin | undefined;
}

/** All partitions of a topic: from what the group has committed to the ends at this time. */
export const letterPlaces: (
  cluster: Cluster,
  offsets: Offsets,
  logs: OffsetAdmin,
  groupId: string,
  topic: string,
  timeout: number,
) => Effect.Effect<ReadonlyArray<LetterPlace>, AdminError> = Effect.fnUntraced(
  function* (cluster, offsets, logs, groupId, topic, timeout) {
    const [{ topicId }] = yield* persist(() => presentTopics(cluster, [topic]), timeout, `topic ${topic}`);
    yield* persist(() => cluster.refresh([topic]), timeout, `topic ${topic}`);
    const partitions = yield* persist(() => logs.expand([topic]), timeout, `topic ${topic}`);
    const late = () =>
      Effect.fail(new ConnectionError(`group ${groupId}`, "timeout", `no answer within ${timeout} ms`));
    const committed = yield* offsets.committed(groupId, partitions).pipe(
      Effect.mapError(({ code, message }) => groupError(groupId, code, message)),
      Effect.timeoutOrElse({ duration: timeout, orElse: late }),
    );
    const [starts, ends] = yield* Effect.all([logs.list([topic], "earliest"), logs.list([topic], "latest")]);
    const endOf = new Map(ends.map(({ partition, offset }) => [partitionKey(topic, partition), offset]));
    const positions = new Map(committed.map((one) => [one.partition, one]));
    const origin = originOf(topicId, partitions.length);
    return starts.map(({ partition, offset: start }) => {
      const end = endOf.get(partitionKey(topic, partition)) ?? start;
      const { offset, metadata } = positions.get(partition) ?? { offset: -1, metadata: "" };
      const map = decodeOffsetMap(offset, metadata);
      // A position of a topic that is no more, or of a log's end that was lost: to send twice is better than never.
      const foreign = map.origin !== undefined && origin !== undefined && map.origin.topic !== origin.topic;
      const from = foreign || offset > end ? start : Math.max(start, offset);
      return { topic, partition, from, end, topicId, redriven: foreign || offset > end ? [] : map.resolved, origin };
    });
  },
);
