/**
 * What a reader may rely on in Kafka's answers.
 * @module
 */
import { Effect } from "effect";
import { assertEquals } from "../assert.ts";
import { batch, values } from "./batches.ts";
import { type Behaviour, type Context, ErrorCode, fetchRequest, produceRequest } from "./context.ts";

const trim = (kafka: Context, name: string, offset: number) =>
  kafka.call("DeleteRecords", { timeoutMs: 10_000, topics: [{ name, partitions: [{ partition: 0, offset }] }] });

const at = (kafka: Context, topic: string, timestamp: number) =>
  Effect.map(kafka.listOffsets(topic, [0], timestamp), ([{ offset, timestamp }]) => [offset, timestamp]);

/** The behaviours. */
export const reading: ReadonlyArray<Behaviour> = [
  {
    name: "a broker that is not busy slows nobody down and names no closer replica",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const produced = yield* kafka.call("Produce", produceRequest(topic, batch(["a"])));
      const fetched = yield* kafka.call("Fetch", fetchRequest(topic, 0));
      const described = yield* kafka.call("Metadata", { topics: [topic], allowAutoTopicCreation: false });
      const listed = yield* kafka.call("ListOffsets", { isolationLevel: 0, topics: [] });
      const throttled = [produced, fetched, described, listed].map(({ throttleTimeMs }) => throttleTimeMs);
      assertEquals(throttled, [0, 0, 0, 0]);
      assertEquals(fetched.topics[0].partitions[0].preferredReadReplica, -1);
      assertEquals(produced.topics[0].partitions[0].logAppendTimeMs, -1);
    }),
  },
  {
    name: "where there are no transactions, read_committed gives what read_uncommitted gives",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a", "b"]));
      for (const isolationLevel of [0, 1] as const) {
        const { topics } = yield* kafka.call("Fetch", { ...fetchRequest(topic, 0), isolationLevel });
        const { highWatermark, lastStableOffset, abortedTransactions, records } = topics[0].partitions[0];
        assertEquals([highWatermark, lastStableOffset, abortedTransactions, values(records)], [2, 2, [], ["a", "b"]]);
        const listed = yield* kafka.call("ListOffsets", {
          isolationLevel,
          topics: [{ name: topic, partitions: [{ partition: 0, currentLeaderEpoch: -1, timestamp: -1 }] }],
        });
        assertEquals(listed.topics[0].partitions[0].offset, 2);
      }
    }),
  },
  {
    name: "ListOffsets finds a record by its time inside compressed batches, and -1 behind the last",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a", "b", "c"], { compression: "gzip", timestamp: 1_000 }));
      yield* kafka.produce(topic, batch(["d", "e"], { compression: "lz4", timestamp: 2_000 }));
      assertEquals(yield* at(kafka, topic, 0), [0, 1_000]);
      assertEquals(yield* at(kafka, topic, 1_002), [2, 1_002]);
      assertEquals(yield* at(kafka, topic, 1_003), [3, 2_000]);
      assertEquals(yield* at(kafka, topic, 2_001), [4, 2_001]);
      assertEquals(yield* at(kafka, topic, 2_002), [-1, -1]);
    }),
  },
  {
    name: "ListOffsets refuses times that are codes it does not have",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a"]));
      for (const timestamp of [-3, -7]) {
        const [{ errorCode }] = yield* kafka.listOffsets(topic, [0], timestamp);
        assertEquals([timestamp, errorCode], [timestamp, ErrorCode.UNSUPPORTED_VERSION]);
      }
    }),
  },
  {
    name: "ListOffsets by time finds nothing below the log's start",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a", "b"], { timestamp: 1_000 }));
      yield* kafka.produce(topic, batch(["c"], { timestamp: 3_000 }));
      yield* trim(kafka, topic, 2);
      assertEquals(yield* at(kafka, topic, 0), [2, 3_000]);
    }),
  },
  {
    name: "a log that begins in the midst of a batch gives the whole batch, and refuses what is below its start",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a", "b", "c"]));
      yield* trim(kafka, topic, 1);
      assertEquals((yield* kafka.fetch(topic, 0)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
      const { errorCode, logStartOffset, records } = yield* kafka.fetch(topic, 1);
      assertEquals([errorCode, logStartOffset], [0, 1]);
      assertEquals([values(records), values(records, 1)], [["a", "b", "c"], ["b", "c"]]);
    }),
  },
  {
    name: "a log that has been emptied is fetched from at its end, and nowhere else",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a", "b"]));
      yield* trim(kafka, topic, -1);
      const codes = [];
      for (const offset of [1, 2, 3]) codes.push((yield* kafka.fetch(topic, offset)).errorCode);
      const { OFFSET_OUT_OF_RANGE } = ErrorCode;
      assertEquals(codes, [OFFSET_OUT_OF_RANGE, 0, OFFSET_OUT_OF_RANGE]);
      assertEquals(yield* at(kafka, topic, 0), [-1, -1]);
    }),
  },
];
