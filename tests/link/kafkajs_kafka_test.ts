import { Effect, Fiber, Schedule } from "effect";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import type { KafkaLinkOptions } from "../../src/link/kafkajs/options.ts";
import type { Connection, Role } from "../../src/link/link.ts";
import { assert, assertEquals } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";

/** One connection of each of these roles to the first broker. */
const connections = Effect.fnUntraced(function* (options: KafkaLinkOptions, ...roles: ReadonlyArray<Role>) {
  const link = yield* makeKafkajsLink(options);
  return yield* Effect.all(roles.map((role) => link.connect(link.bootstrap[0], role)));
});

const makeTopic = Effect.fnUntraced(function* (admin: Connection) {
  const name = freshName("link");
  const topics = [{ name, numPartitions: 1, replicationFactor: 1, configs: {} }];
  const answer = yield* admin.call("CreateTopics", { timeoutMs: 10_000, validateOnly: false, topics });
  assertEquals(answer.topics.map(({ errorCode }) => errorCode), [0]);
  // Created is not led yet.
  const asked = [{ name, partitions: [{ partition: 0, currentLeaderEpoch: -1, timestamp: -1 }] }];
  yield* admin.call("ListOffsets", { isolationLevel: 0, topics: asked }).pipe(
    Effect.repeat({ schedule: Schedule.spaced(10), until: ({ topics }) => topics[0].partitions[0].errorCode === 0 }),
  );
  return name;
});

function batch(value: string): Uint8Array {
  const encoder = new BatchEncoder(Date.now());
  encoder.add(null, new TextEncoder().encode(value), [], Date.now());
  return encoder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, compression: "none" }).slice();
}

realKafkaTest(
  "every role finds the versions it needs",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const roles = ["metadata", "group", "offsets", "fetch", "produce", "admin"] as const;
      const all = yield* connections({ brokers }, ...roles);
      for (const connection of all) assert(connection.isOpen());
      const { brokers: known } = yield* all[0].call("Metadata", { topics: [], allowAutoTopicCreation: false });
      assert(known.length > 0);
    }))),
);

realKafkaTest(
  "calls reach the broker in their order, without waiting for each other",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const [admin, produce] = yield* connections({ brokers }, "admin", "produce");
      const name = yield* makeTopic(admin);
      const calls = Array.from({ length: 40 }, (_, i) =>
        produce.call("Produce", {
          transactionalId: null,
          acks: -1,
          timeoutMs: 10_000,
          topics: [{ name, partitions: [{ partition: 0, records: batch(`${i}`) }] }],
        }));
      const answers = yield* Effect.all(calls, { concurrency: "unbounded" });
      const offsets = answers.map(({ topics }) => topics[0].partitions[0].baseOffset);
      assertEquals(offsets, calls.map((_, i) => i));
    }))),
);

realKafkaTest(
  "a request time-out closes its connection and no other",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const [admin, fetch, other] = yield* connections({ brokers }, "admin", "fetch", "fetch");
      const name = yield* makeTopic(admin);
      const partitions = [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 0, maxBytes: 1_000 }];
      const request = {
        maxWaitMs: 60_000,
        minBytes: 1,
        maxBytes: 1_000,
        isolationLevel: 0 as const,
        rackId: "",
        topics: [{ name, partitions }],
      };
      const error = yield* Effect.flip(fetch.call("Fetch", request, 100));
      assertEquals([error.reason, fetch.isOpen()], ["timeout", false]);
      const answer = yield* other.call("Fetch", { ...request, maxWaitMs: 1 });
      assertEquals([answer.topics[0].partitions[0].highWatermark, other.isOpen()], [0, true]);
    }))),
);

realKafkaTest(
  "closing in the midst of a long poll is at once",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const [admin, fetch] = yield* connections({ brokers }, "admin", "fetch");
      const name = yield* makeTopic(admin);
      const partitions = [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 0, maxBytes: 1_000 }];
      const request = { maxWaitMs: 60_000, minBytes: 1, maxBytes: 1_000, isolationLevel: 0 as const, rackId: "" };
      const poll = fetch.call("Fetch", { ...request, topics: [{ name, partitions }] }, 120_000);
      const polling = yield* Effect.forkChild(Effect.flip(poll), { startImmediately: true });
      yield* fetch.close;
      assertEquals((yield* Fiber.join(polling)).reason, "closed");
    }))),
);
