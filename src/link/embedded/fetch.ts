/**
 * Fetch: reads on from given positions; waits at the end of the logs for more.
 * Source: Apache Kafka's protocol guide (Fetch).
 * @module
 */
import { ErrorCode } from "../error_code.ts";
import type { Answer, FetchedPartition, FetchRequestTopic, Request } from "../protocol.ts";
import type { Moment } from "./moment.ts";
import { leaderEpoch, type PartitionLog } from "./log/partition_log.ts";
import type { Topics } from "./topics.ts";
import { Waiting } from "./waiting.ts";

type Asked = Request<"Fetch">["topics"][number]["partitions"][number];

const nothing = new Uint8Array(0);

/** Answers it at once, or waits. */
export function fetch(
  topics: Topics,
  request: Request<"Fetch">,
  now: Moment,
): Answer<"Fetch"> | Waiting<Answer<"Fetch">> {
  const waiting = new WaitingFetch(topics, request, now.monotonic + request.maxWaitMs);
  return waiting.poll(now) ?? waiting;
}

class WaitingFetch extends Waiting<Answer<"Fetch">> {
  readonly #logs: ReadonlyArray<
    FetchRequestTopic<{ readonly asked: Asked; readonly log: PartitionLog | undefined }>
  >;

  constructor(readonly topics: Topics, readonly request: Request<"Fetch">, readonly deadline: number) {
    super();
    this.#logs = request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map((asked) => ({ asked, log: topics.log(name, asked.partition) })),
    }));
  }

  poll(now: Moment): Answer<"Fetch"> | null {
    for (const { name, partitions } of this.#logs) {
      for (const { asked, log } of partitions) {
        if (log !== undefined) this.topics.expire(name, asked.partition, log, now);
      }
    }
    return now.monotonic >= this.deadline || this.#enough() ? this.#read() : null;
  }

  until(): number {
    return this.deadline;
  }

  watch(wake: () => void): () => void {
    const ends: Array<() => void> = [];
    for (const { partitions } of this.#logs) {
      for (const { log } of partitions) if (log !== undefined) ends.push(log.changed.add(wake));
    }
    return () => {
      for (const end of ends) end();
    };
  }

  /** Whether there is as much as was asked for, or an error to tell. */
  #enough(): boolean {
    let missing = this.request.minBytes;
    if (missing <= 0 || this.#logs.length === 0) return true;
    for (const { name, topicId, partitions } of this.#logs) {
      for (const { asked, log } of partitions) {
        if (this.#fault(name, topicId, asked, log) !== 0 || log === undefined) return true;
        missing -= Math.min(log.available(asked.fetchOffset), asked.maxBytes);
        if (missing <= 0) return true;
      }
    }
    return false;
  }

  #read(): Answer<"Fetch"> {
    let room = this.request.maxBytes;
    let empty = true;
    const topics = this.#logs.map(({ name, topicId, partitions }) => ({
      name,
      partitions: partitions.map(({ asked, log }): FetchedPartition => {
        const errorCode = this.#fault(name, topicId, asked, log);
        if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE && log !== undefined && diverges(asked, log)) {
          return { ...refused(asked.partition, 0), divergingEpoch: { epoch: leaderEpoch, endOffset: log.endOffset } };
        }
        if (errorCode !== 0 || log === undefined) return refused(asked.partition, errorCode);
        // Progress is sure: the first batch comes however large it is.
        const records = log.read(asked.fetchOffset, Math.min(asked.maxBytes, room), empty);
        room = Math.max(0, room - records.length);
        if (records.length > 0) empty = false;
        return {
          partition: asked.partition,
          errorCode: 0,
          highWatermark: log.endOffset,
          lastStableOffset: log.endOffset,
          logStartOffset: log.startOffset,
          abortedTransactions: [],
          preferredReadReplica: -1,
          records,
        };
      }),
    }));
    return { throttleTimeMs: 0, errorCode: 0, topics };
  }

  #fault(name: string, topicId: string | undefined, asked: Asked, log: PartitionLog | undefined): number {
    if (topicId !== undefined && this.topics.get(name)?.id !== topicId) return ErrorCode.UNKNOWN_TOPIC_ID;
    // The topic may have been deleted, and even created again, since the wait began.
    if (log === undefined || this.topics.log(name, asked.partition) !== log) {
      return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (asked.currentLeaderEpoch > leaderEpoch) return ErrorCode.UNKNOWN_LEADER_EPOCH;
    const inside = asked.fetchOffset >= log.startOffset && asked.fetchOffset <= log.endOffset;
    return inside ? 0 : ErrorCode.OFFSET_OUT_OF_RANGE;
  }
}

/** Whether the asker has seen records that this log has not: it has one leader, and that one epoch. */
function diverges({ lastFetchedEpoch = -1, fetchOffset }: Asked, log: PartitionLog): boolean {
  return lastFetchedEpoch === leaderEpoch && fetchOffset > log.endOffset;
}

function refused(partition: number, errorCode: number): FetchedPartition {
  return {
    partition,
    errorCode,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: [],
    preferredReadReplica: -1,
    records: nothing,
  };
}
