/**
 * What Kafka gives whom fetches.
 * @module
 */
import { Effect, Fiber } from "effect";
import { scanBatches } from "../../src/codec/batch_header.ts";
import { monotonicMs } from "../../src/fiber/monotonic.ts";
import { assert, assertEquals } from "../assert.ts";
import { batch, values } from "./batches.ts";
import { type Behaviour, ErrorCode, fetchRequest } from "./context.ts";

const now = Effect.clockWith((clock) => Effect.sync(() => monotonicMs(clock)));

/** The behaviours. */
export const fetch: ReadonlyArray<Behaviour> = [
  {
    name: "Fetch gives the whole batch that holds the offset, and what follows",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a", "b", "c"]));
      yield* kafka.produce(topic, batch(["d"]));
      yield* kafka.produce(topic, batch(["e", "f"]));
      const expected = ["abcdef", "abcdef", "abcdef", "def", "ef", "ef", ""];
      for (const [offset, all] of expected.entries()) {
        const fetched = yield* kafka.fetch(topic, offset);
        assertEquals(values(fetched.records).join(""), all, `from ${offset}`);
        const { errorCode, highWatermark, lastStableOffset, logStartOffset } = fetched;
        assertEquals([errorCode, highWatermark, lastStableOffset, logStartOffset], [0, 6, 6, 0]);
      }
    }),
  },
  {
    name: "Fetch gives the first batch even if it is larger than asked for",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["x".repeat(5_000)]));
      yield* kafka.produce(topic, batch(["y"]));
      const { records } = yield* kafka.fetch(topic, 0, { maxBytes: 100, partitionMaxBytes: 100 });
      assertEquals(scanBatches(records, 0), { next: 1, count: 1 });
    }),
  },
  {
    name: "Fetch keeps to a partition's limit once it has something",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const size = batch(["x".repeat(1_000)]).length;
      for (let i = 0; i < 5; i++) yield* kafka.produce(topic, batch(["x".repeat(1_000)]));
      for (const [limit, next] of [[size * 2 - 1, 1], [size * 2, 2], [size * 3 + 1, 3], [size * 9, 5]] as const) {
        const { records } = yield* kafka.fetch(topic, 0, { partitionMaxBytes: limit });
        assertEquals(scanBatches(records, 0).next, next, `${limit} bytes`);
        assert(records.length <= limit);
      }
    }),
  },
  {
    name: "Fetch keeps to the limit of all partitions once one has given something",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic(2);
      for (const partition of [0, 1]) yield* kafka.produce(name, batch(["x".repeat(1_000)]), partition);
      const request = fetchRequest(name, 0, { maxBytes: 500 });
      const asked = request.topics[0].partitions[0];
      const partitions = [1, 0].map((partition) => ({ ...asked, partition, maxBytes: 10_000 }));
      const answer = yield* kafka.call("Fetch", { ...request, topics: [{ name, partitions }] });
      const found = answer.topics[0].partitions.map(({ partition, records, errorCode }) =>
        [partition, scanBatches(records, 0).count, errorCode] as const
      );
      assertEquals(found.sort(([a], [b]) => a - b), [[0, 0, 0], [1, 1, 0]]);
    }),
  },
  {
    name: "Fetch at the end waits as long as it may, and answers with nothing",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const before = yield* now;
      const { errorCode, records, highWatermark } = yield* kafka.fetch(topic, 0, { maxWaitMs: 150 });
      assertEquals([errorCode, records.length, highWatermark], [0, 0, 0]);
      assert((yield* now) - before >= 149, "it did not wait");
    }),
  },
  {
    name: "Fetch at the end is answered as soon as something comes",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const connection = yield* kafka.connect("fetch");
      const before = yield* now;
      const answer = yield* Effect.forkChild(
        connection.call("Fetch", fetchRequest(topic, 0, { maxWaitMs: 20_000 })),
        { startImmediately: true },
      );
      yield* Effect.sleep(50);
      assertEquals(answer.pollUnsafe(), undefined);
      yield* kafka.produce(topic, batch(["a"]));
      assertEquals(values((yield* Fiber.join(answer)).topics[0].partitions[0].records), ["a"]);
      assert((yield* now) - before < 15_000, "it went on waiting");
    }),
  },
  {
    name: "Fetch waits for as many bytes as it asks for",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const connection = yield* kafka.connect("fetch");
      const size = batch(["a"]).length;
      const answer = yield* Effect.forkChild(
        connection.call("Fetch", fetchRequest(topic, 0, { maxWaitMs: 20_000, minBytes: size * 2 })),
        { startImmediately: true },
      );
      yield* kafka.produce(topic, batch(["a"]));
      yield* Effect.sleep(50);
      assertEquals(answer.pollUnsafe(), undefined);
      yield* kafka.produce(topic, batch(["b"]));
      assertEquals(values((yield* Fiber.join(answer)).topics[0].partitions[0].records), ["a", "b"]);
    }),
  },
  {
    name: "Fetch gives what there is when the bytes it asks for do not come in time",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a"]));
      const before = yield* now;
      const { records } = yield* kafka.fetch(topic, 0, { maxWaitMs: 100, minBytes: 100_000 });
      assertEquals(values(records), ["a"]);
      assert((yield* now) - before >= 99, "it did not wait");
    }),
  },
  {
    name: "Fetch outside the log is refused at once",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a"]));
      const before = yield* now;
      for (const offset of [2, 100, -1]) {
        const fetched = yield* kafka.fetch(topic, offset, { maxWaitMs: 20_000 });
        const { errorCode, highWatermark, records } = fetched;
        assertEquals([errorCode, highWatermark, records.length], [ErrorCode.OFFSET_OUT_OF_RANGE, -1, 0], `${offset}`);
      }
      assert((yield* now) - before < 15_000, "it waited");
    }),
  },
  {
    name: "Fetch of what does not exist is refused at once",
    check: Effect.fnUntraced(function* (kafka) {
      const unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      const options = { maxWaitMs: 20_000 };
      const before = yield* now;
      assertEquals((yield* kafka.fetch(kafka.fresh("topic"), 0, options)).errorCode, unknown);
      assertEquals((yield* kafka.fetch(yield* kafka.topic(), 0, { ...options, partition: 1 })).errorCode, unknown);
      assert((yield* now) - before < 15_000, "it waited");
    }),
  },
  {
    name: "Fetch is answered at once where one of its partitions has an error, with the records of the others",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic(2);
      yield* kafka.produce(name, batch(["a"]), 1);
      const request = fetchRequest(name, 5, { maxWaitMs: 20_000, minBytes: 100_000 });
      const [asked] = request.topics[0].partitions;
      const partitions = [asked, { ...asked, partition: 1, fetchOffset: 0 }];
      const before = yield* now;
      const answer = yield* kafka.call("Fetch", { ...request, topics: [{ name, partitions }] });
      assert((yield* now) - before < 15_000, "it waited");
      assertEquals(answer.errorCode, 0);
      const found = answer.topics[0].partitions.map(({ partition, errorCode, records }) =>
        `${partition} ${errorCode} ${values(records)}`
      );
      assertEquals(found.sort(), [`0 ${ErrorCode.OFFSET_OUT_OF_RANGE} `, "1 0 a"]);
    }),
  },
  {
    name: "Fetch with a leader epoch that has not been yet is refused",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const { leaderEpoch } = (yield* kafka.describe(topic)).partitions[0];
      assertEquals((yield* kafka.fetch(topic, 0, { currentLeaderEpoch: leaderEpoch })).errorCode, 0);
      const { errorCode } = yield* kafka.fetch(topic, 0, { currentLeaderEpoch: leaderEpoch + 1 });
      assertEquals(errorCode, ErrorCode.UNKNOWN_LEADER_EPOCH);
    }),
  },
  {
    name: "Fetch beyond where the epoch last fetched ends tells that, whatever the offset",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a", "b", "c"]));
      const { leaderEpoch } = (yield* kafka.describe(topic)).partitions[0];
      const end = yield* kafka.fetch(topic, 3, { lastFetchedEpoch: leaderEpoch });
      assertEquals([end.errorCode, end.divergingEpoch], [0, undefined]);
      const beyond = yield* kafka.fetch(topic, 5, { lastFetchedEpoch: leaderEpoch });
      assertEquals([beyond.errorCode, beyond.records.length], [0, 0]);
      assertEquals(beyond.divergingEpoch, { epoch: leaderEpoch, endOffset: 3 });
    }),
  },
  {
    name: "Fetch by a topic's id gives its records, and none of a topic of the same name that is created later",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["old"]));
      const { topicId } = yield* kafka.describe(topic);
      const fetch = Effect.suspend(() => {
        const request = fetchRequest(topic, 0, {});
        const topics = request.topics.map((one) => ({ ...one, topicId }));
        return Effect.map(kafka.call("Fetch", { ...request, topics }), ({ topics }) => topics[0]);
      });
      const before = yield* fetch;
      assertEquals([before.name, values(before.partitions[0].records)], [topic, ["old"]]);
      yield* kafka.call("DeleteTopics", { timeoutMs: 10_000, topics: [topic] });
      yield* kafka.until(kafka.create({ name: topic }), ({ errorCode }) => errorCode === 0);
      yield* kafka.led(topic, 1);
      yield* kafka.produce(topic, batch(["new"]));
      const after = (yield* fetch).partitions[0];
      assertEquals([after.errorCode, after.records.length], [ErrorCode.UNKNOWN_TOPIC_ID, 0]);
    }),
  },
  {
    name: "Fetch of no partition is answered at once",
    check: Effect.fnUntraced(function* (kafka) {
      const before = yield* now;
      const answer = yield* kafka.call("Fetch", { ...fetchRequest("", 0, { maxWaitMs: 5_000 }), topics: [] });
      assertEquals(answer.topics.length, 0);
      assert((yield* now) - before < 4_000, "it waited");
    }),
  },
  {
    name: "a request behind a Fetch that waits waits with it",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const connection = yield* kafka.connect("fetch");
      const before = yield* now;
      yield* Effect.forkChild(connection.call("Fetch", fetchRequest(topic, 0, { maxWaitMs: 200 })), {
        startImmediately: true,
      });
      yield* connection.call("Metadata", { topics: [topic], allowAutoTopicCreation: false });
      assert((yield* now) - before >= 199, "it overtook the Fetch");
    }),
  },
  {
    name: "a Fetch that waits is answered when its topic is deleted",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const connection = yield* kafka.connect("fetch");
      const before = yield* now;
      const answer = yield* Effect.forkChild(
        connection.call("Fetch", fetchRequest(topic, 0, { maxWaitMs: 20_000 })),
        { startImmediately: true },
      );
      yield* Effect.sleep(50);
      yield* kafka.call("DeleteTopics", { timeoutMs: 10_000, topics: [topic] });
      const { errorCode } = (yield* Fiber.join(answer)).topics[0].partitions[0];
      assert(errorCode !== 0, "no error");
      assert((yield* now) - before < 15_000, "it went on waiting");
    }),
  },
  {
    name: "ListOffsets tells a log's start and end",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(2);
      yield* kafka.produce(topic, batch(["a", "b", "c"]), 1);
      const [empty, full] = yield* kafka.listOffsets(topic, [0, 1], -1);
      assertEquals([empty.offset, full.offset, full.timestamp], [0, 3, -1]);
      const starts = yield* kafka.listOffsets(topic, [0, 1], -2);
      assertEquals(starts.map(({ offset }) => offset), [0, 0]);
      const [{ errorCode }] = yield* kafka.listOffsets(topic, [2], -1);
      assertEquals(errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    }),
  },
  {
    name: "ListOffsets finds the first record that is as young as a time",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a", "b", "c"], { timestamp: 1_000 }));
      yield* kafka.produce(topic, batch(["d", "e"], { timestamp: 500 }));
      yield* kafka.produce(topic, batch(["f", "g"], { timestamp: 2_000 }));
      const find = (timestamp: number) =>
        Effect.map(kafka.listOffsets(topic, [0], timestamp), ([{ offset, timestamp }]) => [offset, timestamp]);
      assertEquals(yield* find(0), [0, 1_000]);
      assertEquals(yield* find(1_001), [1, 1_001]);
      assertEquals(yield* find(1_002), [2, 1_002]);
      assertEquals(yield* find(1_003), [5, 2_000]);
      assertEquals(yield* find(2_001), [6, 2_001]);
      assertEquals(yield* find(2_002), [-1, -1]);
    }),
  },
];
