/**
 * Produce: checks a batch as a broker does and appends it.
 * Source: Apache Kafka's protocol guide (Produce).
 * @module
 */
import { ErrorCode } from "../error_code.ts";
import type { Answer, ApiName, Request } from "../protocol.ts";
import { StorageError } from "./log/journal.ts";
import type { Moment } from "./moment.ts";
import type { PendingCall } from "./pending_call.ts";
import { perPartition } from "./per_partition.ts";
import { producedBatch, settle } from "./log/produced_batch.ts";
import type { Topics } from "./topics.ts";

type Produced = Answer<"Produce">["topics"][number]["partitions"][number];

/** Whether this call is one that no broker answers: Produce with acks 0. */
export function unanswered(call: PendingCall<ApiName> | PendingCall<"Produce">): call is PendingCall<"Produce"> {
  return call.api === "Produce" && (call.request as Request<"Produce">).acks === 0;
}

/** Answers it. */
export function produce(topics: Topics, request: Request<"Produce">, now: Moment): Answer<"Produce"> {
  const valid = [-1, 0, 1].includes(request.acks);
  return {
    throttleTimeMs: 0,
    topics: perPartition(
      request.topics,
      (topic, { partition, records }) =>
        valid ? append(topics, topic, partition, records, now) : refused(partition, ErrorCode.INVALID_REQUIRED_ACKS),
    ),
  };
}

function append(topics: Topics, name: string, partition: number, bytes: Uint8Array, now: Moment): Produced {
  const topic = topics.get(name);
  const log = topic?.partitions[partition];
  if (topic === undefined || log === undefined) return refused(partition, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  const header = producedBatch(bytes, topic.settings, now.wall);
  if (typeof header === "number") return refused(partition, header);
  const verdict = log.producers.judge(header);
  if (verdict._tag === "Refuse") return refused(partition, verdict.errorCode);
  if (verdict._tag === "Duplicate") return stored(partition, verdict.offset, -1);
  let baseOffset: number;
  try {
    baseOffset = log.append(bytes, header, (batch) => {
      settle(batch, header);
      topics.journal.appended(name, partition, batch);
    });
  } catch (cause) {
    // The other partitions' batches stand.
    if (cause instanceof StorageError) return refused(partition, ErrorCode.KAFKA_STORAGE_ERROR);
    throw cause;
  }
  topics.expire(name, partition, log, now);
  log.changed.wake();
  return stored(partition, baseOffset, topic.settings.logAppendTime ? now.wall : -1);
}

function stored(partition: number, baseOffset: number, logAppendTimeMs: number): Produced {
  return { partition, errorCode: 0, baseOffset, logAppendTimeMs };
}

function refused(partition: number, errorCode: number): Produced {
  return { partition, errorCode, baseOffset: -1, logAppendTimeMs: -1 };
}
