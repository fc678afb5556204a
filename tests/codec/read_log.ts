/**
 * A topic as our client reads it: a line per record in the form in which the other clients' programs dump theirs.
 * @module
 */
import { Deferred, Effect, Exit } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { type FetcherOptions, makeFetcher } from "../../src/client/fetch/fetcher.ts";
import type { FetchedChunk } from "../../src/client/port.ts";
import { decodeRecords, type Records } from "../../src/codec/batch_decoder.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";

/** A partition and where to read it: from a position up to an end. */
export interface Span {
  readonly topic: string;
  readonly partition: number;
  readonly from?: number;
  readonly end: number;
}

/** Bytes as hex digits, or "null". */
export function hex(bytes: Uint8Array | null): string {
  return bytes?.toHex() ?? "null";
}

/** The records as lines. */
export function recordLines(topic: string, partition: number, records: Records): Array<string> {
  const utf8 = new TextEncoder();
  return Array.from({ length: records.length }, (_, i) => {
    const headers = records.headers(i).map(([name, value]) => ` ${hex(utf8.encode(name))}=${hex(value)}`).join("");
    const fields = [records.offset(i), records.timestamp(i), hex(records.key(i)), hex(records.value(i))];
    return `${topic} ${partition} ${fields.join(" ")}${headers}`;
  });
}

/**
 * Reads each span through cluster, fetcher and decoder on the kafkajs link. The last line of a span is
 * "TOPIC PARTITION end POSITION". `visit` sees each chunk.
 */
export function readLog(
  brokers: string,
  spans: ReadonlyArray<Span>,
  options: FetcherOptions = {},
  visit: (chunk: FetchedChunk) => void = () => {},
): Promise<Array<string>> {
  return Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const cluster = yield* makeCluster(yield* makeKafkajsLink({ brokers }));
    yield* cluster.refresh([...new Set(spans.map(({ topic }) => topic))]);
    const fetcher = yield* makeFetcher(cluster, { maxWait: 50, ...options });
    const lines: Array<string> = [];
    for (const { topic, partition, from = 0, end } of spans) {
      const done = yield* Deferred.make<void, Error>();
      const target = {
        deliver: (chunk: FetchedChunk) => {
          try {
            visit(chunk);
            const records = decodeRecords(chunk.bytes, chunk);
            for (const line of recordLines(topic, partition, records)) lines.push(line);
            if (records.next !== chunk.next) throw new Error(`next is ${records.next}, was said to be ${chunk.next}`);
            if (chunk.next < end) return;
            fetcher.remove({ topic, partition });
            lines.push(`${topic} ${partition} end ${chunk.next}`);
            Deferred.doneUnsafe(done, Exit.void);
          } catch (error) {
            Deferred.doneUnsafe(done, Exit.fail(error as Error));
          }
        },
        idle: () => {},
        reset: () => Deferred.doneUnsafe(done, Exit.fail(new Error("the position was set anew"))),
        failed: (error: Error) => Deferred.doneUnsafe(done, Exit.fail(error)),
      };
      fetcher.add({ topic, partition }, from, target, "fail");
      if (from < end) yield* Deferred.await(done);
      else lines.push(`${topic} ${partition} end ${from}`);
      fetcher.remove({ topic, partition });
    }
    return lines;
  })));
}
