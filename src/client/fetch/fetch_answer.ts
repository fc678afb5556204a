/**
 * What a Fetch answer means, partition by partition.
 * @module
 */
import { type ConfirmedBatches, confirmedBatches, scanBatches } from "../../codec/batch_header.ts";
import { CorruptRecordError, KafkaError } from "../../errors.ts";
import { ErrorCode, errorName } from "../../link/error_code.ts";
import { isTransient } from "../cluster/leader_trouble.ts";
import type { Answer, FetchedPartition } from "../../link/protocol.ts";
import { partitionKey } from "../../record.ts";
import type { FetchPartition, FetchRouter } from "./fetch_partition.ts";
import type { FetchedChunk } from "../port.ts";

/** A chunk and who asked for it. */
export interface Delivery {
  /** Who asked. */
  readonly partition: FetchPartition;
  /** What came, or null when nothing but the high watermark did. */
  readonly chunk: FetchedChunk | null;
  /** The partition's high watermark. */
  readonly highWatermark: number;
}

/** What is left to do after an answer. */
export interface Digest {
  /** To be delivered, once the next request is on its way. */
  readonly deliveries: Array<Delivery>;
  /** Positions that lie outside the log, to be set anew. */
  readonly outside: Array<FetchPartition>;
  /** Positions below which the log was cut off, and where. */
  readonly cut: Array<{ readonly partition: FetchPartition; readonly at: number }>;
  /** Whether any records came. */
  data: boolean;
}

/** How often a corrupt chunk is fetched again before its partition fails. */
const corruptRetries = 3;

/**
 * Reads an answer: positions move on by the batch headers alone, so that the next request need not wait for records to
 * be decoded. `asked` is in the order of fairness and is changed: whoever got data goes to its end. `committed` says
 * whether committed records were asked for.
 */
export function digest(
  answer: Answer<"Fetch">,
  asked: ReadonlyMap<string, FetchPartition>,
  order: Map<string, FetchPartition>,
  router: FetchRouter,
  committed: boolean,
): Digest {
  const result: Digest = { deliveries: [], outside: [], cut: [], data: false };
  for (const { name, partitions } of answer.topics) {
    for (const part of partitions) {
      const key = partitionKey(name, part.partition);
      const partition = asked.get(key);
      if (partition === undefined || !partition.live) continue;
      if (part.errorCode !== ErrorCode.NONE) refused(partition, part, result, router);
      else if (part.preferredReadReplica >= 0) router.closer(partition, part.preferredReadReplica);
      else if (accept(partition, part, result, router, committed) && order.delete(key)) order.set(key, partition);
    }
  }
  return result;
}

/** Takes a part without error; true if it held records. */
function accept(
  partition: FetchPartition,
  part: FetchedPartition,
  result: Digest,
  router: FetchRouter,
  committed: boolean,
): boolean {
  const { topic, position: from } = partition;
  const { highWatermark, abortedTransactions: aborted } = part;
  partition.failures = 0;
  if (part.divergingEpoch !== undefined) {
    const at = partition.parting(part.divergingEpoch.epoch, part.divergingEpoch.endOffset);
    if (at < from) result.cut.push({ partition, at });
    else partition.forget(); // or the leader would say the same at once, again and again
    return false;
  }
  if (part.records.length === 0) {
    result.deliveries.push({ partition, chunk: null, highWatermark });
    return false;
  }
  result.data = true;
  let confirmed: ConfirmedBatches;
  let next: number;
  let count: number;
  let bytes: Uint8Array;
  try {
    confirmed = confirmedBatches(part.records, highWatermark, partition.leaderEpoch);
    bytes = part.records.subarray(0, confirmed.end);
    ({ next, count } = scanBatches(bytes, from));
    if (next <= from && confirmed.beyond && partition.corrupt > 0) {
      throw new CorruptRecordError(`a batch beyond the high watermark ${highWatermark}`, confirmed.end);
    }
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    // The log is seldom damaged, a transfer may be: the same bytes again would look the same.
    if (partition.corrupt++ >= corruptRetries) {
      router.failed(partition, new CorruptRecordError(error.detail, error.at, partition, { cause: error }));
    } else {
      router.astray(partition);
    }
    return false;
  }
  if (next <= from) {
    // Less than one batch came: it is given whole to whoever stands first, so this partition keeps its place. Or the
    // first one is not confirmed: it will be by the next answer, or is wrong.
    partition.corrupt = confirmed.beyond ? 1 : 0;
    return false;
  }
  partition.corrupt = 0;
  partition.position = next;
  partition.fetched(confirmed.epoch, from);
  result.deliveries.push({
    partition,
    chunk: { topic, partition: part.partition, bytes, from, next, count, highWatermark, aborted, committed },
    highWatermark,
  });
  return true;
}

function refused(partition: FetchPartition, part: FetchedPartition, result: Digest, router: FetchRouter): void {
  const { topic, position } = partition;
  if (part.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
    // A replica that lags behind has not got there yet: its leader decides.
    if (partition.following) router.astray(partition);
    else result.outside.push(partition);
  } else if (isTransient(part.errorCode)) {
    router.astray(partition);
  } else {
    const where = `${topic}/${part.partition}@${position}`;
    router.failed(partition, new KafkaError(part.errorCode, errorName(part.errorCode), "Fetch", where));
  }
}
