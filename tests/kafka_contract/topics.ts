/**
 * What Kafka does with topics.
 * @module
 */
import { Effect } from "effect";
import { assert, assertEquals, assertMatch, assertNotEquals } from "../assert.ts";
import { batch, values } from "./batches.ts";
import { type Behaviour, type Context, ErrorCode } from "./context.ts";

/** CreatePartitions of one topic. */
const grow = (kafka: Context, name: string, count: number, validateOnly = false) =>
  Effect.map(
    kafka.call("CreatePartitions", { timeoutMs: 10_000, validateOnly, topics: [{ name, count }] }),
    ({ topics }) => topics[0].errorCode,
  );

const remove = (kafka: Context, name: string) =>
  Effect.map(
    kafka.call("DeleteTopics", { timeoutMs: 10_000, topics: [name] }),
    ({ topics }) => topics[0].errorCode,
  );

const trim = (kafka: Context, name: string, offset: number, partition = 0) =>
  Effect.map(
    kafka.call("DeleteRecords", { timeoutMs: 10_000, topics: [{ name, partitions: [{ partition, offset }] }] }),
    ({ topics }) => topics[0].partitions[0],
  );

/** The behaviours. */
export const topics: ReadonlyArray<Behaviour> = [
  {
    name: "CreateTopics makes a topic whose partitions are numbered from 0 and led",
    check: Effect.fnUntraced(function* (kafka) {
      const { errorCode, topicId, partitions } = yield* kafka.describe(yield* kafka.topic(3));
      assertEquals(errorCode, 0);
      assertMatch(topicId, /^(?!0{32})[0-9a-f]{32}$/);
      assertEquals(partitions.map(({ partition }) => partition).sort(), [0, 1, 2]);
      for (const { errorCode, leader, isr, replicas } of partitions) {
        assertEquals([errorCode, isr, replicas], [0, [leader], [leader]]);
      }
    }),
  },
  {
    name: "CreateTopics takes the broker's defaults for counts of -1",
    check: Effect.fnUntraced(function* (kafka) {
      const name = kafka.fresh("topic");
      assertEquals((yield* kafka.create({ name, numPartitions: -1, replicationFactor: -1 })).errorCode, 0);
      yield* kafka.led(name, 8);
      assertEquals((yield* kafka.describe(name)).partitions.length, 8);
    }),
  },
  {
    name: "CreateTopics refuses a name that is taken",
    check: Effect.fnUntraced(function* (kafka) {
      const { errorCode, errorMessage } = yield* kafka.create({ name: yield* kafka.topic() });
      assertEquals(errorCode, ErrorCode.TOPIC_ALREADY_EXISTS);
      assert(errorMessage);
    }),
  },
  {
    name: "CreateTopics refuses names that can't be",
    check: Effect.fnUntraced(function* (kafka) {
      for (const name of ["", ".", "..", "a b", "ä", "a/b", "x".repeat(250)]) {
        assertEquals((yield* kafka.create({ name }, true)).errorCode, ErrorCode.INVALID_TOPIC_EXCEPTION, name);
      }
      assertEquals((yield* kafka.create({ name: `A.b_-9${"x".repeat(243)}` }, true)).errorCode, 0);
    }),
  },
  {
    name: "CreateTopics refuses a name that differs from another only in dots and underscores",
    check: Effect.fnUntraced(function* (kafka) {
      const name = `${yield* kafka.topic()}.x`;
      assertEquals((yield* kafka.create({ name })).errorCode, 0);
      yield* kafka.led(name, 1);
      const { errorCode } = yield* kafka.create({ name: name.replace(".x", "_x") });
      assertEquals(errorCode, ErrorCode.INVALID_TOPIC_EXCEPTION);
    }),
  },
  {
    name: "CreateTopics refuses numbers of partitions and replicas that can't be",
    check: Effect.fnUntraced(function* (kafka) {
      const name = kafka.fresh("topic");
      for (const numPartitions of [0, -2]) {
        assertEquals((yield* kafka.create({ name, numPartitions })).errorCode, ErrorCode.INVALID_PARTITIONS);
      }
      for (const replicationFactor of [0, -2, 7]) {
        const { errorCode } = yield* kafka.create({ name, replicationFactor });
        assertEquals(errorCode, ErrorCode.INVALID_REPLICATION_FACTOR, String(replicationFactor));
      }
    }),
  },
  {
    name: "CreateTopics refuses configurations that can't be",
    check: Effect.fnUntraced(function* (kafka) {
      const name = kafka.fresh("topic");
      const wrong = [["retention.msec", "1"], ["max.message.bytes", "many"], ["retention.ms", "1.5"]] as const;
      for (const [config, value] of wrong) {
        const { errorCode } = yield* kafka.create({ name, configs: { [config]: value } });
        assertEquals(errorCode, ErrorCode.INVALID_CONFIG, config);
      }
      const configs = { "retention.ms": "-1", "cleanup.policy": "compact", "min.insync.replicas": "1" };
      assertEquals((yield* kafka.create({ name, configs }, true)).errorCode, 0);
    }),
  },
  {
    name: "CreateTopics makes nothing when it is only to validate",
    check: Effect.fnUntraced(function* (kafka) {
      const name = kafka.fresh("topic");
      assertEquals((yield* kafka.create({ name }, true)).errorCode, 0);
      assertEquals((yield* kafka.describe(name)).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    }),
  },
  {
    name: "CreateTopics makes one topic of a request while it refuses another",
    check: Effect.fnUntraced(function* (kafka) {
      const name = kafka.fresh("topic");
      const base = { numPartitions: 1, replicationFactor: 1, configs: {} };
      const answer = yield* kafka.call("CreateTopics", {
        timeoutMs: 10_000,
        validateOnly: false,
        topics: [{ ...base, name: "no name" }, { ...base, name }],
      });
      const codes = Object.fromEntries(answer.topics.map(({ name, errorCode }) => [name, errorCode]));
      assertEquals(codes, { "no name": ErrorCode.INVALID_TOPIC_EXCEPTION, [name]: 0 });
      yield* kafka.led(name, 1);
    }),
  },
  {
    name: "CreateTopics refuses a topic that is named twice in a request",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = { name: kafka.fresh("topic"), numPartitions: 1, replicationFactor: 1, configs: {} };
      const answer = yield* kafka.call("CreateTopics", {
        timeoutMs: 10_000,
        validateOnly: false,
        topics: [topic, topic],
      });
      for (const { errorCode } of answer.topics) assertEquals(errorCode, ErrorCode.INVALID_REQUEST);
      assertEquals((yield* kafka.describe(topic.name)).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    }),
  },
  {
    name: "Metadata tells of a topic that does not exist, and does not make it",
    check: Effect.fnUntraced(function* (kafka) {
      const name = kafka.fresh("topic");
      for (let i = 0; i < 2; i++) {
        const topic = yield* kafka.describe(name);
        assertEquals([topic.errorCode, topic.partitions.length], [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 0]);
      }
      assertEquals((yield* kafka.describe("no name")).errorCode, ErrorCode.INVALID_TOPIC_EXCEPTION);
    }),
  },
  {
    name: "Metadata names all topics for null and none for an empty list, and the brokers always",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic();
      const all = yield* kafka.call("Metadata", { topics: null, allowAutoTopicCreation: false });
      assert(all.topics.some((topic) => topic.name === name && topic.errorCode === 0));
      const none = yield* kafka.call("Metadata", { topics: [], allowAutoTopicCreation: false });
      assertEquals(none.topics, []);
      assertEquals(none.brokers, all.brokers);
      assert(none.brokers.length > 0);
      assert(none.clusterId);
    }),
  },
  {
    name: "FindCoordinator names a broker that Metadata names, too",
    check: Effect.fnUntraced(function* (kafka) {
      const key = yield* kafka.group();
      const { nodeId, host, port } = yield* kafka.call("FindCoordinator", { key, keyType: 0 });
      const { brokers } = yield* kafka.call("Metadata", { topics: [], allowAutoTopicCreation: false });
      assert(brokers.some((broker) => broker.nodeId === nodeId && broker.host === host && broker.port === port));
    }),
  },
  {
    name: "CreatePartitions adds empty partitions and leaves the old ones as they are",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic();
      yield* kafka.produce(name, batch(["a"]));
      assertEquals(yield* grow(kafka, name, 3), 0);
      yield* kafka.led(name, 3);
      const ends = yield* kafka.listOffsets(name, [0, 1, 2], -1);
      assertEquals(ends.map(({ offset }) => offset), [1, 0, 0]);
    }),
  },
  {
    name: "CreatePartitions refuses fewer or as many, and topics that do not exist",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic(2);
      for (const count of [2, 1, 0]) assertEquals(yield* grow(kafka, name, count), ErrorCode.INVALID_PARTITIONS);
      assertEquals(yield* grow(kafka, kafka.fresh("topic"), 2), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      assertEquals(yield* grow(kafka, name, 3, true), 0);
      assertEquals((yield* kafka.describe(name)).partitions.length, 2);
    }),
  },
  {
    name: "DeleteTopics removes a topic; the next of its name is another one",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic();
      yield* kafka.produce(name, batch(["a"]));
      const before = yield* kafka.describe(name);
      assertEquals(yield* remove(kafka, name), 0);
      yield* kafka.until(kafka.describe(name), (topic) => topic.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      yield* kafka.until(kafka.create({ name }), ({ errorCode }) => errorCode === 0);
      yield* kafka.led(name, 1);
      assertNotEquals((yield* kafka.describe(name)).topicId, before.topicId);
      yield* kafka.until(kafka.listOffsets(name, [0], -1), ([{ offset }]) => offset === 0);
    }),
  },
  {
    name: "DeleteTopics refuses a topic that does not exist",
    check: Effect.fnUntraced(function* (kafka) {
      assertEquals(yield* remove(kafka, kafka.fresh("topic")), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    }),
  },
  {
    name: "CreatePartitions and DeleteTopics do nothing to a topic that is named twice in a request",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(1);
      const topics = [{ name: topic, count: 2 }, { name: topic, count: 3 }];
      const grown = yield* kafka.call("CreatePartitions", { timeoutMs: 10_000, validateOnly: false, topics });
      assertEquals(grown.topics.map(({ name, errorCode }) => [name, errorCode]), [[topic, ErrorCode.INVALID_REQUEST]]);
      const deleted = yield* kafka.call("DeleteTopics", { timeoutMs: 10_000, topics: [topic, topic] });
      assertEquals(deleted.topics, [{ name: topic, errorCode: ErrorCode.INVALID_REQUEST }]);
      assertEquals((yield* kafka.describe(topic)).partitions.length, 1);
    }),
  },
  {
    name: "DeleteRecords leaves alone what is compacted and never removed",
    check: Effect.fnUntraced(function* (kafka) {
      const compacted = yield* kafka.topic(1, { "cleanup.policy": "compact" });
      const both = yield* kafka.topic(1, { "cleanup.policy": "compact,delete" });
      const code = (name: string) => Effect.map(trim(kafka, name, 0), (answer) => answer.errorCode);
      assertEquals([yield* code(compacted), yield* code(both)], [ErrorCode.POLICY_VIOLATION, 0]);
    }),
  },
  {
    name: "DeleteRecords moves a log's start, and never back",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic();
      yield* kafka.produce(name, batch(["a", "b"]));
      yield* kafka.produce(name, batch(["c"]));
      assertEquals(yield* trim(kafka, name, 1), { partition: 0, lowWatermark: 1, errorCode: 0 });
      assertEquals((yield* kafka.listOffsets(name, [0], -2))[0].offset, 1);
      const { errorCode, logStartOffset, records } = yield* kafka.fetch(name, 1);
      assertEquals([errorCode, logStartOffset, values(records, 1)], [0, 1, ["b", "c"]]);
      assertEquals((yield* kafka.fetch(name, 0)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
      assertEquals(yield* trim(kafka, name, 0), { partition: 0, lowWatermark: 1, errorCode: 0 });
    }),
  },
  {
    name: "DeleteRecords up to -1 removes all there is, and offsets go on",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic();
      yield* kafka.produce(name, batch(["a", "b"]));
      assertEquals((yield* trim(kafka, name, -1)).lowWatermark, 2);
      assertEquals((yield* kafka.fetch(name, 2)).errorCode, 0);
      assertEquals((yield* kafka.produce(name, batch(["c"]))).baseOffset, 2);
      assertEquals(values((yield* kafka.fetch(name, 2)).records, 2), ["c"]);
    }),
  },
  {
    name: "DeleteRecords refuses offsets beyond the end, and partitions that do not exist",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic();
      assertEquals((yield* trim(kafka, name, 1)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
      assertEquals((yield* trim(kafka, name, -2)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
      assertEquals((yield* trim(kafka, name, 0, 1)).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    }),
  },
];
