import { digest } from "../../src/client/fetch/fetch_answer.ts";
import { FetchPartition, type FetchRouter } from "../../src/client/fetch/fetch_partition.ts";
import { partitionKey } from "../../src/record.ts";
import type { FetchedPartition } from "../../src/link/protocol.ts";
import { assertEquals } from "../assert.ts";
import { batchBytes, concat } from "../codec/batch_bytes.ts";

const two = [{ value: "a" }, { value: "b" }];

/** One partition at position 0 of a leader whose epoch is 3, and what becomes of it. */
function asked() {
  const ignore = { deliver: () => {}, idle: () => {}, reset: () => {}, failed: () => {} };
  const partition = new FetchPartition({ topic: "t", partition: 0 }, 0, ignore, "fail", undefined);
  partition.leaderEpoch = 3;
  const events: Array<string> = [];
  const router: FetchRouter = {
    astray: () => events.push("astray"),
    closer: () => events.push("closer"),
    rack: () => "",
    relocate: () => {},
    reset: () => events.push("reset"),
    failed: (_, error) => events.push(error.message),
  };
  const answer = (records: Uint8Array, part: Partial<FetchedPartition> = {}, committed = true) => {
    const partitions = [{
      partition: 0,
      errorCode: 0,
      highWatermark: 4,
      lastStableOffset: 4,
      logStartOffset: 0,
      abortedTransactions: [],
      preferredReadReplica: -1,
      records,
      ...part,
    }];
    const topics = [{ name: "t", partitions }];
    const key = new Map([[partitionKey("t", 0), partition]]);
    const { deliveries } = digest({ throttleTimeMs: 0, errorCode: 0, topics }, key, new Map(), router, committed);
    return deliveries.map(({ chunk }) => chunk);
  };
  return { partition, events, answer };
}

Deno.test("digest gives the batches below the high watermark and goes on at their end", () => {
  const { partition, events, answer } = asked();
  const first = batchBytes({ baseOffset: 0, records: two });
  const bytes = concat(first, batchBytes({ baseOffset: 2, records: two }));
  // The broker took its high watermark, then two more records were written, then it read the log.
  const [chunk] = answer(bytes, { highWatermark: 2 });
  assertEquals([chunk?.bytes, chunk?.next, chunk?.count], [first, 2, 2]);
  assertEquals(partition.position, 2);
  assertEquals(answer(bytes.subarray(first.length), { highWatermark: 2 }), []);
  assertEquals([partition.position, events], [2, []]);
  assertEquals(answer(bytes.subarray(first.length)).map((chunk) => chunk?.next), [4]);
  assertEquals([partition.position, partition.corrupt, events], [4, 0, []]);
});

Deno.test("digest gives a partition up whose next batch stays beyond the high watermark", () => {
  const { partition, events, answer } = asked();
  const bytes = batchBytes({ baseOffset: 0, records: two });
  for (let i = 0; i < 4; i++) assertEquals(answer(bytes, { highWatermark: 1 }), []);
  assertEquals(partition.position, 0);
  assertEquals(events.slice(0, 2), ["astray", "astray"]);
  assertEquals(events[2], "t/0: corrupt record batch: a batch beyond the high watermark 1 at byte 0");
});

Deno.test("digest keeps a batch cut short for the next answer, however often it comes so", () => {
  const { partition, events, answer } = asked();
  const bytes = batchBytes({ baseOffset: 0, records: two }).subarray(0, 70);
  for (let i = 0; i < 9; i++) assertEquals(answer(bytes), []);
  assertEquals([partition.position, events], [0, []]);
});

Deno.test("digest says of a chunk whether its list of aborted transactions has to be complete", () => {
  for (const committed of [true, false]) {
    const [chunk] = asked().answer(batchBytes({ records: two }), {}, committed);
    assertEquals(chunk?.committed, committed);
  }
});

Deno.test("digest remembers the leader epoch of the last batch, and none that can't be", () => {
  for (const [epoch, remembered] of [[2, 2], [3, 3], [4, -1]]) {
    const { partition, answer } = asked();
    const bytes = batchBytes({ records: two });
    new DataView(bytes.buffer).setInt32(12, epoch);
    assertEquals(answer(bytes).length, 1);
    assertEquals(partition.lastEpoch, remembered);
  }
});
