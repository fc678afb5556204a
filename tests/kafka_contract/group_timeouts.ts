/**
 * What Kafka does to members that are not heard of, or too slow.
 * @module
 */
import { Effect, Fiber } from "effect";
import { assert, assertEquals } from "../assert.ts";
import { type Behaviour, ErrorCode } from "./context.ts";
import { gather, type Member, stableGroup, stranger } from "./group_member.ts";

/** Heartbeats for so many milliseconds; gives the last answer. */
const beat = (member: Member, ms: number) =>
  Effect.gen(function* () {
    let answer = 0;
    for (let at = 0; at < ms; at += 100) {
      answer = yield* member.heartbeat();
      yield* Effect.sleep(100);
    }
    return answer;
  });

/** The behaviours. */
export const groupTimeouts: ReadonlyArray<Behaviour> = [
  {
    name: "a member that is not heard of for its session time-out is expelled, and the others join again",
    check: Effect.fnUntraced(function* (kafka) {
      const [one, two] = yield* stableGroup(kafka, yield* kafka.group(), [{}, { sessionTimeoutMs: 600 }]);
      assertEquals(yield* one.heartbeat(), 0);
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals(yield* two.heartbeat(), ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals((yield* one.join()).members.length, 1);
    }),
  },
  {
    name: "heartbeats keep a member in, and so do commits",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const [member] = yield* stableGroup(kafka, yield* kafka.group(), [{ sessionTimeoutMs: 600 }]);
      assertEquals(yield* beat(member, 900), 0);
      for (let at = 0; at < 900; at += 100) {
        assertEquals(yield* member.commit(topic, at), 0);
        yield* Effect.sleep(100);
      }
      assertEquals(yield* member.heartbeat(), 0);
    }),
  },
  {
    name: "a member that does not join again within the rebalance time-out is expelled, heartbeats or not",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [{ rebalanceTimeoutMs: 600 }]);
      const two = yield* stranger(kafka, groupId, { rebalanceTimeoutMs: 500 });
      const joining = yield* two.joining();
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      const beating = yield* Effect.forkChild(beat(one, 1_000));
      const { leader, memberId, members } = yield* Fiber.join(joining);
      assertEquals([leader, members.length], [memberId, 1]);
      assertEquals(yield* Fiber.join(beating), ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
  {
    name: "a member that waits for the others to join is not expelled for its silence",
    check: Effect.fnUntraced(function* (kafka) {
      const [one, two] = yield* stableGroup(kafka, yield* kafka.group(), [
        { rebalanceTimeoutMs: 10_000 },
        { sessionTimeoutMs: 500 },
      ]);
      const joining = yield* two.joining({ protocols: { range: "new" } });
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      yield* Effect.sleep(1_000);
      assertEquals((yield* one.join()).members.length, 2);
      assertEquals((yield* Fiber.join(joining)).errorCode, 0);
    }),
  },
  {
    name: "a member that does not fetch its assignment within the rebalance time-out is expelled",
    check: Effect.fnUntraced(function* (kafka) {
      const [one, two] = yield* stableGroup(kafka, yield* kafka.group(), [
        { rebalanceTimeoutMs: 600 },
        { rebalanceTimeoutMs: 600 },
      ]);
      yield* gather([one, two]);
      assertEquals((yield* one.sync()).errorCode, 0);
      const beating = yield* Effect.forkChild(beat(two, 1_000));
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals(yield* Fiber.join(beating), ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
  {
    name: "a member that says nothing more once it has joined is expelled after its session time-out",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [{ rebalanceTimeoutMs: 60_000 }]);
      const two = yield* stranger(kafka, groupId, { sessionTimeoutMs: 600 });
      const joining = yield* two.joining();
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      yield* Effect.sleep(100);
      assertEquals((yield* one.join()).members.length, 2);
      assertEquals((yield* Fiber.join(joining)).errorCode, 0);
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals(yield* two.heartbeat(), ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
  {
    name: "the time to fetch an assignment is over when the group is balanced anew",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const slow = { rebalanceTimeoutMs: 800 };
      const [one, two] = yield* stableGroup(kafka, groupId, [slow, slow]);
      yield* gather([one, two]);
      yield* Effect.sleep(400);
      const three = yield* stranger(kafka, groupId, { rebalanceTimeoutMs: 5_000 });
      const joining = [yield* three.joining()];
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      yield* Effect.sleep(100);
      joining.push(yield* one.joining());
      yield* Effect.sleep(500);
      joining.push(yield* two.joining());
      for (const fiber of joining) assertEquals((yield* Fiber.join(fiber)).errorCode, 0);
    }),
  },
  {
    name: "an id that was given away and not used holds a rebalance up no longer than the session time-out",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [{}]);
      const two = yield* stranger(kafka, groupId, { sessionTimeoutMs: 700 });
      const { memberId } = yield* two.joinOnce();
      const joining = yield* one.joining();
      yield* Effect.sleep(200);
      assertEquals(joining.pollUnsafe(), undefined);
      yield* Effect.sleep(1_000);
      assert(joining.pollUnsafe() !== undefined, "it still waits");
      assertEquals((yield* Fiber.join(joining)).members.length, 1);
      two.memberId = memberId;
      assertEquals((yield* two.joinOnce()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
  {
    name: "the members' longest rebalance time-out counts",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [{ rebalanceTimeoutMs: 5_000 }]);
      const two = yield* stranger(kafka, groupId, { rebalanceTimeoutMs: 100 });
      const joining = yield* two.joining();
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      yield* Effect.sleep(400);
      assertEquals(joining.pollUnsafe(), undefined);
      assertEquals((yield* one.join()).members.length, 2);
      assert((yield* Fiber.join(joining)).errorCode === 0);
    }),
  },
];
