/** Positions that are not where the log is: topics created anew, logs cut off, records deleted. */
import { Effect, type Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeFetcher } from "../../src/client/fetch/fetcher.ts";
import type { Cluster, Fetcher, FetchTarget } from "../../src/client/port.ts";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { SmallKafka } from "./small_kafka.ts";
import { advance, virtual } from "./virtual.ts";

const orders = { topic: "orders", partition: 0 };

/** Notes what it is told, in order. */
class Notes implements FetchTarget {
  readonly told: Array<string> = [];
  readonly deliver: FetchTarget["deliver"] = ({ bytes, from, next, aborted }) => {
    const records = decodeRecords(bytes, { from, aborted });
    if (records.length === 0) this.told.push(`${from} to ${next} empty`);
    for (let i = 0; i < records.length; i++) this.told.push(new TextDecoder().decode(records.value(i)!));
  };
  readonly idle = () => {};
  readonly reset: FetchTarget["reset"] = ({ reason, from, to }) => void this.told.push(`${reason} ${from} ${to}`);
  readonly failed: FetchTarget["failed"] = (error) => void this.told.push(error.message);
}

/** A fetcher of a topic with one partition and three records. */
function fetching(
  kafka: SmallKafka,
  body: (fetcher: Fetcher, cluster: Cluster) => Effect.Effect<void, unknown, Scope.Scope>,
  log: Array<string> = [],
) {
  kafka.lead("orders", [1]);
  for (const value of ["a", "b", "c"]) kafka.write("orders", 0, [value]);
  return virtual(
    Effect.gen(function* () {
      const cluster = yield* makeCluster(kafka.link);
      yield* cluster.refresh(["orders"]);
      yield* body(yield* makeFetcher(cluster), cluster);
    }),
    log,
  );
}

const lines = (log: ReadonlyArray<string>, pattern: RegExp) => log.filter((line) => pattern.test(line));

for (const byId of [true, false]) {
  const how = byId ? "by its id" : "by its name";
  for (const size of [1, 3, 9]) {
    Deno.test(`a topic fetched ${how}, deleted and created again with ${size} records, is not read on`, () => {
      const kafka = new SmallKafka();
      kafka.byId = byId;
      const log: Array<string> = [];
      return fetching(kafka, (fetcher) =>
        Effect.gen(function* () {
          const old = new Notes();
          fetcher.add(orders, 0, old, "fail");
          yield* advance(20);
          kafka.delete("orders");
          yield* advance(300);
          kafka.lead("orders", [1]);
          for (let i = 0; i < size; i++) kafka.write("orders", 0, [`new ${i}`]);
          yield* advance(1_500);
          assertEquals(old.told, ["a", "b", "c", "recreated 3 null"]);
          assertEquals(lines(log, /orders was deleted and created again/).length, 1);
          const fresh = new Notes();
          fetcher.add(orders, 0, fresh, "fail");
          yield* advance(20);
          assertEquals(fresh.told, Array.from({ length: size }, (_, i) => `new ${i}`));
        }), log);
    });
  }
}

Deno.test("a position of a topic that was created again before the first fetch is not read from", () => {
  const kafka = new SmallKafka();
  return fetching(kafka, (fetcher, cluster) =>
    Effect.gen(function* () {
      const { topicId } = cluster.topic("orders")!;
      kafka.delete("orders");
      kafka.lead("orders", [1]);
      kafka.write("orders", 0, ["new"]);
      yield* cluster.refresh(["orders"]);
      const notes = new Notes();
      fetcher.add(orders, 0, notes, "fail", topicId);
      assertEquals(notes.told, [], "not before add() has returned");
      yield* advance(20);
      assertEquals(notes.told, ["recreated 0 null"]);
    }));
});

Deno.test("a broker that lags behind does not bring a deleted topic back", () => {
  const kafka = new SmallKafka();
  return fetching(kafka, (_, cluster) =>
    Effect.gen(function* () {
      const before = cluster.topic("orders")!.topicId;
      kafka.delete("orders");
      kafka.lead("orders", [1]);
      yield* cluster.refresh(["orders"]);
      const { topicId } = cluster.topic("orders")!;
      assert(topicId !== before);
      kafka.ids.orders = before;
      yield* cluster.refresh(["orders"]);
      assertEquals(cluster.topic("orders")!.topicId, topicId);
    }));
});

Deno.test("a topic that is gone is told of once, waited for without haste, and read on when it is there again", () => {
  const kafka = new SmallKafka();
  const log: Array<string> = [];
  return fetching(kafka, (fetcher, cluster) =>
    Effect.gen(function* () {
      const notes = new Notes();
      fetcher.add(orders, 0, notes, "fail");
      yield* advance(20);
      const { topics, logs, ids } = kafka;
      const [leaders, stored, id] = [topics.orders, logs.get("orders/0")!, ids.orders];
      kafka.delete("orders");
      yield* advance(1_500);
      assertEquals(cluster.absent("orders"), false, "brokers hear of a topic at different times");
      yield* advance(3_500);
      assertEquals(cluster.absent("orders"), true);
      const before = kafka.link.requests.length;
      yield* advance(60_000);
      const asked = kafka.link.requests.length - before;
      assert(asked < 120, `${asked} requests in a minute`);
      assertEquals(lines(log, /orders/).length, 1);
      assertMatch(lines(log, /orders/)[0], /orders does not exist any more/);
      topics.orders = leaders;
      ids.orders = id;
      logs.set("orders/0", stored);
      kafka.write("orders", 0, ["d"]);
      yield* advance(2_000);
      assertEquals([cluster.absent("orders"), notes.told], [false, ["a", "b", "c", "d"]]);
      assertMatch(log.at(-1) ?? "", /orders is there again/);
    }), log);
});

Deno.test("a topic that has grown is told of, as its keys move", () => {
  const kafka = new SmallKafka();
  const log: Array<string> = [];
  return fetching(kafka, (_, cluster) =>
    Effect.gen(function* () {
      kafka.lead("orders", [1, 1, 1]);
      yield* cluster.refresh(["orders"]);
      yield* cluster.refresh(["orders"]);
      assertEquals(lines(log, /orders has grown from 1 to 3 partitions: keys move/).length, 1);
    }), log);
});

Deno.test("records deleted below the position: how many are skipped is told, and the position moves on without a record", () => {
  const kafka = new SmallKafka();
  const log: Array<string> = [];
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      kafka.log("orders", 0).start = 2;
      const [earliest, latest] = [new Notes(), new Notes()];
      fetcher.add(orders, 0, earliest, "earliest");
      yield* advance(20);
      assertEquals(earliest.told, ["out-of-range 0 2", "0 to 2 empty", "c"]);
      assertMatch(
        lines(log, /outside/)[0],
        /orders\/0: position 0 .* at 2 \(earliest\): the records 0 to 1 are skipped, 2 /,
      );
      fetcher.add(orders, 1, latest, "latest");
      yield* advance(600);
      kafka.write("orders", 0, ["d"]);
      yield* advance(20);
      assertEquals(latest.told, ["out-of-range 1 3", "1 to 3 empty", "d"]);
    }), log);
});

Deno.test("fail: an offset that is not in the log ends the fetching and says what to do", () => {
  const kafka = new SmallKafka();
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const notes = new Notes();
      fetcher.add(orders, 7, notes, "fail");
      yield* advance(20);
      assertEquals(notes.told.length, 1);
      assertMatch(notes.told[0], /orders\/0@7: .*set outOfRange to "earliest" or "latest" to go on/);
    }));
});

for (const policy of ["earliest", "latest", "fail"] as const) {
  Deno.test(`a log that an unclean election cut off below the position is told of (${policy})`, () => {
    const kafka = new SmallKafka();
    const log: Array<string> = [];
    return fetching(kafka, (fetcher) =>
      Effect.gen(function* () {
        const notes = new Notes();
        fetcher.add(orders, 0, notes, policy);
        yield* advance(20);
        kafka.log("orders", 0).cut(1);
        kafka.appendEpoch = 1;
        kafka.lead("orders", [1]);
        // As long as before, and longer: by its offsets alone nobody would notice.
        for (const value of ["B", "C", "D"]) kafka.write("orders", 0, [value]);
        yield* advance(1_000);
        assertEquals(notes.told.slice(0, 3), ["a", "b", "c"]);
        if (policy === "fail") {
          assertMatch(notes.told[3], /orders\/0@3: the cluster has lost the records 1 to 2.*set outOfRange/);
          return;
        }
        assertEquals(notes.told.slice(3), ["truncated 3 1"]);
        assertMatch(lines(log, /lost/)[0], /orders\/0: the cluster has lost the records 1 to 2.*goes on at 1/);
        fetcher.add(orders, 1, notes, policy);
        yield* advance(20);
        assertEquals(notes.told.slice(4), ["B", "C", "D"]);
      }), log);
  });
}

Deno.test("a leader that never had the last epoch is gone back with to where that began, whatever the length of its log", () => {
  const kafka = new SmallKafka();
  kafka.leaderEpoch = 9;
  const log: Array<string> = [];
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const notes = new Notes();
      fetcher.add(orders, 0, notes, "earliest");
      yield* advance(20);
      kafka.appendEpoch = 5;
      for (const value of ["d5", "e5"]) kafka.write("orders", 0, [value]);
      yield* advance(20);
      assertEquals(notes.told, ["a", "b", "c", "d5", "e5"]);
      // Another replica leads, which had gone on in epoch 0 while epoch 5 was elsewhere.
      kafka.log("orders", 0).cut(3);
      kafka.appendEpoch = 0;
      for (const value of ["d0", "e0", "f0"]) kafka.write("orders", 0, [value]);
      yield* advance(1_000);
      assertEquals(notes.told.slice(5), ["truncated 5 3"]);
      fetcher.add(orders, 3, notes, "earliest");
      yield* advance(20);
      assertEquals(notes.told.slice(6), ["d0", "e0", "f0"]);
    }), log);
});

Deno.test("a leader that says the logs part where nothing was fetched is not asked without end", () => {
  const kafka = new SmallKafka([1], (kafka) => ({
    Fetch: (request, node, role) =>
      Effect.map(kafka.script.Fetch(request, node, role), (answer) => ({
        ...answer,
        topics: answer.topics.map((topic, i) => ({
          ...topic,
          partitions: topic.partitions.map((part) =>
            (request.topics[i].partitions[0].lastFetchedEpoch ?? -1) < 0
              ? part
              : { ...part, records: new Uint8Array(0), divergingEpoch: { epoch: 0, endOffset: 9 } }
          ),
        })),
      })),
  }));
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const notes = new Notes();
      fetcher.add(orders, 0, notes, "fail");
      yield* advance(20);
      kafka.write("orders", 0, ["d"]);
      yield* advance(1_000, 1);
      assertEquals(notes.told, ["a", "b", "c", "d"]);
      const asked = kafka.link.requests.filter(({ api }) => api === "Fetch").length;
      assert(asked < 20, `${asked} fetches`);
    }));
});

Deno.test("a replica that lags behind is not taken for another log", () => {
  let behind = false;
  const nothing = { records: new Uint8Array(), highWatermark: 3 };
  const kafka = new SmallKafka([1, 2], (kafka) => ({
    Fetch: (request, node, role) =>
      Effect.map(kafka.script.Fetch(request, 1, role), (answer) => ({
        ...answer,
        topics: answer.topics.map((topic, i) => ({
          ...topic,
          partitions: topic.partitions.map((part) => {
            const asked = request.topics[i].partitions[0];
            if (node === 1) return part.records.length === 0 ? part : { ...part, ...nothing, preferredReadReplica: 2 };
            if (!behind || asked.fetchOffset < 4) return part;
            if ((asked.lastFetchedEpoch ?? -1) >= 0) {
              return { ...part, ...nothing, divergingEpoch: { epoch: 0, endOffset: 3 } };
            }
            return { ...part, ...nothing, errorCode: ErrorCode.OFFSET_OUT_OF_RANGE };
          }),
        })),
      })),
  }));
  return fetching(kafka, (fetcher) =>
    Effect.gen(function* () {
      const notes = new Notes();
      fetcher.add(orders, 0, notes, "fail");
      kafka.write("orders", 0, ["d"]);
      yield* advance(1_000);
      behind = true;
      kafka.write("orders", 0, ["e"]);
      yield* advance(1_000);
      assertEquals(notes.told, ["a", "b", "c", "d"]);
      behind = false;
      yield* advance(1_000);
      assertEquals(notes.told, ["a", "b", "c", "d", "e"]);
    }));
});

Deno.test("a topic that is given an id, as brokers are upgraded, is the same topic", () => {
  const kafka = new SmallKafka();
  kafka.byId = false;
  const log: Array<string> = [];
  return fetching(kafka, (fetcher, cluster) =>
    Effect.gen(function* () {
      const notes = new Notes();
      const { orders: id } = kafka.ids;
      kafka.ids.payments = "0".repeat(32);
      kafka.topics.payments = [1];
      yield* cluster.refresh(["payments"]);
      kafka.write("payments", 0, ["p"]);
      fetcher.add({ topic: "payments", partition: 0 }, 0, notes, "fail");
      yield* advance(50);
      kafka.ids.payments = id;
      kafka.link.cut(1);
      yield* advance(500);
      kafka.write("payments", 0, ["q"]);
      yield* advance(100);
      assertEquals(notes.told, ["p", "q"]);
      assertEquals(log, []);
    }), log);
});
