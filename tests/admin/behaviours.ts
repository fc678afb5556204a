/**
 * What an Admin does, on whichever Kafka it is given: through the public API only.
 * @module
 */
import {
  actor,
  ActorSystem,
  Admin,
  type Broker,
  ConfigError,
  ConnectionError,
  event,
  GroupError,
  type TopicDescription,
  TopicError,
} from "@troupe/troupe";
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "../assert.ts";

/** One thing an Admin does. */
export interface AdminBehaviour {
  readonly name: string;
  readonly check: (admin: Admin, broker: Broker, fresh: (prefix: string) => string) => Promise<void>;
}

type ErrorClass<E> = abstract new (...args: never) => E;

/** What a call rejects with. */
async function rejection<E>(call: Promise<unknown>, errorClass: ErrorClass<E>): Promise<E> {
  const error = await call.then((value) => value, (error: unknown) => error);
  if (!(error instanceof errorClass)) throw new Error(`no ${errorClass.name} but ${Deno.inspect(error)}`);
  return error;
}

const start = Date.UTC(2026, 0, 1);

/** Writes `count` records to each partition, a minute apart from 2026 on. */
async function fill(broker: Broker, topic: string, partitions: number, count: number): Promise<void> {
  const Filled = event({ name: "Filled", topic });
  await using system = await ActorSystem.start({ actors: [], events: [Filled], broker, partitions, logLevel: "error" });
  for (let i = 0; i < count; i++) {
    for (let partition = 0; partition < partitions; partition++) {
      await system.publish(Filled, new Uint8Array([i]), { partition, timestamp: start + i * 60_000 });
    }
  }
}

/** Receives until it has received `count` records; the system still runs then. */
async function receive(broker: Broker, topic: string, group: string, count: number): Promise<ActorSystem> {
  const done = Promise.withResolvers<void>();
  let received = 0;
  const reader = actor({
    name: group,
    receives: [event({ name: "Filled", topic })],
    receive: () => {
      if (++received === count) done.resolve();
    },
  });
  const system = await ActorSystem.start({ actors: [reader], broker, commitInterval: 50, logLevel: "error" });
  await done.promise;
  return system;
}

const lines = (changes: ReadonlyArray<{ partition: number; from: number | null; to: number }>) =>
  changes.map(({ partition, from, to }) => `${partition}: ${from} → ${to}`);

/** The behaviours. */
export const adminBehaviours: ReadonlyArray<AdminBehaviour> = [
  {
    name: "createTopics makes topics whose partitions are led, and describeTopics tells what they are like",
    check: async (admin, _, fresh) => {
      const [one, other] = [fresh("one"), fresh("other")];
      const created = await admin.createTopics([
        {
          name: one,
          partitions: 3,
          replicationFactor: 1,
          configs: { "delete.retention.ms": 60_000, "max.message.bytes": "2000" },
        },
        { name: other, partitions: 1 },
      ]);
      assertEquals(created, [{ name: one, created: true, partitions: 3 }, {
        name: other,
        created: true,
        partitions: 1,
      }]);
      const [described, second] = await admin.describeTopics([one, other]);
      assertEquals(described.partitions.map(({ partition }) => partition), [0, 1, 2]);
      for (const { leader, replicas, isr } of described.partitions) {
        assert(leader !== null);
        assertEquals([replicas, isr], [[leader], [leader]]);
      }
      assertMatch(described.id, /^[0-9a-f]{32}$/);
      assertNotEquals(described.id, second.id);
      const set = (
        { configs }: TopicDescription,
      ) => [configs["delete.retention.ms"] ?? "", configs["max.message.bytes"] ?? ""];
      assertEquals(set(described), ["60000", "2000"]);
      assertEquals(set(second), ["", ""]);
      const all = (await admin.describeTopics()).map(({ name }) => name);
      assertEquals([one, other].map((name) => all.includes(name)), [true, true]);
      assertEquals(all.filter((name) => name.startsWith("__")), []);
    },
  },
  {
    name: "createTopics takes the brokers' own counts where it is told none",
    check: async (admin, _, fresh) => {
      const [{ partitions }] = await admin.createTopics([{ name: fresh("plain") }]);
      assertEquals(partitions, 8);
    },
  },
  {
    name: "createTopics refuses a topic that is there, unless it may be kept, and creates no other then",
    check: async (admin, _, fresh) => {
      const [name, other] = [fresh("twice"), fresh("other")];
      await admin.createTopics([{ name, partitions: 2 }]);
      const error = await rejection(admin.createTopics([{ name: other }, { name }]), TopicError);
      assertEquals([error.topic, error.type], [name, "TOPIC_ALREADY_EXISTS"]);
      assertStringIncludes(error.message, 'existing: "keep"');
      assertEquals((await rejection(admin.describeTopics([other]), TopicError)).type, "UNKNOWN_TOPIC_OR_PARTITION");
      const kept = await admin.createTopics([{ name, partitions: 5 }, { name: other, partitions: 1 }], {
        existing: "keep",
      });
      assertEquals(kept, [{ name, created: false, partitions: 2 }, { name: other, created: true, partitions: 1 }]);
    },
  },
  {
    name: "createTopics names the topic that is wrong and what is wrong with it, and creates none of them",
    check: async (admin, _, fresh) => {
      const good = fresh("good");
      const wrong = [
        [{ name: fresh("config"), configs: { "retention.sm": 1 } }, "INVALID_CONFIG", "retention.sm"],
        [
          { name: fresh("replicas"), replicationFactor: 9 },
          "INVALID_REPLICATION_FACTOR",
          "as many replicas as there are",
        ],
        [{ name: "a name with blanks" }, "INVALID_TOPIC_EXCEPTION", "choose another name"],
      ] as const;
      for (const [topic, type, words] of wrong) {
        const error = await rejection(admin.createTopics([{ name: good, partitions: 1 }, topic]), TopicError);
        assertEquals([error.topic, error.type], [topic.name, type]);
        assertStringIncludes(error.message, words);
      }
      assertEquals((await rejection(admin.describeTopics([good]), TopicError)).type, "UNKNOWN_TOPIC_OR_PARTITION");
    },
  },
  {
    name: "calls refuse arguments that can't be meant, each by its name",
    check: async (admin) => {
      const fields = [
        [admin.createTopics([{ name: "x", partitions: 0 }]), "topics.0.partitions"],
        [admin.createTopics([{ name: "x" }, { name: "x" }]), "topics"],
        [admin.growTopic("x", 1.5), "partitions"],
        [admin.listOffsets(["x"], new Date(-5)), "position"],
        [admin.listOffsets(["x"], new Date(NaN)), "position"],
        [admin.resetOffsets("g", { to: { offset: -1 } }), "options.to.offset"],
      ] as const;
      for (const [call, field] of fields) assertEquals((await rejection(call, ConfigError)).field, field);
    },
  },
  {
    name: "growTopic gives a topic more partitions, each led; as many is nothing to do, fewer is refused",
    check: async (admin, _, fresh) => {
      const name = fresh("growing");
      await admin.createTopics([{ name, partitions: 2 }]);
      await admin.growTopic(name, 5);
      await admin.growTopic(name, 5);
      const [{ partitions }] = await admin.describeTopics([name]);
      assertEquals(partitions.map(({ leader }) => leader !== null), Array(5).fill(true));
      const error = await rejection(admin.growTopic(name, 4), TopicError);
      assertEquals([error.topic, error.type], [name, "INVALID_PARTITIONS"]);
      assertStringIncludes(error.message, "it has 5 partitions, 4 were asked for");
      assertEquals((await rejection(admin.growTopic(fresh("none"), 4), TopicError)).type, "UNKNOWN_TOPIC_OR_PARTITION");
    },
  },
  {
    name: "deleteTopics ends when the topics are gone",
    check: async (admin, _, fresh) => {
      const name = fresh("short-lived");
      await admin.createTopics([{ name, partitions: 2 }]);
      await admin.deleteTopics([name]);
      for (const call of [admin.describeTopics([name]), admin.deleteTopics([name])]) {
        const error = await rejection(call, TopicError);
        assertEquals([error.topic, error.type], [name, "UNKNOWN_TOPIC_OR_PARTITION"]);
      }
    },
  },
  {
    name: "listOffsets finds the beginning, the end and a time in every partition",
    check: async (admin, broker, fresh) => {
      const topic = fresh("timed");
      await fill(broker, topic, 2, 5);
      const offsets = async (...args: Parameters<Admin["listOffsets"]>) =>
        (await admin.listOffsets(...args)).map(({ partition, offset }) => [partition, offset]);
      assertEquals(await offsets([topic], "earliest"), [[0, 0], [1, 0]]);
      assertEquals(await offsets([topic], "latest"), [[0, 5], [1, 5]]);
      assertEquals(await offsets([topic], new Date(start + 100_000)), [[0, 2], [1, 2]]);
      assertEquals(await offsets([topic], new Date(start + 3_600_000)), [[0, 5], [1, 5]]);
      assertEquals(await offsets([{ topic, partition: 1 }, topic], "latest"), [[0, 5], [1, 5]]);
      assertEquals(await offsets([{ topic, partition: 1 }], "latest"), [[1, 5]]);
      const error = await rejection(admin.listOffsets([{ topic, partition: 2 }], "latest"), TopicError);
      assertStringIncludes(error.message, `topic ${topic}: UNKNOWN_TOPIC_OR_PARTITION: partition 2: it has 2`);
    },
  },
  {
    name: "describeGroup, groupLag and resetOffsets follow a group from its members to its end",
    check: async (admin, broker, fresh) => {
      const [topic, groupId] = [fresh("read"), fresh("group")];
      await fill(broker, topic, 2, 4);
      const system = await receive(broker, topic, groupId, 8);
      const group = await admin.describeGroup(groupId);
      assertEquals([group.state, group.protocol, group.assignor], ["Stable", "classic", "cooperative-sticky"]);
      assertEquals(group.members.map(({ instanceId, partitions }) => [instanceId, partitions]), [
        [null, [{ topic, partition: 0 }, { topic, partition: 1 }]],
      ]);
      const error = await rejection(admin.resetOffsets(groupId, { to: "earliest" }), GroupError);
      assertEquals([error.groupId, error.type], [groupId, "NON_EMPTY_GROUP"]);
      assertStringIncludes(error.message, "Stable, 1 member (");
      assertStringIncludes(error.message, "stop its processes");
      assertEquals(
        (await rejection(admin.resetOffsets(groupId, { to: "earliest", dryRun: true }), GroupError)).type,
        error.type,
      );
      await system.stop();

      const empty = await admin.describeGroup(groupId);
      assertEquals([empty.state, empty.members], ["Empty", []]);
      assertEquals(await admin.groupLag(groupId), {
        groupId,
        total: 0,
        partitions: [0, 1].map((partition) => ({ topic, partition, committed: 4, end: 4, lag: 0 })),
      });
      const wouldBe = await admin.resetOffsets(groupId, { to: { shift: -3 }, dryRun: true });
      assertEquals(lines(wouldBe), ["0: 4 → 1", "1: 4 → 1"]);
      assertEquals((await admin.groupLag(groupId)).total, 0);
      assertEquals(await admin.resetOffsets(groupId, { to: { shift: -3 } }), wouldBe);
      assertEquals((await admin.groupLag(groupId)).total, 6);
      // It goes on where it was set to.
      await (await receive(broker, topic, groupId, 6)).stop();
      assertEquals((await admin.groupLag(groupId)).total, 0);
    },
  },
  {
    name: "resetOffsets goes to the beginning, the end, a time, an offset or so many records on, within each log",
    check: async (admin, broker, fresh) => {
      const [topic, groupId] = [fresh("reset"), fresh("group")];
      await fill(broker, topic, 2, 5);
      const none = await rejection(admin.resetOffsets(groupId, { to: "earliest" }), GroupError);
      assertEquals(none.type, "NOTHING_COMMITTED");
      const unshifted = await rejection(admin.resetOffsets(groupId, { to: { shift: 1 }, of: [topic] }), GroupError);
      assertEquals(unshifted.type, "NOTHING_COMMITTED");
      const to = async (options: Parameters<Admin["resetOffsets"]>[1]) =>
        lines(await admin.resetOffsets(groupId, options));
      assertEquals(await to({ to: "earliest", of: [topic] }), ["0: null → 0", "1: null → 0"]);
      assertEquals(await to({ to: new Date(start + 100_000) }), ["0: 0 → 2", "1: 0 → 2"]);
      assertEquals(await to({ to: { shift: 1 }, of: [{ topic, partition: 1 }] }), ["1: 2 → 3"]);
      assertEquals(await to({ to: { shift: 2 } }), ["0: 2 → 4", "1: 3 → 5"]);
      assertEquals(await to({ to: { shift: 9 } }), ["0: 4 → 5", "1: 5 → 5"]);
      assertEquals(await to({ to: { offset: 4 } }), ["0: 5 → 4", "1: 5 → 4"]);
      assertEquals(await to({ to: { offset: 99 } }), ["0: 4 → 5", "1: 4 → 5"]);
      assertEquals(await to({ to: { shift: -9 } }), ["0: 5 → 0", "1: 5 → 0"]);
      assertEquals(await to({ to: "latest" }), ["0: 0 → 5", "1: 0 → 5"]);
      assertEquals((await admin.groupLag(groupId)).total, 0);
    },
  },
  {
    name: "groupLag counts partitions nothing is committed for from their beginning, and forgets topics that are gone",
    check: async (admin, broker, fresh) => {
      const [topic, gone, groupId] = [fresh("half"), fresh("gone"), fresh("group")];
      await fill(broker, topic, 2, 5);
      await fill(broker, gone, 1, 5);
      await admin.resetOffsets(groupId, { to: { offset: 3 }, of: [{ topic, partition: 1 }, gone] });
      assertEquals((await admin.groupLag(groupId)).total, 9);
      await admin.deleteTopics([gone]);
      assertEquals((await admin.groupLag(groupId)).partitions, [
        { topic, partition: 0, committed: null, end: 5, lag: 5 },
        { topic, partition: 1, committed: 3, end: 5, lag: 2 },
      ]);
    },
  },
  {
    name: "describeGroup and groupLag name a group that is not there",
    check: async (admin, _, fresh) => {
      const groupId = fresh("nobody");
      for (const call of [admin.describeGroup(groupId), admin.groupLag(groupId)]) {
        const error = await rejection(call, GroupError);
        assertEquals([error.groupId, error.type], [groupId, "GROUP_ID_NOT_FOUND"]);
        assertStringIncludes(error.message, "look at its spelling");
      }
    },
  },
  {
    name: "an Admin that was closed says so",
    check: async (_, broker) => {
      const closed = await Admin.connect(broker);
      const underWay = closed.describeTopics();
      await Promise.all([closed.close(), rejection(underWay, ConnectionError)]);
      await closed.close();
      for (const call of [() => underWay, () => closed.describeTopics()]) {
        const error = await rejection(call(), ConnectionError);
        assertStringIncludes(error.message, "this Admin was closed");
      }
    },
  },
  {
    name: "deleteTopics takes a topic that is named twice for one",
    check: async (admin, _, fresh) => {
      const topic = fresh("twice");
      await admin.createTopics([{ name: topic, partitions: 1 }]);
      await admin.deleteTopics([topic, topic]);
      await rejection(admin.describeTopics([topic]), TopicError);
    },
  },
  {
    name: "calls refuse what can't be a name",
    check: async (admin) => {
      const to = { to: "earliest" } as const;
      const calls = {
        topic: [() => admin.growTopic("", 2), () => admin.growTopic(undefined as unknown as string, 2)],
        groupId: [
          () => admin.describeGroup(""),
          () => admin.groupLag(null as unknown as string),
          () => admin.resetOffsets("", to),
        ],
      };
      for (const [field, rejected] of Object.entries(calls)) {
        for (const call of rejected) {
          assertEquals((await rejection(call(), ConfigError)).message, `${field}: expected a name`);
        }
      }
    },
  },
];
