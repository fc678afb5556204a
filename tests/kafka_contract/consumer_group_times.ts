/**
 * What Kafka does to members of the newer protocol that are silent, slow, or away for a while.
 * @module
 */
import { Effect } from "effect";
import { assertEquals, assertNotEquals } from "../assert.ts";
import { consumer, settledPair } from "./consumer_member.ts";
import { type Behaviour, ErrorCode } from "./context.ts";

const named = (groupInstanceId: string) => ({ groupInstanceId });

/** The behaviours. */
export const consumerGroupTimes: ReadonlyArray<Behaviour> = [
  {
    name: "a member of the newer protocol that does not let go within its rebalance time-out is expelled",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(2);
      const groupId = yield* kafka.group();
      const one = yield* consumer(kafka, groupId, [topic], { rebalanceTimeoutMs: 600 });
      yield* one.join();
      yield* one.settle(() => one.assigned.length === 2);
      const two = yield* consumer(kafka, groupId, [topic]);
      yield* two.join();
      const all = one.assigned;
      yield* kafka.until(one.hold(all), ({ errorCode }) => errorCode !== 0);
      assertEquals((yield* one.beat()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
      yield* two.settle(() => two.assigned.length === 2);
    }),
  },
  {
    name: "members of the newer protocol that are silent, or away, for longer than a session are expelled",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(4);
      const groupId = yield* kafka.group();
      const [one, two] = yield* settledPair(kafka, groupId, [topic], 2);
      const three = yield* consumer(kafka, groupId, [topic], named("three"));
      yield* three.join();
      const all = [one, two, three];
      yield* kafka.until(
        Effect.forEach(all, (member) => member.hold()),
        () => three.assigned.length === 1 && one.epoch === three.epoch,
      );
      yield* three.leave(-2);
      // What is away keeps its partition.
      const before = one.assigned;
      yield* Effect.sleep(100);
      assertEquals([(yield* one.hold()).assignment, one.assigned], [null, before]);
      // The broker decides how long a session is: it may be one of Kafka's 45 seconds.
      const waited = Effect.andThen(Effect.sleep(50), one.hold());
      yield* Effect.repeat(waited, { until: () => one.assigned.length === 4, times: 1_200 });
      assertEquals(one.assigned.length, 4);
      assertEquals((yield* two.beat()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals((yield* three.leave()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
  {
    name: "a static member of the newer protocol that is away for a while is back with what it had, disturbing nobody",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(4);
      const groupId = yield* kafka.group();
      const [one, two] = yield* settledPair(kafka, groupId, [topic], 2, (name) => named(name));
      const { errorCode, memberEpoch } = yield* two.leave(-2);
      assertEquals([errorCode, memberEpoch], [0, -2]);
      assertEquals((yield* two.beat()).errorCode, ErrorCode.FENCED_MEMBER_EPOCH);
      assertEquals((yield* two.hold([])).errorCode, ErrorCode.FENCED_MEMBER_EPOCH);
      assertEquals(yield* two.commit(topic, 1), ErrorCode.STALE_MEMBER_EPOCH);
      const again = yield* consumer(kafka, groupId, [topic], two.options);
      assertNotEquals(again.memberId, two.memberId);
      assertEquals((yield* again.join()).errorCode, 0);
      assertEquals([again.assigned, again.epoch], [two.assigned, two.epoch]);
      assertEquals([(yield* one.hold()).assignment, one.epoch], [null, two.epoch]);
    }),
  },
  {
    name: "a name that a live member of the newer protocol has is not given to another, nor to itself",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const groupId = yield* kafka.group();
      const one = yield* consumer(kafka, groupId, [topic], named("one"));
      yield* one.join();
      const two = yield* consumer(kafka, groupId, [topic], named("one"));
      assertEquals((yield* two.join()).errorCode, ErrorCode.UNRELEASED_INSTANCE_ID);
      assertEquals((yield* one.join()).errorCode, ErrorCode.UNRELEASED_INSTANCE_ID);
      assertEquals((yield* one.beat()).errorCode, 0);
    }),
  },
  {
    name: "a static member of the newer protocol whose name has a new process is fenced",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(2);
      const groupId = yield* kafka.group();
      const one = yield* consumer(kafka, groupId, [topic], named("one"));
      yield* one.join();
      yield* one.leave(-2);
      const again = yield* consumer(kafka, groupId, [topic], named("one"));
      yield* again.join();
      assertEquals((yield* one.beat()).errorCode, ErrorCode.FENCED_INSTANCE_ID);
      assertEquals((yield* one.leave()).errorCode, ErrorCode.FENCED_INSTANCE_ID);
      assertEquals((yield* one.beat({ groupInstanceId: null })).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals((yield* again.beat({ groupInstanceId: "two" })).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals((yield* again.beat()).errorCode, 0);
    }),
  },
  {
    name: "a static member of the newer protocol may be removed by its name alone",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const groupId = yield* kafka.group();
      const member = yield* consumer(kafka, groupId, [topic], named("one"));
      yield* member.join();
      const { errorCode, members } = yield* kafka.call("LeaveGroup", {
        groupId,
        members: [{ memberId: "", groupInstanceId: "nobody" }, { memberId: "", groupInstanceId: "one" }],
      });
      assertEquals([errorCode, ...members.map(({ errorCode }) => errorCode)], [0, ErrorCode.UNKNOWN_MEMBER_ID, 0]);
      assertEquals((yield* member.beat()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
];
