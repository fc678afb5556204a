import { Effect } from "effect";
import { actor } from "../../src/actor.ts";
import { ActorFailed } from "../../src/errors.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { chunkOf } from "./fake_fetcher.ts";
import { publishError } from "./fake_sender.ts";
import { Echo, ended, failureOf, gate, Note, note, notes, open, turns } from "./one_partition.ts";

const at = { topic: "notes", partition: 0 };

/** Its CRC is wrong. */
function damaged(from: number) {
  const chunk = chunkOf(at, from, notes(3, ["a"], from));
  chunk.bytes[chunk.bytes.length - 1] ^= 1;
  return chunk;
}

Deno.test("records held never exceed the mailbox's capacity plus one fetch, and fetching goes on when they are fewer", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      mailboxCapacity: 20,
      receive: ({ key }) => key === "slow" ? Effect.sleep(20) : undefined,
    }));
    let most = 0;
    for (let i = 0; i < 400; i++) {
      if (!one.fetcher.paused) one.deliver(notes(5, ["slow", "b", "c"], i * 5));
      most = Math.max(most, one.partition.mailbox.records);
      yield* advance(5);
    }
    assert(most > 20 && most < 25, `${most} were held`);
    assert(one.fetcher.calls.filter((call) => call === "resume").length > 3);
    yield* advance(2_000, 20);
    assertEquals([one.partition.mailbox.records, one.partition.mailbox.bytes], [0, 0]);
  })));

Deno.test("a record that is stuck holds its own chunk only, however much flows past it", () =>
  virtual(Effect.gen(function* () {
    const stuck = gate();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      mailboxBytes: 100_000,
      receive: ({ key }) => key === "stuck" ? stuck.promise : undefined,
    }));
    one.deliver([note("stuck", 0), ...notes(9, ["b"])]);
    const { bytes } = one.partition.mailbox;
    for (let i = 0; i < 1_000; i++) {
      assert(!one.fetcher.paused);
      one.deliver(notes(10, ["b", "c"]));
      yield* Effect.yieldNow;
      yield* Effect.yieldNow;
    }
    yield* turns;
    assertEquals([one.partition.position, one.partition.mailbox.bytes], [0, bytes]);
    assertEquals(one.partition.mailbox.records, 1);
    stuck.open();
    yield* turns;
    assertEquals(one.partition.position, 10_010);
  })));

Deno.test("chunks behind a publication that is not acknowledged count until it is, for they may be needed again", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      mailboxBytes: 3_000,
      receive: ({ n }, context) => n === 0 ? context.publish(Echo, "x") : undefined,
    }));
    let delivered = 0;
    while (!one.fetcher.paused && delivered < 1_000) {
      one.deliver(notes(10, ["b"], delivered));
      delivered += 10;
      yield* turns;
    }
    assert(one.fetcher.paused, "their bytes are bounded");
    assertEquals(one.partition.mailbox.records, 1);
    one.sender.settle();
    assert(!one.fetcher.paused);
    assertEquals([one.partition.position, one.partition.mailbox.bytes], [delivered, 0]);
  })));

Deno.test("a chunk that decompresses to much more is decoded in parts, and what is decompressed counts as held", () =>
  virtual(Effect.gen(function* () {
    const seen: Array<string> = [];
    const first = gate();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      concurrency: 1,
      receive: ({ key, n }) => {
        seen.push(`${key.length} ${n}`);
        return n === 0 ? first.promise : undefined;
      },
    }));
    // A key stands in the value too: a batch of them has ten mebibytes.
    const mebibyte = 1 << 20;
    const batches = [0, 1, 2].map((n) =>
      chunkOf(
        { topic: "notes", partition: 0 },
        n * 2,
        [note("a".repeat(5 * mebibyte), n * 2), note("b", n * 2 + 1)],
        "zstd",
      )
    );
    const bytes = new Uint8Array(batches.reduce((sum, { bytes }) => sum + bytes.length, 0));
    batches.reduce((at, batch) => (bytes.set(batch.bytes, at), at + batch.bytes.length), 0);
    one.partition.deliver({ ...batches[0], bytes, next: 6, count: 6, highWatermark: 6 });
    yield* turns;
    // Two of the batches reach the bound; the third waits as it came.
    const held = one.partition.mailbox.bytes;
    assert(held > 20 * mebibyte && held < 21 * mebibyte, `${held} bytes`);
    first.open();
    yield* turns;
    assertEquals(seen, [0, 1, 2, 3, 4, 5].map((n) => `${n % 2 === 0 ? 5 * mebibyte : 1} ${n}`));
    assertEquals([one.partition.position, one.partition.mailbox.records, one.partition.mailbox.bytes], [6, 0, 0]);
  })));

Deno.test("records that are open again after a failed publish count against the bound", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      mailboxCapacity: 5,
      restart: { initial: 1_000 },
      receive: ({ n }, context) => n === 0 ? context.publish(Echo, "x") : undefined,
    }));
    for (let i = 0; i < 3; i++) {
      one.deliver(notes(2, ["a"], i * 2));
      yield* turns;
    }
    assertEquals([one.partition.mailbox.records, one.fetcher.paused], [1, false]);
    one.sender.settle(publishError("DELIVERY_TIMEOUT"));
    assertEquals([one.partition.mailbox.records, one.fetcher.paused], [6, true]);
    yield* advance(1_300, 50);
    one.sender.settle();
    assertEquals([one.partition.mailbox.records, one.fetcher.paused, one.partition.position], [0, false, 6]);
  })));

Deno.test("a chunk whose bytes are wrong is fetched again, and what was held is counted once", () =>
  virtual(Effect.gen(function* () {
    const seen: number[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ n }) => void seen.push(n),
    }));
    one.deliver(notes(2));
    yield* turns;
    one.partition.deliver(damaged(2));
    one.partition.deliver(chunkOf(at, 5, notes(1, ["a"], 5)));
    yield* turns;
    assertEquals(one.fetcher.calls, ["add 0", "add 2"]);
    assertEquals([one.partition.mailbox.records, one.partition.mailbox.bytes], [0, 0]);
    one.deliver(notes(4, ["a"], 2));
    yield* advance(150);
    assertEquals(seen, [0, 1, 2, 3, 4, 5]);
    assertEquals([one.partition.position, one.counters.restarts], [6, 1]);
    assertEquals(one.partition.history.deaths(1), 0, "no record is to blame");
  })));

Deno.test("a chunk that stays wrong ends the system, saying where", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({ name: "a", receives: [Note], restart: { max: 2 }, receive: () => {} }));
    for (let i = 0; i < 3; i++) {
      one.partition.deliver(damaged(0));
      yield* advance(300);
    }
    const error = yield* failureOf(one);
    assert(error instanceof ActorFailed);
    assertStringIncludes(error.message, "notes/0");
    assertStringIncludes(error.message, "corrupt record batch: wrong CRC");
  })));

Deno.test("fetching that is started again while too much is held is paused again", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(
      actor({ name: "a", receives: [Note], mailboxCapacity: 4, receive: () => Effect.never }),
    );
    one.deliver(notes(4, ["a", "b", "c", "d"]));
    one.partition.deliver(damaged(4));
    yield* turns;
    assertEquals(one.fetcher.calls, ["add 0", "pause", "add 4", "pause"]);
    assert(one.fetcher.paused);
  })));

Deno.test("delivering wakes the actor without running it inside the call", () =>
  virtual(Effect.gen(function* () {
    const seen: number[] = [];
    const one = yield* open(actor({ name: "a", receives: [Note], receive: ({ n }) => void seen.push(n) }));
    one.deliver(notes(2));
    assertEquals(seen, []);
    yield* turns;
    assertEquals(seen, [0, 1]);
  })));

Deno.test("idle() and deliver() keep the high watermark", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({ name: "a", receives: [Note], receive: () => {} }), { position: 3 });
    one.partition.idle(3);
    assertEquals(one.partition.highWatermark, 3);
    one.deliver(notes(2));
    assertEquals([one.partition.highWatermark, one.partition.position], [5, 3]);
    yield* turns;
    assertEquals(one.partition.position, 5);
  })));

Deno.test("reset() back, or to another topic, ends the partition: it commits nothing any more and tells once", () =>
  virtual(Effect.gen(function* () {
    for (const to of [null, 1]) {
      const one = yield* open(actor({ name: "a", receives: [Note], receive: () => {} }));
      const told: unknown[] = [];
      one.partition.superseded = (reset) => void told.push(reset.to);
      one.deliver(notes(3));
      yield* turns;
      assertEquals(one.partition.uncommitted()?.offset, 3);
      const reason = to === null ? "recreated" : "truncated";
      for (let i = 0; i < 2; i++) one.partition.reset({ reason, from: 3, to });
      yield* turns;
      assertEquals([told, one.partition.uncommitted(), ended(one)], [[to], null, true]);
      assertEquals(one.counters.positionResets, 1);
    }
  })));

Deno.test("reset() forward goes on, and the empty chunk behind it moves what is committed", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({ name: "a", receives: [Note], receive: () => {} }));
    one.deliver(notes(3));
    yield* turns;
    one.partition.reset({ reason: "out-of-range", from: 3, to: 9 });
    const { topic, partition } = one.partition;
    const none = { bytes: new Uint8Array(0), count: 0, aborted: [], highWatermark: 9 };
    one.partition.deliver({ topic, partition, from: 3, next: 9, ...none });
    yield* turns;
    assertEquals([one.partition.uncommitted()?.offset, ended(one), one.counters.positionResets], [9, false, 1]);
  })));
