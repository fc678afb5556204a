/**
 * ListOffsets: a log's first offset, its end, or the first record as young as a timestamp.
 * Source: Apache Kafka's protocol guide (ListOffsets).
 * @module
 */
import { decodeRecords } from "../../codec/batch_decoder.ts";
import { ErrorCode } from "../error_code.ts";
import type { Answer, Request } from "../protocol.ts";
import type { Moment } from "./moment.ts";
import { leaderEpoch, type PartitionLog } from "./log/partition_log.ts";
import { perPartition } from "./per_partition.ts";
import type { Topics } from "./topics.ts";

const latest = -1;
const earliest = -2;

/** Answers it. */
export function listOffsets(topics: Topics, request: Request<"ListOffsets">, now: Moment): Answer<"ListOffsets"> {
  return {
    throttleTimeMs: 0,
    topics: perPartition(request.topics, (name, { partition, currentLeaderEpoch, timestamp }) => {
      const log = topics.log(name, partition);
      const answer = (errorCode: number, offset = -1, at = -1) => ({ partition, errorCode, offset, timestamp: at });
      if (log === undefined) return answer(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      if (currentLeaderEpoch > leaderEpoch) return answer(ErrorCode.UNKNOWN_LEADER_EPOCH);
      topics.expire(name, partition, log, now);
      if (timestamp === latest) return answer(0, log.endOffset);
      if (timestamp === earliest) return answer(0, log.startOffset);
      // Codes for other places in a log are of later versions.
      if (timestamp < earliest) return answer(ErrorCode.UNSUPPORTED_VERSION);
      return answer(0, ...firstAt(log, timestamp));
    }),
  };
}

/** Offset and timestamp of the first record this late or later, or of none. */
function firstAt(log: PartitionLog, timestamp: number): readonly [offset: number, timestamp: number] | [] {
  const found = log.search(timestamp, (batch): readonly [number, number] | null => {
    const records = decodeRecords(batch, { from: log.startOffset, aborted: [], checkCrc: false });
    for (let i = 0; i < records.length; i++) {
      if (records.timestamp(i) >= timestamp) return [records.offset(i), records.timestamp(i)];
    }
    return null;
  });
  return found ?? [];
}
