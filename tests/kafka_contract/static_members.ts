/**
 * What Kafka does for members that have a name of their own.
 * @module
 */
import { Effect, Fiber } from "effect";
import { assertEquals, assertNotEquals } from "../assert.ts";
import { type Behaviour, ErrorCode } from "./context.ts";
import { gather, stableGroup, stranger } from "./group_member.ts";

const named = (groupInstanceId: string) => ({ groupInstanceId });

/** The behaviours. */
export const staticMembers: ReadonlyArray<Behaviour> = [
  {
    name: "a static member joins without being given an id first; the leader is told its name",
    check: Effect.fnUntraced(function* (kafka) {
      const member = yield* stranger(kafka, yield* kafka.group(), named("one"));
      const { errorCode, generationId, memberId, members } = yield* member.joinOnce();
      assertEquals([errorCode, generationId], [0, 1]);
      assertEquals(members.map(({ memberId, groupInstanceId }) => [memberId, groupInstanceId]), [[memberId, "one"]]);
    }),
  },
  {
    name: "a static member that comes back keeps generation and assignment, and disturbs nobody",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one, two] = yield* stableGroup(kafka, groupId, [named("one"), named("two")]);
      const again = yield* stranger(kafka, groupId, named("two"));
      const { errorCode, generationId, leader, members } = yield* again.join();
      assertEquals([errorCode, generationId, leader, members.length], [0, one.generationId, one.memberId, 0]);
      assertNotEquals(again.memberId, two.memberId);
      assertEquals(yield* again.sync(), { errorCode: 0, assignment: "1" });
      assertEquals([yield* one.heartbeat(), yield* again.heartbeat()], [0, 0]);
    }),
  },
  {
    name: "a static leader that comes back is not told to lead, and disturbs nobody",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one, two] = yield* stableGroup(kafka, groupId, [named("one"), named("two")]);
      const again = yield* stranger(kafka, groupId, named("one"));
      const { generationId, leader, members } = yield* again.join();
      assertEquals([generationId, leader, members.length], [two.generationId, one.memberId, 0]);
      assertEquals(yield* again.sync(), { errorCode: 0, assignment: "0" });
      assertEquals(yield* two.heartbeat(), 0);
      // It leads all the same: it can make the others join again.
      const joining = yield* again.joining();
      yield* two.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      yield* two.join();
      assertEquals((yield* Fiber.join(joining)).members.length, 2);
    }),
  },
  {
    name: "the process a static member had before is fenced",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [named("one")]);
      const again = yield* stranger(kafka, groupId, named("one"));
      yield* again.join();
      const fenced = ErrorCode.FENCED_INSTANCE_ID;
      assertEquals(yield* one.heartbeat(), fenced);
      assertEquals((yield* one.sync()).errorCode, fenced);
      assertEquals(yield* one.commit(topic, 1), fenced);
      assertEquals((yield* one.joinOnce()).errorCode, fenced);
      assertEquals(yield* one.leave(), fenced);
      assertEquals(yield* again.heartbeat(), 0);
    }),
  },
  {
    name: "a static member's old id without its name is nobody's",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [named("one")]);
      yield* (yield* stranger(kafka, groupId, named("one"))).join();
      one.options = {};
      assertEquals(yield* one.heartbeat(), ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
  {
    name: "a name that no member has is refused with a member's id",
    check: Effect.fnUntraced(function* (kafka) {
      const [one] = yield* stableGroup(kafka, yield* kafka.group(), [{}]);
      one.options = named("nobody");
      assertEquals(yield* one.heartbeat(), ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
  {
    name: "a static member that waits for the others is fenced by its successor, which waits in its place",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one, two] = yield* stableGroup(kafka, groupId, [{}, named("two")]);
      const joining = yield* two.joining({ protocols: { range: "new" } });
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      const again = yield* stranger(kafka, groupId, named("two"));
      const rejoining = yield* again.joining();
      assertEquals((yield* Fiber.join(joining)).errorCode, ErrorCode.FENCED_INSTANCE_ID);
      assertEquals((yield* one.join()).members.length, 2);
      assertEquals((yield* Fiber.join(rejoining)).errorCode, 0);
    }),
  },
  {
    name: "a static member that comes back before the assignment makes all join again",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one, two] = yield* stableGroup(kafka, groupId, [{}, named("two")]);
      yield* gather([one, two]);
      const again = yield* stranger(kafka, groupId, named("two"));
      const rejoining = yield* again.joining();
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals((yield* one.join()).members.length, 2);
      assertEquals((yield* Fiber.join(rejoining)).generationId, one.generationId);
    }),
  },
  {
    name: "a static member may be made to leave by its name alone",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one, two] = yield* stableGroup(kafka, groupId, [{}, named("two")]);
      const leave = (groupInstanceId: string) =>
        Effect.map(
          kafka.call("LeaveGroup", { groupId, members: [{ memberId: "", groupInstanceId }] }),
          (answer) => answer.errorCode || answer.members[0].errorCode,
        );
      assertEquals(yield* leave("nobody"), ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals(yield* leave("two"), 0);
      assertEquals(yield* two.heartbeat(), ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals(yield* one.heartbeat(), ErrorCode.REBALANCE_IN_PROGRESS);
    }),
  },
  {
    name: "a static member that does not join again in time stays one until its session ends",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one, two] = yield* stableGroup(kafka, groupId, [
        { rebalanceTimeoutMs: 500 },
        { ...named("two"), rebalanceTimeoutMs: 500, sessionTimeoutMs: 1_800 },
      ]);
      assertEquals((yield* one.join()).members.map(({ groupInstanceId }) => groupInstanceId).sort(), [null, "two"]);
      yield* one.sync({ [two.memberId]: "kept" });
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals((yield* one.join()).members.length, 1);
      assertEquals(yield* two.heartbeat(), ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
];
