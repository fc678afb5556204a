/**
 * Produce: checks a batch as a broker does and appends it.
 * Source: Apache Kafka's protocol guide (Produce) and documentation, "Message Format".
 * @module
 */
import {
  type BatchHeader,
  CONTROL,
  crcMatches,
  HEADER_SIZE,
  LENGTH_END,
  MAGIC,
  readBatchHeader,
  TRANSACTIONAL,
} from "../../codec/batch_header.ts";
import { ErrorCode } from "../error_code.ts";
import type { Answer, ApiName, Request } from "../protocol.ts";
import type { PendingCall } from "./pending_call.ts";
import { perPartition } from "./per_partition.ts";
import type { Topics } from "./topics.ts";

type Produced = Answer<"Produce">["topics"][number]["partitions"][number];

/** Whether this call is one that no broker answers: Produce with acks 0. */
export function unanswered(call: PendingCall<ApiName> | PendingCall<"Produce">): call is PendingCall<"Produce"> {
  return call.api === "Produce" && (call.request as Request<"Produce">).acks === 0;
}

/** Answers it. */
export function produce(topics: Topics, request: Request<"Produce">): Answer<"Produce"> {
  const valid = [-1, 0, 1].includes(request.acks);
  return {
    throttleTimeMs: 0,
    topics: perPartition(
      request.topics,
      (topic, { partition, records }) =>
        valid ? append(topics, topic, partition, records) : refused(partition, ErrorCode.INVALID_REQUIRED_ACKS),
    ),
  };
}

function append(topics: Topics, name: string, partition: number, bytes: Uint8Array): Produced {
  const topic = topics.get(name);
  const log = topic?.partitions[partition];
  if (topic === undefined || log === undefined) return refused(partition, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  const header = oneBatch(bytes);
  if (typeof header === "number") return refused(partition, header);
  if (bytes.length > topic.maxMessageBytes) return refused(partition, ErrorCode.MESSAGE_TOO_LARGE);
  const errorCode = fault(bytes, header);
  if (errorCode !== 0) return refused(partition, errorCode);
  const verdict = log.producers.judge(header);
  if (verdict._tag === "Refuse") return refused(partition, verdict.errorCode);
  if (verdict._tag === "Duplicate") return stored(partition, verdict.offset);
  const baseOffset = log.append(bytes, header, (batch) => topics.journal.appended(name, partition, batch));
  log.changed.wake();
  return stored(partition, baseOffset);
}

function stored(partition: number, baseOffset: number): Produced {
  return { partition, errorCode: 0, baseOffset, logAppendTimeMs: -1 };
}

function refused(partition: number, errorCode: number): Produced {
  return { partition, errorCode, baseOffset: -1, logAppendTimeMs: -1 };
}

/** The header of the one batch these bytes must be, or an error code. */
function oneBatch(bytes: Uint8Array): BatchHeader | number {
  if (bytes.length < HEADER_SIZE) return ErrorCode.INVALID_RECORD;
  const header = readBatchHeader(bytes, 0);
  if (header.magic !== MAGIC || header.length + LENGTH_END !== bytes.length) return ErrorCode.INVALID_RECORD;
  return header;
}

/** What is wrong with a batch, or 0. */
function fault(bytes: Uint8Array, header: BatchHeader): number {
  if (!crcMatches(bytes, 0, bytes.length)) return ErrorCode.CORRUPT_MESSAGE;
  const { baseOffset, count, lastOffsetDelta, attributes, producerId, baseSequence } = header;
  if (baseOffset !== 0) return ErrorCode.INVALID_RECORD;
  // A client's batch has no gaps: those come only by compaction.
  if (count < 1 || count !== lastOffsetDelta + 1) return ErrorCode.INVALID_RECORD;
  if ((attributes & CONTROL) !== 0) return ErrorCode.INVALID_RECORD;
  if (producerId >= 0n && baseSequence < 0) return ErrorCode.INVALID_RECORD;
  // There are no transactions here.
  if ((attributes & TRANSACTIONAL) !== 0) return ErrorCode.INVALID_RECORD;
  return 0;
}
