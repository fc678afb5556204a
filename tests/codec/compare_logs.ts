/**
 * Logs read twice, by our client and by Kafka's own in Java: line by line they have to be the same.
 * @module
 */
import { forEachBatch } from "../../src/codec/batch_header.ts";
import type { JavaProgram } from "../../tools/interop/java.ts";
import { assertEquals } from "../assert.ts";
import { readLog, type Span } from "./read_log.ts";

/** What was met in the batches, counted. */
export interface Seen {
  /** By the compression's number. */
  readonly compressions: Record<number, number>;
  /** Records that were compared. */
  records: number;
  /** Batches whose times the broker has set. */
  appendTime: number;
  /** Batches with a marker. */
  control: number;
  /** Batches that compaction has left without records. */
  empty: number;
  /** Batches with records taken out, or with offsets missing before them. */
  gaps: number;
  /** Batches that say when their tombstones may go. */
  horizon: number;
  /** Aborted transactions that the broker named. */
  aborted: number;
}

interface Part extends Span {
  readonly lines: ReadonlyArray<string>;
}

/** Each partition of a dump, with its lines and its end. */
function partsOf(dump: ReadonlyArray<string>): Array<Part> {
  const parts: Array<Part> = [];
  for (const line of dump) {
    const [topic, partition, end, position] = line.split(" ", 4);
    if (end !== "end") continue;
    const lines = dump.filter((line) => line.startsWith(`${topic} ${partition} `));
    parts.push({ topic, partition: Number(partition), end: Number(position), lines });
  }
  return parts;
}

/** Compares line by line and shows the first that differs. */
export function assertSameLines(ours: ReadonlyArray<string>, theirs: ReadonlyArray<string>): void {
  const at = theirs.findIndex((line, i) => line !== ours[i]);
  if (at >= 0) assertEquals(ours[at]?.slice(0, 300), theirs[at].slice(0, 300), `line ${at} of ${theirs.length}`);
  assertEquals(ours.length, theirs.length);
}

/**
 * Reads all partitions of `topics` with both clients, ours also from positions in the middle and in answers so small that
 * batches are cut short at their ends. Throws at the first difference.
 */
export async function compareLogs(brokers: string, java: JavaProgram, topics: ReadonlyArray<string>): Promise<Seen> {
  const parts = partsOf(await java.run(["dump", brokers, ...topics]));
  assertEquals([...new Set(parts.map(({ topic }) => topic))].sort(), [...topics].sort());
  const seen: Seen = {
    compressions: {},
    records: 0,
    appendTime: 0,
    control: 0,
    empty: 0,
    gaps: 0,
    horizon: 0,
    aborted: 0,
  };
  for (const part of parts) {
    const lines = await readLog(brokers, [part], {}, ({ aborted, bytes }) => {
      seen.aborted += aborted.length;
      look(seen, bytes);
    });
    assertSameLines(lines, part.lines);
    seen.records += lines.length - 1;
  }
  const suffixes = parts.flatMap((part) =>
    [1, 3].map((n) => {
      const from = Math.floor(part.end * n / 4) + n;
      const offset = (line: string) => line.split(" ", 3)[2];
      const lines = part.lines.filter((line) => offset(line) === "end" || Number(offset(line)) >= from);
      return { ...part, from, lines };
    })
  );
  const lines = await readLog(brokers, suffixes, { partitionMaxBytes: 2_500 });
  assertSameLines(lines, suffixes.flatMap(({ lines }) => lines));
  return seen;
}

function look(seen: Seen, bytes: Uint8Array): void {
  let last = -1;
  forEachBatch(bytes, ({ attributes, baseOffset, lastOffsetDelta, count }) => {
    const compression = attributes & 7;
    seen.compressions[compression] = (seen.compressions[compression] ?? 0) + 1;
    if ((attributes & 0x08) !== 0) seen.appendTime++;
    if ((attributes & 0x20) !== 0) seen.control++;
    if ((attributes & 0x40) !== 0) seen.horizon++;
    if (count === 0) seen.empty++;
    else if (count <= lastOffsetDelta || (last >= 0 && baseOffset > last + 1)) seen.gaps++;
    last = baseOffset + lastOffsetDelta;
  });
}
