/**
 * Just enough of Kafka's logs for tests of fetching and producing, behind a scripted link: one test decides who leads,
 * what is refused and which answer gets lost.
 * @module
 */
import { Effect } from "effect";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import { readBatchHeader, setBaseOffset } from "../../src/codec/batch_header.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Answer, FetchedPartition } from "../../src/link/protocol.ts";
import { metadata, type Script, type ScriptedLink, scriptedLink } from "./scripted_link.ts";

interface Stored {
  readonly base: number;
  readonly last: number;
  readonly bytes: Uint8Array;
}

interface Producer {
  next: number;
  readonly recent: Array<{ readonly sequence: number; readonly base: number }>;
}

/** One partition's log. */
export class SmallLog {
  readonly batches: Array<Stored> = [];
  readonly producers = new Map<bigint, Producer>();
  start = 0;
  end = 0;

  append(bytes: Uint8Array, epoch = 0): number {
    const copy = bytes.slice();
    const header = readBatchHeader(copy, 0);
    setBaseOffset(copy, 0, this.end, epoch);
    this.batches.push({ base: this.end, last: this.end + header.lastOffsetDelta, bytes: copy });
    const base = this.end;
    this.end += header.lastOffsetDelta + 1;
    return base;
  }

  /** Loses everything from `end` on, as an unclean election does. */
  cut(end: number): void {
    while ((this.batches.at(-1)?.last ?? -1) >= end) this.batches.pop();
    this.end = end;
  }

  /** Where the last epoch up to `epoch` ends, and which that is. */
  endOf(epoch: number): { readonly epoch: number; readonly endOffset: number } {
    let last = -1;
    for (const { base, bytes } of this.batches) {
      const { leaderEpoch } = readBatchHeader(bytes, 0);
      if (leaderEpoch > epoch) return { epoch: last, endOffset: base };
      last = leaderEpoch;
    }
    return { epoch: last, endOffset: this.end };
  }

  /** Records as text values, in order. */
  values(): Array<string> {
    const values: Array<string> = [];
    for (const { base, bytes } of this.batches) {
      const records = decodeRecords(bytes, { from: base, aborted: [] });
      for (let i = 0; i < records.length; i++) {
        values.push(new TextDecoder().decode(records.value(i) ?? new Uint8Array()));
      }
    }
    return values;
  }
}

/** A few brokers. */
export class SmallKafka {
  /** Leaders by topic and partition. */
  readonly topics: Record<string, Array<number>> = {};
  readonly logs = new Map<string, SmallLog>();
  /** Topic ids by name. */
  readonly ids: Record<string, string> = {};
  /** Whether this Kafka can be asked for topics by their ids. */
  byId = true;
  leaderEpoch = 0;
  /** The epoch that batches are appended in. */
  appendEpoch = 0;
  producerIds = 1000n;
  readonly link: ScriptedLink;
  #created = 0;
  readonly #watchers = new Set<() => void>();
  readonly script: Required<Pick<Script, "Metadata" | "Fetch" | "ListOffsets" | "Produce" | "InitProducerId">>;

  constructor(readonly nodes: ReadonlyArray<number> = [1], overrides: (kafka: SmallKafka) => Script = () => ({})) {
    this.script = {
      Metadata: ({ topics }) =>
        Effect.sync(() => {
          const known = Object.fromEntries(
            (topics ?? []).filter((t) => t in this.topics).map((t) => [t, this.topics[t]]),
          );
          const answer = metadata(this.nodes, known, this.leaderEpoch);
          const missing = (topics ?? []).filter((t) => !(t in this.topics));
          return {
            ...answer,
            topics: [
              ...answer.topics.map((topic) => ({ ...topic, topicId: this.ids[topic.name] })),
              ...missing.map((name) => ({
                errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                name,
                topicId: "",
                partitions: [],
              })),
            ],
          };
        }),
      Fetch: (request, node) =>
        Effect.suspend(() => {
          const look = (): Answer<"Fetch"> => ({
            throttleTimeMs: 0,
            errorCode: 0,
            topics: request.topics.map(({ name, topicId, partitions }) => ({
              name,
              partitions: partitions.map(({ partition, fetchOffset, lastFetchedEpoch = -1, maxBytes }) => {
                const log = this.logs.get(`${name}/${partition}`);
                let errorCode = 0;
                if (this.byId && topicId !== this.ids[name]) errorCode = ErrorCode.UNKNOWN_TOPIC_ID;
                else if (log === undefined) errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
                else if (this.topics[name][partition] !== node) errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER;
                else if (fetchOffset < log.start || fetchOffset > log.end) errorCode = ErrorCode.OFFSET_OUT_OF_RANGE;
                const known = lastFetchedEpoch < 0 ? undefined : log?.endOf(lastFetchedEpoch);
                if (
                  known !== undefined && (errorCode === 0 || errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) &&
                  (known.epoch < lastFetchedEpoch || known.endOffset < fetchOffset)
                ) return { ...nothing(partition), divergingEpoch: known };
                return {
                  partition,
                  errorCode,
                  highWatermark: log?.end ?? -1,
                  lastStableOffset: log?.end ?? -1,
                  logStartOffset: log?.start ?? -1,
                  abortedTransactions: [],
                  preferredReadReplica: -1,
                  records: errorCode === 0 && log !== undefined ? read(log, fetchOffset, maxBytes) : new Uint8Array(),
                };
              }),
            })),
          });
          const first = look();
          if (
            first.topics.some((t) =>
              t.partitions.some((p) => p.errorCode !== 0 || p.records.length > 0 || p.divergingEpoch)
            )
          ) {
            return Effect.succeed(first);
          }
          const appended = Effect.callback<void>((resume) => {
            const watcher = () => {
              this.#watchers.delete(watcher);
              resume(Effect.yieldNow);
            };
            this.#watchers.add(watcher);
            return Effect.sync(() => void this.#watchers.delete(watcher));
          });
          return Effect.map(Effect.timeoutOption(appended, request.maxWaitMs), look);
        }),
      ListOffsets: ({ topics }) =>
        Effect.sync(() => ({
          throttleTimeMs: 0,
          topics: topics.map(({ name, partitions }) => ({
            name,
            partitions: partitions.map(({ partition, timestamp }) => {
              const log = this.log(name, partition);
              return { partition, errorCode: 0, timestamp: -1, offset: timestamp === -2 ? log.start : log.end };
            }),
          })),
        })),
      Produce: ({ topics }, node) =>
        Effect.sync(() => ({
          throttleTimeMs: 0,
          topics: topics.map(({ name, partitions }) => ({
            name,
            partitions: partitions.map(({ partition, records }) => {
              const [errorCode, baseOffset] = this.#produce(name, partition, records, node);
              return { partition, errorCode, baseOffset, logAppendTimeMs: -1 };
            }),
          })),
        })),
      InitProducerId: () =>
        Effect.sync(() => ({ throttleTimeMs: 0, errorCode: 0, producerId: this.producerIds++, producerEpoch: 0 })),
    };
    this.link = scriptedLink({ ...this.script, ...overrides(this) });
  }

  /** Creates a topic, or changes its leaders. */
  lead(topic: string, leaders: ReadonlyArray<number>): void {
    this.topics[topic] = [...leaders];
    this.ids[topic] ??= this.#newId();
    this.leaderEpoch++;
    leaders.forEach((_, partition) => this.log(topic, partition));
  }

  /** Deletes a topic. */
  delete(topic: string): void {
    for (const partition of this.topics[topic].keys()) this.logs.delete(`${topic}/${partition}`);
    delete this.topics[topic];
    delete this.ids[topic];
    this.notify();
  }

  #newId(): string {
    return `${++this.#created}`.padStart(32, "a");
  }

  log(topic: string, partition: number): SmallLog {
    const key = `${topic}/${partition}`;
    let log = this.logs.get(key);
    if (log === undefined) this.logs.set(key, log = new SmallLog());
    return log;
  }

  /** Appends one batch of these values, `gap` offsets further on. */
  write(topic: string, partition: number, values: ReadonlyArray<string>, gap = 0): void {
    const encoder = new BatchEncoder(0);
    for (const value of values) encoder.add(null, value, [], 0);
    const log = this.log(topic, partition);
    log.end += gap;
    log.append(
      encoder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, compression: "none" }),
      this.appendEpoch,
    );
    this.notify();
  }

  notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #produce(topic: string, partition: number, bytes: Uint8Array, node: number): readonly [number, number] {
    const leader = this.topics[topic]?.[partition];
    if (leader === undefined) return [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1];
    if (leader !== node) return [ErrorCode.NOT_LEADER_OR_FOLLOWER, -1];
    const log = this.log(topic, partition);
    const { producerId, baseSequence, count } = readBatchHeader(bytes, 0);
    const producer = log.producers.get(producerId);
    if (producer !== undefined) {
      const before = producer.recent.find(({ sequence }) => sequence === baseSequence);
      if (before !== undefined) return [0, before.base];
      if (baseSequence !== producer.next) return [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1];
    }
    const base = log.append(bytes);
    const state: Producer = producer ?? { next: 0, recent: [] };
    state.next = baseSequence + count;
    state.recent.push({ sequence: baseSequence, base });
    if (state.recent.length > 5) state.recent.shift();
    log.producers.set(producerId, state);
    this.notify();
    return [0, base];
  }
}

function nothing(partition: number): FetchedPartition {
  return {
    partition,
    errorCode: 0,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: [],
    preferredReadReplica: -1,
    records: new Uint8Array(),
  };
}

function read(log: SmallLog, from: number, maxBytes: number): Uint8Array {
  const parts: Array<Uint8Array> = [];
  let size = 0;
  for (const { last, bytes } of log.batches) {
    if (last < from) continue;
    if (size > 0 && size + bytes.length > maxBytes) break;
    parts.push(bytes);
    size += bytes.length;
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
