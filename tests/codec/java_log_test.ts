import { forEachBatch } from "../../src/codec/batch_header.ts";
import { compressionCode } from "../../src/codec/compression.ts";
import { javaProgram } from "../../tools/interop/java.ts";
import { assert, assertEquals } from "../assert.ts";
import { javaTest } from "../support/java_client.ts";
import { freshName } from "../support/kafka_broker.ts";
import { readLog, type Span } from "./read_log.ts";

const all = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** What the other client dumped: its lines, and each partition with its end. */
function partsOf(dump: ReadonlyArray<string>): Array<Span & { readonly lines: ReadonlyArray<string> }> {
  const parts: Array<Span & { lines: Array<string> }> = [];
  for (const line of dump) {
    const [topic, partition, end, position] = line.split(" ", 4);
    if (end !== "end") continue;
    const prefix = `${topic} ${partition} `;
    const lines = dump.filter((line) => line.startsWith(prefix));
    parts.push({ topic, partition: Number(partition), end: Number(position), lines });
  }
  return parts;
}

/** Compares line by line and shows the first that differs. */
function assertSameLines(ours: ReadonlyArray<string>, theirs: ReadonlyArray<string>): void {
  const at = theirs.findIndex((line, i) => line !== ours[i]);
  if (at >= 0) assertEquals(ours[at]?.slice(0, 300), theirs[at].slice(0, 300), `line ${at} of ${theirs.length}`);
  assertEquals(ours.length, theirs.length);
}

javaTest("the client reads, record by record, what Kafka's own client reads of logs of every kind", async (brokers) => {
  const java = await javaProgram("RecordLogs");
  const prefix = freshName("java");
  const plain = all.map((compression) => `${prefix}-${compression}`);
  const topics = [
    ...plain,
    ...["append", "transactions", "compacted", "emptied"].map((kind) => `${prefix}-${kind}`),
  ];
  await java.run([
    ...all.flatMap((compression, i) => ["plain", brokers, plain[i], compression, "400", "+"]),
    ...["plain", brokers, `${prefix}-append`, all.join(","), "200", "+"],
    ...["transactions", brokers, `${prefix}-transactions`, "150", "+"],
    ...["compacted", brokers, `${prefix}-compacted`, "lz4", "100000000", "+"],
    ...["compacted", brokers, `${prefix}-emptied`, "none", "1"],
  ]);
  const parts = partsOf(await java.run(["dump", brokers, ...topics]));
  assertEquals(parts.length, topics.length + 1);

  const seen = {
    compressions: new Set<number>(),
    appendTime: 0,
    control: 0,
    empty: 0,
    gaps: 0,
    horizon: 0,
    aborted: 0,
  };
  for (const part of parts) {
    const lines = await readLog(brokers, [part], {}, (chunk) => {
      seen.aborted += chunk.aborted.length;
      let last = -1;
      forEachBatch(chunk.bytes, ({ attributes, baseOffset, lastOffsetDelta, count }) => {
        seen.compressions.add(attributes & 7);
        if ((attributes & 0x08) !== 0) seen.appendTime++;
        if ((attributes & 0x20) !== 0) seen.control++;
        if ((attributes & 0x40) !== 0) seen.horizon++;
        if (count === 0) seen.empty++;
        else if (count <= lastOffsetDelta || baseOffset > last + 1) seen.gaps++;
        last = baseOffset + lastOffsetDelta;
      });
    });
    assertSameLines(lines, part.lines);
  }
  // The logs did have what they were made for.
  assertEquals([...seen.compressions].sort(), all.map(compressionCode));
  const { compressions: _, ...counts } = seen;
  for (const [kind, count] of Object.entries(counts)) assert(count > 0, `${kind}: ${count}`);

  // From anywhere, and in answers so small that batches are cut short at their ends.
  const suffixes = parts.flatMap((part) =>
    [1, 2, 3].map((n) => {
      const from = Math.floor(part.end * n / 4) + n;
      const lines = part.lines.filter((line) =>
        line.split(" ", 3)[2] === "end" || Number(line.split(" ", 3)[2]) >= from
      );
      return { ...part, from, lines };
    })
  );
  for (const partitionMaxBytes of [1, 2_500]) {
    const lines = await readLog(brokers, suffixes, { partitionMaxBytes });
    assertSameLines(lines, suffixes.flatMap(({ lines }) => lines));
  }
});
