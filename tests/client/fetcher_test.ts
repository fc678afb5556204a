import { Effect, type Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeFetcher } from "../../src/client/fetch/fetcher.ts";
import type { FetchedChunk, Fetcher, FetchTarget, PositionReset } from "../../src/client/port.ts";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import type { Request } from "../../src/link/protocol.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { SmallKafka } from "./small_kafka.ts";
import { advance, virtual } from "./virtual.ts";

const orders = (partition = 0) => ({ topic: "orders", partition });

/** Notes what it is told. */
class Sink implements FetchTarget {
  readonly chunks: Array<FetchedChunk> = [];
  readonly values: Array<string> = [];
  readonly errors: Array<string> = [];
  idles = 0;
  constructor(readonly then: () => void = () => {}) {}
  readonly deliver = (chunk: FetchedChunk) => {
    this.chunks.push(chunk);
    const records = decodeRecords(chunk.bytes, { from: chunk.from, aborted: chunk.aborted });
    for (let i = 0; i < records.length; i++) this.values.push(new TextDecoder().decode(records.value(i)!));
    this.then();
  };
  readonly idle = () => void this.idles++;
  readonly resets: Array<string> = [];
  readonly reset = ({ reason, from, to }: PositionReset) => void this.resets.push(`${reason} ${from} ${to}`);
  readonly failed = (error: { readonly _tag: string; readonly message: string }) => void this.errors.push(error._tag);
}

/** A fetcher of one topic `orders`. */
function fetching(
  kafka: SmallKafka,
  body: (fetcher: Fetcher) => Effect.Effect<void, unknown, Scope.Scope>,
  log: Array<string> = [],
) {
  return virtual(
    Effect.gen(function* () {
      const cluster = yield* makeCluster(kafka.link);
      yield* cluster.refresh(["orders"]);
      yield* body(yield* makeFetcher(cluster));
    }),
    log,
  );
}

function fetches(kafka: SmallKafka): Array<Request<"Fetch">> {
  return kafka.link.requests.filter(({ api }) => api === "Fetch").map(({ request }) => request as Request<"Fetch">);
}

Deno.test("add fetches from the position, over gaps, and goes on as records come", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  kafka.write("orders", 0, ["a", "b"]);
  kafka.write("orders", 0, ["c"], 10);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const sink = new Sink();
      fetcher.add(orders(), 1, sink, "fail");
      yield* advance(10, 1);
      assertEquals(sink.values, ["b", "c"]);
      assertEquals([sink.chunks[0].from, sink.chunks[0].next], [1, 13]);
      kafka.write("orders", 0, ["d"]);
      yield* advance(10, 1);
      assertEquals(sink.values, ["b", "c", "d"]);
      assertEquals(sink.chunks[1].from, 13);
      yield* advance(1_000);
      assert(sink.idles > 0);
    }));
});

Deno.test("a partition that pauses as it is given a chunk is not in the next request", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  kafka.write("orders", 0, ["a"]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const sink: Sink = new Sink(() => sink.values.length === 1 && fetcher.pause(orders()));
      fetcher.add(orders(), 0, sink, "fail");
      yield* advance(10, 1);
      kafka.write("orders", 0, ["b"]);
      yield* advance(1_000);
      assertEquals([sink.values, fetches(kafka).length], [["a"], 1]);
      fetcher.resume(orders());
      yield* advance(10, 1);
      assertEquals(sink.values, ["a", "b"]);
    }));
});

Deno.test("at most one request is outstanding per broker and none while all is paused", () => {
  let outstanding = 0;
  let most = 0;
  const kafka = new SmallKafka([1], (kafka) => ({
    Fetch: (request, node, role) =>
      Effect.suspend(() => {
        most = Math.max(most, ++outstanding);
        return kafka.script.Fetch(request, node, role);
      }).pipe(Effect.ensuring(Effect.sync(() => outstanding--))),
  }));
  kafka.lead("orders", [1, 1]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const sink = new Sink();
      fetcher.add(orders(0), 0, sink, "fail");
      fetcher.add(orders(1), 0, sink, "fail");
      for (let i = 0; i < 20; i++) {
        kafka.write("orders", i % 2, [`${i}`]);
        yield* advance(7, 1);
      }
      assertEquals(most, 1);
      fetcher.pause(orders(0));
      fetcher.pause(orders(1));
      yield* advance(1_000);
      const before = fetches(kafka).length;
      yield* advance(60_000);
      assertEquals(fetches(kafka).length, before);
      kafka.write("orders", 0, ["late"]);
      fetcher.resume(orders(0));
      yield* advance(1, 1);
      assertEquals(sink.values.at(-1), "late");
    }));
});

Deno.test("a resumed partition waits for the poll of the others no longer than it was paused", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1, 1]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const [busy, quiet] = [new Sink(), new Sink()];
      fetcher.add(orders(0), 0, busy, "fail");
      fetcher.add(orders(1), 0, quiet, "fail");
      yield* advance(600);
      for (let i = 0; i < 10; i++) {
        fetcher.pause(orders(0));
        kafka.notify(); // ends the poll that was under way
        kafka.write("orders", 0, [`${i}`]);
        yield* advance(20, 1);
        fetcher.resume(orders(0));
        yield* advance(21, 1);
        assertEquals(busy.values.at(-1), `${i}`);
      }
    }));
});

Deno.test("remove and a second add drop what was under way", () => {
  const kafka = new SmallKafka([1], (kafka) => ({
    Fetch: (request, node, role) => Effect.tap(kafka.script.Fetch(request, node, role), () => Effect.sleep(10)),
  }));
  kafka.lead("orders", [1]);
  kafka.write("orders", 0, ["a", "b", "c"]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const [first, second] = [new Sink(), new Sink()];
      fetcher.add(orders(), 0, first, "fail");
      yield* advance(5, 1);
      fetcher.add(orders(), 2, second, "fail");
      yield* advance(50, 1);
      assertEquals(first.values, []);
      assertEquals(second.values, ["c"]);
      kafka.write("orders", 0, ["d"]);
      yield* advance(5, 1);
      fetcher.remove(orders());
      yield* advance(1_000);
      assertEquals(second.values, ["c"]);
    }));
});

Deno.test("a position outside the log fails, or goes to the log's beginning or end, as the policy says", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1, 1, 1]);
  for (const partition of [0, 1, 2]) {
    kafka.write("orders", partition, ["a", "b"]);
    kafka.write("orders", partition, ["c"]);
    kafka.log("orders", partition).start = 2;
  }
  const log: Array<string> = [];
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const sinks = [new Sink(), new Sink(), new Sink()];
      fetcher.add(orders(0), 0, sinks[0], "fail");
      fetcher.add(orders(1), 0, sinks[1], "earliest");
      fetcher.add(orders(2), 9, sinks[2], "latest");
      yield* advance(10, 1);
      assertEquals(sinks[0].errors, ["OffsetOutOfRange"]);
      assertEquals(sinks[1].values, ["c"]);
      assertEquals(sinks[2].values, []);
      kafka.write("orders", 2, ["d"]);
      yield* advance(600);
      assertEquals(sinks[2].values, []); // whoever has received what the log has not must look at that first
      assertEquals(sinks.map(({ resets }) => resets), [[], ["out-of-range 0 2"], ["out-of-range 9 3"]]);
      assertMatch(log.find((line) => line.startsWith("orders/1")) ?? "", /position 0 .* at 2 \(earliest\).* 0 to 1/);
      assertMatch(log.find((line) => line.startsWith("orders/2")) ?? "", /position 9 .* at 3 \(latest\)/);
    }), log);
});

Deno.test("a partition follows its leader while others go on", () => {
  const kafka = new SmallKafka([1, 2]);
  kafka.lead("orders", [1, 1]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const [moving, staying] = [new Sink(), new Sink()];
      fetcher.add(orders(0), 0, moving, "fail");
      fetcher.add(orders(1), 0, staying, "fail");
      yield* advance(10, 1);
      for (let round = 0; round < 6; round++) {
        kafka.lead("orders", [round % 2 === 0 ? 2 : 1, 1]);
        kafka.write("orders", 0, [`m${round}`]);
        kafka.write("orders", 1, [`s${round}`]);
        yield* advance(5, 1);
        assertEquals(staying.values.at(-1), `s${round}`);
        yield* advance(600);
        assertEquals(moving.values.at(-1), `m${round}`);
      }
      assertEquals(moving.values.length, 6);
    }));
});

Deno.test("a partition of a topic created later is fetched then", () => {
  const kafka = new SmallKafka();
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const sink = new Sink();
      fetcher.add(orders(), 0, sink, "fail");
      yield* advance(5_000);
      assert(kafka.link.requests.length < 50, `${kafka.link.requests.length} requests in five seconds`);
      kafka.lead("orders", [1]);
      kafka.write("orders", 0, ["a"]);
      yield* advance(250);
      assertEquals(sink.values, ["a"]);
    }));
});

Deno.test("a broken connection is opened again, without a busy loop while the broker is away", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const sink = new Sink();
      fetcher.add(orders(), 0, sink, "fail");
      yield* advance(10, 1);
      kafka.link.cut(1);
      kafka.write("orders", 0, ["a"]);
      yield* advance(10, 1);
      assertEquals(sink.values, ["a"]);
      kafka.link.down.add(1);
      kafka.link.cut(1);
      const before = kafka.link.requests.length;
      yield* advance(10_000);
      assert(kafka.link.requests.length - before < 50);
      kafka.link.down.clear();
      kafka.write("orders", 0, ["b"]);
      yield* advance(2_500);
      assertEquals(sink.values, ["a", "b"]);
    }));
});

Deno.test("when a broker dies its partitions move to their new leader", () => {
  const kafka = new SmallKafka([1, 2]);
  kafka.lead("orders", [2]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const sink = new Sink();
      fetcher.add(orders(), 0, sink, "fail");
      yield* advance(10, 1);
      kafka.link.down.add(2);
      kafka.link.cut(2);
      yield* advance(3_000);
      kafka.lead("orders", [1]);
      kafka.write("orders", 0, ["a"]);
      yield* advance(2_500);
      assertEquals(sink.values, ["a"]);
    }));
});

Deno.test("a partition with much data does not starve the others", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1, 1, 1]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      kafka.write("orders", 1, ["a"]);
      fetcher.add(orders(0), 0, new Sink(), "fail");
      fetcher.add(orders(1), 0, new Sink(), "fail");
      fetcher.add(orders(2), 0, new Sink(), "fail");
      yield* advance(10, 1);
      const order = fetches(kafka).map(({ topics }) => topics[0].partitions.map(({ partition }) => partition));
      assertEquals(order.slice(0, 2), [[0, 1, 2], [0, 2, 1]]);
    }));
});

Deno.test("a corrupt chunk is fetched again three times, then the partition fails; a refused one fails at once", () => {
  let damage = 2;
  const kafka = new SmallKafka([1], (kafka) => ({
    Fetch: (request, node, role) =>
      Effect.map(kafka.script.Fetch(request, node, role), (answer) => ({
        ...answer,
        topics: answer.topics.map((topic) => ({
          ...topic,
          partitions: topic.partitions.map((partition) => {
            if (partition.partition === 1) return { ...partition, errorCode: 29, records: new Uint8Array() };
            if (partition.records.length === 0 || damage-- <= 0) return partition;
            const records = partition.records.slice();
            records[16] = 1;
            return { ...partition, records };
          }),
        })),
      })),
  }));
  kafka.lead("orders", [1, 1]);
  kafka.write("orders", 0, ["a"]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const [sink, denied] = [new Sink(), new Sink()];
      fetcher.add(orders(0), 0, sink, "fail");
      fetcher.add(orders(1), 0, denied, "fail");
      yield* advance(1_000);
      assertEquals(sink.values, ["a"]);
      assertEquals(denied.errors, ["KafkaError"]);
      damage = 4;
      kafka.write("orders", 0, ["b"]);
      yield* advance(5_000);
      assertEquals(sink.values, ["a"]);
      assertEquals(sink.errors, ["CorruptRecordError"]);
    }));
});

Deno.test("a throttled client waits before its next request", () => {
  const kafka = new SmallKafka([1], (kafka) => ({
    Fetch: (request, node, role) =>
      Effect.map(kafka.script.Fetch(request, node, role), (answer) => ({ ...answer, throttleTimeMs: 1_000 })),
  }));
  kafka.lead("orders", [1]);
  kafka.write("orders", 0, ["a"]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const sink = new Sink();
      fetcher.add(orders(), 0, sink, "fail");
      yield* advance(999, 3);
      assertEquals([sink.values.length, fetches(kafka).length], [1, 1]);
      yield* advance(2, 1);
      assertEquals(fetches(kafka).length, 2);
    }));
});

Deno.test("a damaged throttle time does not hold a fetcher up for days", () => {
  let damaged = true;
  const kafka = new SmallKafka([1], (kafka) => ({
    Fetch: (request, node, role) =>
      Effect.map(kafka.script.Fetch(request, node, role), (answer) => {
        const throttleTimeMs = damaged ? 1 << 30 : 0;
        damaged = false;
        return { ...answer, throttleTimeMs };
      }),
  }));
  kafka.lead("orders", [1]);
  kafka.write("orders", 0, ["a"]);
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const sink = new Sink();
      fetcher.add(orders(), 0, sink, "fail");
      yield* advance(1_000, 3);
      kafka.write("orders", 0, ["b"]);
      yield* advance(60_000, 3);
      assertEquals(sink.values, ["a", "b"]);
    }));
});

Deno.test("a fetcher's connections end with its scope", async () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  await fetching(
    kafka,
    (fetcher) => Effect.andThen(Effect.sync(() => fetcher.add(orders(), 0, new Sink(), "fail")), advance(100, 1)),
  );
  assertEquals(kafka.link.open(), 0);
});
