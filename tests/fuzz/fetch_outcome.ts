/**
 * What the client makes of a Fetch answer, and how that differs from what it makes of the answer as it was sent.
 * @module
 */
import { Buffer } from "node:buffer";
import { digest } from "../../src/client/fetch/fetch_answer.ts";
import { FetchPartition, type FetchRouter } from "../../src/client/fetch/fetch_partition.ts";
import type { FetchedChunk } from "../../src/client/port.ts";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { forEachBatch } from "../../src/codec/batch_header.ts";
import { CorruptRecordError } from "../../src/errors.ts";
import { Malformed } from "../../src/link/kafkajs/requests/reader.ts";
import type { Answer, Request } from "../../src/link/protocol.ts";
import { partitionKey } from "../../src/record.ts";
import { readAnswer, type RecordedAnswer } from "./answers.ts";

/**
 * From harmless to harmful. `refused`: fetched again. `prefix`: a part is fetched later, nothing is missing or wrong.
 * `error`, `fewer`, `more`, `moved`: each record is as it was written, but whether it is there and at which offset follows
 * fields outside every CRC: an error code, an offset, an aborted transaction. `wrong`: a record that nobody has written.
 */
export const verdicts = ["same", "prefix", "refused", "error", "fewer", "more", "moved", "wrong"] as const;
export type Verdict = (typeof verdicts)[number];

/** What a partition got. */
interface Part {
  /** What the client did instead of taking records, if it did. */
  readonly event: string;
  readonly next: number;
  readonly offsets: ReadonlyArray<number>;
  readonly contents: ReadonlyArray<string>;
}

type Outcome = ReadonlyMap<string, Part> | null;

/** A recorded answer, with what it says undamaged. */
export interface FetchCase {
  readonly recorded: RecordedAnswer;
  readonly parts: ReadonlyMap<string, Part>;
  /** By partition, positions at which a batch ends, and how many records are given up to there. */
  readonly steps: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Where the fields stand that others rely on. */
  readonly fields: ReadonlyArray<number>;
}

/** What is read of one chunk, all of it looked at. */
function readChunk(chunk: FetchedChunk, checkCrc: boolean): Part {
  const records = decodeRecords(chunk.bytes, { ...chunk, checkCrc });
  const offsets: Array<number> = [];
  const contents: Array<string> = [];
  for (let i = 0; i < records.length; i++) {
    offsets.push(records.offset(i));
    const value = records.value(i);
    let text = `${records.timestamp(i)} ${records.keyId(i)} ${value === null ? null : latin1(value)}`;
    for (const [name, content] of records.headers(i)) text += ` ${name}=${content === null ? null : latin1(content)}`;
    contents.push(text);
  }
  return { event: "", next: chunk.next, offsets, contents };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** Reads an answer as the fetcher and the partition do; null when it is refused as a whole. */
function outcome(recorded: RecordedAnswer, payload: Uint8Array, checkCrc: boolean): Outcome {
  const request = recorded.request as Request<"Fetch">;
  let answer: Answer<"Fetch">;
  try {
    answer = readAnswer(recorded, payload) as Answer<"Fetch">;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
  const asked = new Map<string, FetchPartition>();
  const parts = new Map<string, Part>();
  const note = (partition: FetchPartition, event: string) => {
    const { topic, partition: number, position: next } = partition;
    parts.set(partitionKey(topic, number), { event, next, offsets: [], contents: [] });
  };
  const ignore = { deliver: () => {}, idle: () => {}, reset: () => {}, failed: () => {} };
  for (const { name: topic, topicId, partitions } of request.topics) {
    for (const { partition, fetchOffset } of partitions) {
      const one = new FetchPartition({ topic, partition }, fetchOffset, ignore, "fail", topicId);
      asked.set(partitionKey(topic, partition), one);
      note(one, "nothing");
    }
  }
  const router: FetchRouter = {
    astray: (partition) => note(partition, "astray"),
    closer: (partition) => note(partition, "closer"),
    failed: (partition) => note(partition, "failed"),
    reset: (partition) => note(partition, "reset"),
    relocate: () => {},
    rack: () => "",
  };
  const result = digest(answer, asked, new Map(), router, request.isolationLevel === 1);
  for (const partition of result.outside) note(partition, "outside");
  for (const { partition } of result.cut) note(partition, "cut");
  for (const { partition, chunk } of result.deliveries) {
    if (chunk === null) continue;
    try {
      parts.set(partitionKey(chunk.topic, chunk.partition), readChunk(chunk, checkCrc));
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error;
      note(partition, "corrupt");
    }
  }
  if (answer.errorCode !== 0) { for (const partition of asked.values()) note(partition, `error ${answer.errorCode}`); }
  return parts;
}

/** Looks at an undamaged answer; adds the contents of all its records, also those that are not given, to `known`. */
export function fetchCase(recorded: RecordedAnswer, known: Set<string>): FetchCase {
  const parts = outcome(recorded, recorded.payload, true);
  if (parts === null) throw new Error(`${recorded.name} is malformed`);
  const steps = new Map<string, Map<number, number>>();
  const fields: Array<number> = [];
  const answer = readAnswer(recorded, recorded.payload) as Answer<"Fetch">;
  for (const { name, partitions } of answer.topics) {
    for (const { partition, records: bytes } of partitions) {
      const base = bytes.byteOffset - recorded.payload.byteOffset;
      // The partition's own fields stand before its records.
      for (let back = 1; back <= 60 && base - back >= 0; back++) fields.push(base - back);
      const ends = new Map<number, number>();
      const { offsets } = parts.get(partitionKey(name, partition)) as Part;
      forEachBatch(bytes, ({ baseOffset, lastOffsetDelta }, start) => {
        const next = baseOffset + lastOffsetDelta + 1;
        ends.set(next, offsets.filter((offset) => offset < next).length);
        for (const at of [0, 4, 8, 12, 16, 17, 21, 23, 27, 35, 43, 47, 51, 53, 57, 61, 62, 66]) {
          fields.push(base + start + at);
        }
      });
      steps.set(partitionKey(name, partition), ends);
      const all = { topic: name, partition, bytes, from: 0, next: 0, count: 0, highWatermark: Infinity, aborted: [] };
      for (const content of readChunk(all, true).contents) known.add(content);
    }
  }
  return { recorded, parts, steps, fields };
}

/** How what is read of `payload` differs from what was sent. */
export function judge(sent: FetchCase, payload: Uint8Array, checkCrc: boolean, known: ReadonlySet<string>): Verdict {
  const found = outcome(sent.recorded, payload, checkCrc);
  if (found === null) return "refused";
  let worst = 0;
  for (const [key, part] of found) {
    worst = Math.max(worst, verdicts.indexOf(judgePart(part, sent.parts.get(key) as Part, sent.steps.get(key), known)));
  }
  return verdicts[worst];
}

function judgePart(
  part: Part,
  sent: Part,
  steps: ReadonlyMap<number, number> | undefined,
  known: ReadonlySet<string>,
): Verdict {
  if (part.event === "corrupt" || part.event === "astray") return part.event === sent.event ? "same" : "refused";
  if (part.event === "nothing") return sent.event === "nothing" ? "same" : "prefix";
  if (part.event !== "") return part.event === sent.event ? "same" : "error";
  const { length } = part.contents;
  const alike = part.contents.every((content, i) =>
    content === sent.contents[i] && part.offsets[i] === sent.offsets[i]
  );
  if (alike && part.next === sent.next && length === sent.contents.length) return "same";
  if (alike && steps?.get(part.next) === length) return "prefix";
  if (!part.contents.every((content) => known.has(content))) return "wrong";
  if (part.contents.some((content, i) => sent.offsets[sent.contents.indexOf(content)] !== part.offsets[i])) {
    return part.contents.every((content) => sent.contents.includes(content)) ? "moved" : "more";
  }
  return "fewer";
}
