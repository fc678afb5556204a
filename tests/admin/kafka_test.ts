import { Admin, kafka } from "@troupe/troupe";
import { Effect } from "effect";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { assertEquals } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { adminBehaviours } from "./behaviours.ts";

for (const { name, check } of adminBehaviours) {
  realKafkaTest(name, async (brokers) => {
    const broker = kafka({ brokers });
    await using admin = await Admin.connect(broker);
    await check(admin, broker, freshName);
  });
}

realKafkaTest("describeGroup tells of a group whose coordinator shares its partitions out", async (brokers) => {
  await using admin = await Admin.connect(kafka({ brokers }));
  const [topic, groupId, memberId] = [freshName("topic"), freshName("group"), crypto.randomUUID()];
  await admin.createTopics([{ name: topic, partitions: 2 }]);
  await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const link = yield* makeKafkajsLink({ brokers });
    const connection = yield* link.connect(link.bootstrap[0], "admin");
    const beat = { groupId, memberId, groupInstanceId: null, rackId: null, serverAssignor: null };
    const joined = yield* connection.call("ConsumerGroupHeartbeat", {
      ...beat,
      memberEpoch: 0,
      rebalanceTimeoutMs: 10_000,
      subscribedTopicNames: [topic],
      topicPartitions: [],
    });
    assertEquals([joined.errorCode, joined.errorMessage], [0, null]);
    const group = yield* Effect.promise(() => admin.describeGroup(groupId));
    assertEquals([group.protocol, group.assignor, group.members.map(({ memberId }) => memberId)], [
      "consumer",
      "uniform",
      [memberId],
    ]);
    const refused = yield* Effect.promise(() =>
      admin.resetOffsets(groupId, { to: "earliest", of: [topic] }).then(() => "", ({ type }) => type)
    );
    assertEquals(refused, "NON_EMPTY_GROUP");
    yield* connection.call("ConsumerGroupHeartbeat", {
      ...beat,
      memberEpoch: -1,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      topicPartitions: null,
    });
  })));
  const changes = await admin.resetOffsets(groupId, { to: "earliest", of: [topic] });
  assertEquals(changes.map(({ from, to }) => [from, to]), [[null, 0], [null, 0]]);
});
