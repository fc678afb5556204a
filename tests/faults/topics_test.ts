/** Faults of topics on a real Kafka: all that has to be handled is, and once. Stock kafkajs beside: `topics_main.ts`. */
import { ActorSystem, event, kafka } from "@troupe/troupe";
import { Kafka, logLevel } from "kafkajs";
import { assert, assertEquals } from "../assert.ts";
import { until, within } from "../scenarios/within.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { readLog } from "./log.ts";
import { sufferTopic, topicFaults } from "./topic_faults.ts";

realKafkaTest(
  "topics deleted, created again, grown and trimmed under a group: nothing is skipped, nothing repeated",
  async (brokers) => {
    const rows = await Promise.all(topicFaults.map((fault) => sufferTopic(brokers, fault, "ours")));
    assertEquals(
      rows.map(({ what, unhandled, twice }) => [what, unhandled, twice]),
      topicFaults.map(({ what }) => [what, 0, 0]),
    );
  },
);

realKafkaTest(
  "a publisher whose topic is deleted and created again with fewer partitions goes on and loses nothing",
  async (brokers) => {
    const topic = freshName("topic");
    const Value = event({ name: "Value", topic, key: (bytes: Uint8Array) => bytes });
    const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const create = async (numPartitions: number) => {
      const topics = [{ topic, numPartitions }];
      await until(
        () => admin.createTopics({ waitForLeaders: false, topics }).catch(() => false),
        (made) => made,
        "created",
      );
    };
    await create(4);
    await using system = await ActorSystem.start({
      actors: [],
      events: [Value],
      broker: kafka({ brokers }),
      logLevel: "none",
    });
    await system.whenReady(60_000);
    /** Values by the partition count of the topic they were acknowledged in. */
    const acknowledged = new Map<string, number>();
    const failed: string[] = [];
    let era = 1;
    const publishing: Promise<void>[] = [];
    const publish = async (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        const bytes = new TextEncoder().encode(`v-${i}`);
        publishing.push(
          system.publish(Value, bytes).then(
            () => void acknowledged.set(`v-${i}`, era),
            (error) => void failed.push(`${error}`),
          ),
        );
        if (i % 20 === 0) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    };
    await publish(0, 1_000);
    await Promise.all(publishing);
    const deletion = admin.deleteTopics({ topics: [topic] });
    await publish(1_000, 2_000);
    await deletion;
    await publish(2_000, 2_500);
    era = 2; // acknowledgements of the old one have come long since
    await create(2);
    await publish(2_500, 4_000);
    await within(Promise.all(publishing), () => `all published, ${acknowledged.size} acknowledged`);
    await admin.disconnect();
    const stored = (await readLog(brokers, topic)).map(({ value }) => value);
    assertEquals(failed, []);
    assertEquals(new Set(stored).size, stored.length, "nothing stands twice");
    const late = [...acknowledged].filter(([, at]) => at === 2).map(([value]) => value);
    assert(late.length >= 1_500, `${late.length} acknowledged after the deletion`);
    const kept = new Set(stored);
    assertEquals(late.filter((value) => !kept.has(value)), []);
  },
);
