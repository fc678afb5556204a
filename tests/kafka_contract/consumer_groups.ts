/**
 * What Kafka does for groups of the newer protocol (KIP-848), whose coordinator shares the partitions out.
 * @module
 */
import { Effect } from "effect";
import { assert, assertEquals } from "../assert.ts";
import { consumer, type ConsumerMember, settledPair } from "./consumer_member.ts";
import { type Behaviour, ErrorCode } from "./context.ts";

/** How many partitions it was told to hold. */
const load = (member: ConsumerMember) => member.assigned.length;

/** The behaviours. */
export const consumerGroups: ReadonlyArray<Behaviour> = [
  {
    name: "the first member of a newer group has all partitions with the first answer, by the topic's id",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(3);
      const { topicId } = yield* kafka.describe(topic);
      const member = yield* consumer(kafka, yield* kafka.group(), [topic]);
      const { errorCode, memberId, memberEpoch, heartbeatIntervalMs } = yield* member.join();
      assertEquals([errorCode, memberId, memberEpoch], [0, member.memberId, 2]);
      assert(heartbeatIntervalMs > 0, "no heartbeat interval");
      yield* member.settle(() => load(member) === 3);
      assertEquals(member.assigned, [0, 1, 2].map((partition) => `${topicId}/${partition}`));
    }),
  },
  {
    name:
      "a heartbeat of the newer protocol that finds nothing new tells no assignment; a whole request is told it again",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(2);
      const member = yield* consumer(kafka, yield* kafka.group(), [topic]);
      yield* member.join();
      yield* member.settle(() => load(member) === 2);
      assertEquals((yield* member.beat()).assignment, null);
      const { assignment, memberEpoch } = yield* member.beat({
        rebalanceTimeoutMs: 5_000,
        subscribedTopicNames: [topic],
        topicPartitions: [],
      });
      assertEquals([assignment?.[0].partitions, memberEpoch], [[0, 1], 2]);
    }),
  },
  {
    name: "a second member gets a partition only once the first has said that it let it go",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(4);
      const groupId = yield* kafka.group();
      const one = yield* consumer(kafka, groupId, [topic]);
      yield* one.join();
      yield* one.settle(() => load(one) === 4);
      const two = yield* consumer(kafka, groupId, [topic]);
      assertEquals((yield* two.join()).assignment, []);
      const all = one.assigned;
      yield* kafka.until(one.hold(all), () => load(one) === 2);
      // It has not let go: it stays in its epoch, and nothing is free.
      yield* one.hold(all);
      yield* two.hold();
      assertEquals([one.epoch, two.epoch, load(two)], [2, 3, 0]);
      yield* one.hold();
      assertEquals(one.epoch, 3);
      yield* two.hold();
      assertEquals([...one.assigned, ...two.assigned].sort(), [...all]);
    }),
  },
  {
    name: "a member that has let go and has to let go of more stays in its epoch until that is done",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(6);
      const groupId = yield* kafka.group();
      const one = yield* consumer(kafka, groupId, [topic]);
      yield* one.join();
      yield* one.settle(() => load(one) === 6);
      const all = one.assigned;
      const two = yield* consumer(kafka, groupId, [topic]);
      yield* two.join();
      yield* kafka.until(one.hold(all), () => load(one) === 3);
      const three = yield* consumer(kafka, groupId, [topic]);
      yield* three.join();
      yield* three.settle(() => three.epoch === 4);
      yield* one.hold(all);
      assertEquals([one.epoch, load(one)], [2, 3]);
      yield* one.hold();
      assertEquals([one.epoch, load(one)], [2, 2]);
      yield* one.hold();
      assertEquals([one.epoch, load(one)], [4, 2]);
    }),
  },
  {
    name: "partitions stay where they are when members come and go, as far as balance allows",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(6);
      const groupId = yield* kafka.group();
      const [one, two] = yield* settledPair(kafka, groupId, [topic], 3);
      const before = [one.assigned, two.assigned];
      const three = yield* consumer(kafka, groupId, [topic]);
      yield* three.join();
      const all = [one, two, three];
      yield* kafka.until(
        Effect.forEach(all, (member) => member.hold()),
        () => all.every((member) => load(member) === 2 && member.epoch === three.epoch),
      );
      for (const [i, member] of [one, two].entries()) {
        assertEquals(member.assigned.filter((held) => !before[i].includes(held)), []);
      }
      yield* three.leave();
      yield* kafka.until(
        Effect.forEach([one, two], (member) => member.hold()),
        () => load(one) === 3 && load(two) === 3,
      );
    }),
  },
  {
    name: "a member of the newer protocol that leaves is unknown then, and its partitions go to the others",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(4);
      const [one, two] = yield* settledPair(kafka, yield* kafka.group(), [topic], 2);
      const { errorCode, memberEpoch, assignment } = yield* one.leave();
      assertEquals([errorCode, memberEpoch, assignment], [0, -1, null]);
      assertEquals((yield* one.beat()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
      yield* two.settle(() => load(two) === 4);
    }),
  },
  {
    name: "a member with an epoch that is not its own is fenced; with epoch 0 it joins again",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(2);
      const member = yield* consumer(kafka, yield* kafka.group(), [topic]);
      yield* member.join();
      yield* member.settle(() => load(member) === 2);
      for (const memberEpoch of [member.epoch + 1, member.epoch - 1]) {
        const { errorCode, memberId, assignment } = yield* member.beat({ memberEpoch });
        assertEquals([errorCode, memberId, assignment], [ErrorCode.FENCED_MEMBER_EPOCH, null, null]);
      }
      const { errorCode, memberEpoch, assignment } = yield* member.join();
      assertEquals([errorCode, memberEpoch, assignment?.[0].partitions], [0, 2, [0, 1]]);
    }),
  },
  {
    name: "a member whose answer with the new epoch was lost may say the epoch before once more",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(2);
      const groupId = yield* kafka.group();
      const one = yield* consumer(kafka, groupId, [topic]);
      yield* one.join();
      yield* one.settle(() => load(one) === 2);
      const two = yield* consumer(kafka, groupId, [topic]);
      yield* two.join();
      yield* one.settle(() => load(one) === 1);
      yield* one.hold();
      assertEquals(one.epoch, 3);
      one.epoch = 2;
      assertEquals([(yield* one.hold()).errorCode, one.epoch], [0, 3]);
      // Without saying what it holds, it might hold what it must not.
      assertEquals((yield* one.beat({ memberEpoch: 2 })).errorCode, ErrorCode.FENCED_MEMBER_EPOCH);
    }),
  },
  {
    name: "members and groups of the newer protocol that are not there are told apart",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const member = yield* consumer(kafka, yield* kafka.group(), [topic]);
      yield* member.join();
      const codes = [];
      const groupId = kafka.fresh("nowhere");
      codes.push((yield* member.beat({ memberId: "nobody" })).errorCode);
      codes.push((yield* member.beat({ memberId: "nobody", memberEpoch: -1 })).errorCode);
      codes.push((yield* member.beat({ groupId })).errorCode);
      codes.push((yield* member.beat({ groupId, memberEpoch: -1 })).errorCode);
      const { UNKNOWN_MEMBER_ID, GROUP_ID_NOT_FOUND } = ErrorCode;
      assertEquals(codes, [UNKNOWN_MEMBER_ID, UNKNOWN_MEMBER_ID, GROUP_ID_NOT_FOUND, GROUP_ID_NOT_FOUND]);
    }),
  },
  {
    name: "a heartbeat of the newer protocol that lacks something is refused",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const member = yield* consumer(kafka, yield* kafka.group(), [topic]);
      const refused = [
        member.join({ groupId: "" }),
        member.join({ memberId: "" }),
        member.join({ groupInstanceId: "" }),
        member.join({ rackId: "" }),
        member.join({ subscribedTopicNames: null }),
        member.join({ rebalanceTimeoutMs: -1 }),
        member.join({ topicPartitions: null }),
        member.join({ topicPartitions: [{ topicId: "0".repeat(32), partitions: [0] }] }),
        member.beat({ memberEpoch: -3 }),
        member.beat({ memberEpoch: -2 }),
      ];
      for (const [i, refusal] of refused.entries()) {
        assertEquals([i, (yield* refusal).errorCode], [i, ErrorCode.INVALID_REQUEST]);
      }
      const assignor = yield* member.join({ serverAssignor: "none of them" });
      assertEquals(assignor.errorCode, ErrorCode.UNSUPPORTED_ASSIGNOR);
    }),
  },
  {
    name: "a topic that appears, grows and goes changes the assignment of a newer group",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(1);
      const late = kafka.fresh("late");
      const member = yield* consumer(kafka, yield* kafka.group(), [topic, late]);
      yield* member.join();
      yield* member.settle(() => load(member) === 1);
      const before = member.epoch;
      yield* kafka.create({ name: late, numPartitions: 2 });
      yield* member.settle(() => load(member) === 3);
      assert(member.epoch > before, "the epoch stayed");
      yield* kafka.call("CreatePartitions", {
        timeoutMs: 5_000,
        validateOnly: false,
        topics: [{ name: late, count: 4 }],
      });
      yield* member.settle(() => load(member) === 5);
      yield* kafka.call("DeleteTopics", { timeoutMs: 5_000, topics: [late] });
      yield* member.settle(() => load(member) === 1);
    }),
  },
  {
    name: "a member that wants other topics gives up the rest, and the others get it",
    check: Effect.fnUntraced(function* (kafka) {
      const [topic, other] = [yield* kafka.topic(2), yield* kafka.topic(1)];
      const [one, two] = yield* settledPair(kafka, yield* kafka.group(), [topic], 1);
      const { assignment } = yield* one.beat({ subscribedTopicNames: [other] });
      const { topicId } = yield* kafka.describe(topic);
      assert(!assignment?.some((each) => each.topicId === topicId), "it still has what it does not want");
      yield* kafka.until(
        Effect.forEach([one, two], (member) => member.hold()),
        () => load(two) === 2 && load(one) === 1,
      );
      assertEquals(one.assigned, [`${(yield* kafka.describe(other)).topicId}/0`]);
    }),
  },
  {
    name: "the assignor range gives each member of a newer group partitions that stand side by side",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(4);
      const [one, two] = yield* settledPair(kafka, yield* kafka.group(), [topic], 2, { serverAssignor: "range" });
      const numbers = [one, two].map(({ assigned }) => assigned.map((held) => Number(held.split("/")[1])));
      assertEquals(numbers.sort(), [[0, 1], [2, 3]]);
    }),
  },
  {
    name: "a newer group is described with what its members hold and shall hold",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(2);
      const groupId = yield* kafka.group();
      const [one, two] = yield* settledPair(kafka, groupId, [topic], 1);
      const nobody = kafka.fresh("nobody");
      // A broker answers in an order of its own.
      const describe = Effect.map(
        Effect.suspend(() => kafka.call("ConsumerGroupDescribe", { groupIds: [groupId, nobody] })),
        ({ groups }) => groups.toSorted((each) => each.groupId === groupId ? -1 : 1),
      );
      const [group, unknown] = yield* kafka.until(describe, ([group]) => group.state === "Stable");
      assertEquals([group.errorCode, group.groupEpoch, group.assignmentEpoch], [0, 3, 3]);
      assertEquals(group.assignorName, "uniform");
      const members = group.members.toSorted((a) => a.memberId === one.memberId ? -1 : 1);
      assertEquals(members.map(({ memberId }) => memberId), [one.memberId, two.memberId]);
      for (const member of members) {
        assertEquals([member.memberEpoch, member.subscribedTopicNames], [3, [topic]]);
        assertEquals(member.assignment, member.targetAssignment);
        assertEquals(member.assignment[0].partitions.length, 1);
      }
      assertEquals(unknown.errorCode, ErrorCode.GROUP_ID_NOT_FOUND);
    }),
  },
];
