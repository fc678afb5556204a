/**
 * What Kafka tells of groups and of topics' configurations.
 * @module
 */
import { Effect, Fiber } from "effect";
import { assert, assertEquals } from "../assert.ts";
import { type Behaviour, type Context, ErrorCode } from "./context.ts";
import { gather, stableGroup } from "./group_member.ts";

const decoder = new TextDecoder();

const describeGroup = (kafka: Context, groupId: string) =>
  Effect.map(kafka.call("DescribeGroups", { groupIds: [groupId] }), ({ groups: [group] }) => group);

const describeTopic = (kafka: Context, name: string, keys: ReadonlyArray<string> | null) =>
  Effect.map(
    kafka.call("DescribeConfigs", { resources: [{ type: 2, name, keys }] }),
    ({ resources: [{ errorCode, configs }] }) => ({
      errorCode,
      configs: new Map(configs.map(({ name, value, isDefault }) => [name, { value, isDefault }])),
    }),
  );

/** The behaviours. */
export const describe: ReadonlyArray<Behaviour> = [
  {
    name: "DescribeGroups tells a stable group's protocol, and what its members said and were given",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const options = { protocols: { range: "m" } };
      const [one, two] = yield* stableGroup(kafka, groupId, [options, { ...options, groupInstanceId: "two" }]);
      const { errorCode, state, protocolType, protocolName, members } = yield* describeGroup(kafka, groupId);
      assertEquals([errorCode, state, protocolType, protocolName], [0, "Stable", "consumer", "range"]);
      const found = members.map((member) => [
        member.memberId,
        member.groupInstanceId,
        decoder.decode(member.metadata),
        decoder.decode(member.assignment),
      ]);
      const expected = [[one.memberId, null, "m", "0"], [two.memberId, "two", "m", "1"]];
      assertEquals(found.sort(), expected.sort());
      assert(members.every(({ clientId, clientHost }) => clientId !== "" && clientHost.startsWith("/")), "no client");
    }),
  },
  {
    name: "DescribeGroups tells which state a group is in, and what members had before until it is stable",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const seen = Effect.map(
        Effect.suspend(() => describeGroup(kafka, groupId)),
        ({ state, protocolName, members }) => [
          state,
          protocolName,
          members.map(({ metadata, assignment }) => metadata.length * 10 + assignment.length),
        ],
      );
      assertEquals(yield* seen, ["Dead", "", []]);
      const options = { protocols: { range: "m" } };
      const [one, two] = yield* stableGroup(kafka, groupId, [options, options]);
      assertEquals(yield* seen, ["Stable", "range", [11, 11]]);
      const joining = yield* one.joining();
      yield* two.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals(yield* seen, ["PreparingRebalance", "", [1, 1]]);
      yield* two.join();
      yield* Fiber.join(joining);
      assertEquals(yield* seen, ["CompletingRebalance", "", [1, 1]]);
      yield* one.sync();
      yield* two.sync();
      yield* one.leave();
      yield* two.leave();
      assertEquals(yield* seen, ["Empty", "", []]);
    }),
  },
  {
    name: "DescribeGroups tells of a group that has nothing but offsets as empty, and of nobody's as dead",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      yield* kafka.commit(yield* kafka.topic(), groupId, 1);
      const { errorCode, state, members } = yield* describeGroup(kafka, groupId);
      assertEquals([errorCode, state, members], [0, "Empty", []]);
      const nobody = yield* describeGroup(kafka, kafka.fresh("nobody"));
      assertEquals([nobody.errorCode, nobody.state], [0, "Dead"]);
    }),
  },
  {
    name: "a generation's members are described anew after each rebalance",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const members = yield* stableGroup(kafka, groupId, [{}, {}]);
      yield* gather(members);
      const [one, two] = members;
      yield* one.sync({ [one.memberId]: "x", [two.memberId]: "y" });
      yield* two.sync();
      const described = (yield* describeGroup(kafka, groupId)).members;
      assertEquals(described.map(({ assignment }) => decoder.decode(assignment)).sort(), ["x", "y"]);
    }),
  },
  {
    name: "DescribeConfigs tells what a topic was created with, and the defaults of the rest",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(1, { "retention.ms": "86400000", "max.message.bytes": "2000" });
      const { errorCode, configs } = yield* describeTopic(kafka, topic, null);
      assertEquals(errorCode, 0);
      assertEquals(configs.get("retention.ms"), { value: "86400000", isDefault: false });
      assertEquals(configs.get("max.message.bytes"), { value: "2000", isDefault: false });
      const defaults = {
        "cleanup.policy": "delete",
        "message.timestamp.after.max.ms": "3600000",
        "message.timestamp.type": "CreateTime",
        "retention.bytes": "-1",
        "segment.bytes": "1073741824",
        "segment.ms": "604800000",
      };
      for (const [name, value] of Object.entries(defaults)) {
        assertEquals([name, configs.get(name)], [name, { value, isDefault: true }]);
      }
    }),
  },
  {
    name: "DescribeConfigs tells only what it is asked for, and nothing of a topic that is not there",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(1, { "retention.ms": "5000" });
      const { configs } = yield* describeTopic(kafka, topic, ["retention.ms", "cleanup.policy", "no.such.config"]);
      assertEquals([...configs.keys()].sort(), ["cleanup.policy", "retention.ms"]);
      const { errorCode } = yield* describeTopic(kafka, kafka.fresh("nowhere"), null);
      assertEquals(errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      const { resources: [broker] } = yield* kafka.call("DescribeConfigs", {
        resources: [{ type: 4, name: "77", keys: null }],
      });
      assertEquals(broker.errorCode, ErrorCode.INVALID_REQUEST);
    }),
  },
];
