/**
 * How long Kafka keeps records, and what time it gives them.
 * @module
 */
import { Clock, Effect } from "effect";
import { assert, assertEquals } from "../assert.ts";
import { batch, decoded } from "./batches.ts";
import { type Behaviour, type Context, ErrorCode } from "./context.ts";

/** Waits until a log begins there: a real broker looks at its logs now and then. */
const begins = Effect.fnUntraced(function* (kafka: Context, topic: string, offset: number) {
  const { brokers: [{ nodeId }] } = yield* kafka.call("Metadata", { topics: [], allowAutoTopicCreation: false });
  const { resources: [broker] } = yield* kafka.call("DescribeConfigs", {
    resources: [{ type: 4, name: String(nodeId), keys: ["log.retention.check.interval.ms"] }],
  });
  const interval = Number(broker.configs[0]?.value ?? 0);
  const start = Effect.map(kafka.listOffsets(topic, [0], -2), ([{ offset }]) => offset);
  yield* Effect.repeat(Effect.andThen(Effect.sleep(100), start), {
    until: (at) => at >= offset,
    times: 100 + interval / 100,
  });
  assertEquals(yield* start, offset);
});

/** The behaviours. */
export const retention: ReadonlyArray<Behaviour> = [
  {
    name: "records older than retention.ms are removed, segment by segment, and can't be fetched any more",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(1, { "retention.ms": "60000", "segment.ms": "1000" });
      const now = yield* Clock.currentTimeMillis;
      // A batch much younger than its segment begins another one, and a segment goes as a whole.
      for (const age of [600_000, 599_500, 300_000, 1_000]) {
        assertEquals((yield* kafka.produce(topic, batch(["x"], { timestamp: now - age }))).errorCode, 0);
      }
      yield* begins(kafka, topic, 3);
      assertEquals((yield* kafka.fetch(topic, 2)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
      const { errorCode, logStartOffset, highWatermark } = yield* kafka.fetch(topic, 3);
      assertEquals([errorCode, logStartOffset, highWatermark], [0, 3, 4]);
    }),
  },
  {
    name: "a log whose records are all over is empty, and its offsets go on",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(1, { "retention.ms": "60000" });
      const now = yield* Clock.currentTimeMillis;
      yield* kafka.produce(topic, batch(["a", "b"], { timestamp: now - 600_000 }));
      yield* begins(kafka, topic, 2);
      assertEquals((yield* kafka.listOffsets(topic, [0], -1))[0].offset, 2);
      assertEquals((yield* kafka.produce(topic, batch(["c"], { timestamp: now }))).baseOffset, 2);
      assertEquals((yield* kafka.fetch(topic, 2)).logStartOffset, 2);
    }),
  },
  {
    name: "a log larger than retention.bytes loses its oldest segments, as long as it stays as large as that",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(1, { "retention.bytes": "1500000", "segment.bytes": "1048576" });
      const now = yield* Clock.currentTimeMillis;
      // Of 700 kB each: one segment can't have two of them.
      for (let i = 0; i < 4; i++) {
        const { errorCode } = yield* kafka.produce(topic, batch(["x".repeat(700_000)], { timestamp: now }));
        assertEquals(errorCode, 0);
      }
      yield* begins(kafka, topic, 1);
      assertEquals((yield* kafka.fetch(topic, 0)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
      assertEquals((yield* kafka.fetch(topic, 1)).errorCode, 0);
    }),
  },
  {
    name: "with LogAppendTime all records of a batch have the time they were appended, which the producer is told",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(1, { "message.timestamp.type": "LogAppendTime" });
      const before = yield* Clock.currentTimeMillis;
      const { errorCode, logAppendTimeMs } = yield* kafka.produce(topic, batch(["a", "b"], { compression: "gzip" }));
      const after = yield* Clock.currentTimeMillis;
      assertEquals(errorCode, 0);
      assert(before <= logAppendTimeMs && logAppendTimeMs <= after, `${before} ${logAppendTimeMs} ${after}`);
      const records = decoded((yield* kafka.fetch(topic, 0)).records);
      assertEquals([0, 1].map((i) => records.timestamp(i)), [logAppendTimeMs, logAppendTimeMs]);
      const [{ offset, timestamp }] = yield* kafka.listOffsets(topic, [0], before);
      assertEquals([offset, timestamp], [0, logAppendTimeMs]);
    }),
  },
  {
    name: "records from more than an hour ahead are refused, and from as far ahead or back as a topic says",
    check: Effect.fnUntraced(function* (kafka) {
      const now = yield* Clock.currentTimeMillis;
      const produce = Effect.fnUntraced(function* (topic: string, ahead: number) {
        return (yield* kafka.produce(topic, batch(["x"], { timestamp: now + ahead }))).errorCode;
      });
      const topic = yield* kafka.topic();
      assertEquals(yield* produce(topic, 3_700_000), ErrorCode.INVALID_TIMESTAMP);
      assertEquals(yield* produce(topic, 3_500_000), 0);
      const strict = yield* kafka.topic(1, {
        "message.timestamp.after.max.ms": "60000",
        "message.timestamp.before.max.ms": "60000",
      });
      const codes = [];
      for (const ahead of [90_000, 30_000, -30_000, -90_000]) codes.push(yield* produce(strict, ahead));
      assertEquals(codes, [ErrorCode.INVALID_TIMESTAMP, 0, 0, ErrorCode.INVALID_TIMESTAMP]);
      const appended = yield* kafka.topic(1, { "message.timestamp.type": "LogAppendTime" });
      assertEquals(yield* produce(appended, 3_700_000), 0);
    }),
  },
  {
    name: "a compacted topic takes no record without a key",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(1, { "cleanup.policy": "compact" });
      assertEquals((yield* kafka.produce(topic, batch(["x"]))).errorCode, ErrorCode.INVALID_RECORD);
      assertEquals((yield* kafka.produce(topic, batch(["x"], { key: "k" }))).errorCode, 0);
    }),
  },
  {
    name: "CreateTopics refuses values its configurations can't have",
    check: Effect.fnUntraced(function* (kafka) {
      const code = (configs: Readonly<Record<string, string>>) =>
        Effect.map(kafka.create({ name: kafka.fresh("topic"), configs }, true), ({ errorCode }) => errorCode);
      const wrong: ReadonlyArray<Readonly<Record<string, string>>> = [
        { "retention.ms": "-2" },
        { "segment.bytes": "1048575" },
        { "segment.bytes": "1e6" },
        { "segment.ms": "0" },
        { "max.message.bytes": "-1" },
        { "message.timestamp.type": "Now" },
        { "message.timestamp.after.max.ms": "-1" },
        { "cleanup.policy": "burn" },
        { "compression.type": "rar" },
        { "min.insync.replicas": "0" },
        { "unclean.leader.election.enable": "maybe" },
      ];
      for (const configs of wrong) assertEquals([configs, yield* code(configs)], [configs, ErrorCode.INVALID_CONFIG]);
      const right: ReadonlyArray<Readonly<Record<string, string>>> = [
        { "retention.bytes": "-5", "retention.ms": " 5" },
        { "cleanup.policy": "delete, compact" },
        { "cleanup.policy": "" },
        { "segment.bytes": "1048576", "segment.ms": "1" },
      ];
      for (const configs of right) assertEquals([configs, yield* code(configs)], [configs, 0]);
    }),
  },
];
