/**
 * How Kafka runs a group: joining, assigning, heartbeats, leaving.
 * @module
 */
import { Effect, Fiber } from "effect";
import { assert, assertEquals, assertNotEquals } from "../assert.ts";
import { type Behaviour, ErrorCode } from "./context.ts";
import { balance, gather, stableGroup, stranger } from "./group_member.ts";

const decoder = new TextDecoder();

/** The behaviours. */
export const groups: ReadonlyArray<Behaviour> = [
  {
    name: "JoinGroup gives a newcomer an id first, and lets it in with that",
    check: Effect.fnUntraced(function* (kafka) {
      const member = yield* stranger(kafka, yield* kafka.group(), { protocols: { range: "me" } });
      const first = yield* member.joinOnce();
      assertEquals([first.errorCode, first.generationId], [ErrorCode.MEMBER_ID_REQUIRED, -1]);
      assertNotEquals(first.memberId, "");
      member.memberId = first.memberId;
      const { errorCode, generationId, protocolName, leader, memberId, members } = yield* member.joinOnce();
      assertEquals([errorCode, generationId, protocolName, leader, memberId], [
        0,
        1,
        "range",
        first.memberId,
        first.memberId,
      ]);
      assertEquals(
        members.map(({ memberId, groupInstanceId, metadata }) => [memberId, groupInstanceId, decoder.decode(metadata)]),
        [[first.memberId, null, "me"]],
      );
    }),
  },
  {
    name: "the first to join an empty group does not wait for others that were given an id",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const slow = yield* stranger(kafka, groupId, { sessionTimeoutMs: 60_000 });
      const { memberId } = yield* slow.joinOnce();
      const quick = yield* stranger(kafka, groupId, { rebalanceTimeoutMs: 60_000 });
      const joining = yield* quick.joining();
      yield* kafka.until(Effect.sync(() => joining.pollUnsafe() !== undefined), (joined) => joined);
      assertEquals((yield* Fiber.join(joining)).members.length, 1);
      yield* quick.sync({ [quick.memberId]: "all" });
      assertEquals(yield* quick.heartbeat(), 0);
      slow.memberId = memberId;
      yield* slow.joining();
      yield* quick.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals((yield* quick.join()).members.length, 2);
    }),
  },
  {
    name: "JoinGroup refuses an id nobody was given, in a group that exists and in one that does not",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const member = yield* stranger(kafka, groupId);
      member.memberId = "somebody";
      assertEquals((yield* member.joinOnce()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
      yield* stableGroup(kafka, groupId, [{}]);
      assertEquals((yield* member.joinOnce()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
  {
    name: "JoinGroup refuses session time-outs that can't be, and groups without a name",
    check: Effect.fnUntraced(function* (kafka) {
      const member = yield* stranger(kafka, yield* kafka.group());
      for (const sessionTimeoutMs of [0, 10, 1_800_001]) {
        const { errorCode } = yield* member.joinOnce({ sessionTimeoutMs });
        assertEquals(errorCode, ErrorCode.INVALID_SESSION_TIMEOUT, `${sessionTimeoutMs} ms`);
      }
      const nameless = yield* stranger(kafka, "");
      assertEquals((yield* nameless.joinOnce()).errorCode, ErrorCode.INVALID_GROUP_ID);
      assertEquals(yield* nameless.heartbeat(), ErrorCode.INVALID_GROUP_ID);
      assertEquals((yield* nameless.sync()).errorCode, ErrorCode.INVALID_GROUP_ID);
    }),
  },
  {
    name: "JoinGroup refuses protocols that are none, of another type, or not everybody's",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const member = yield* stranger(kafka, groupId);
      const refused = ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
      assertEquals((yield* member.joinOnce({ protocols: {} })).errorCode, refused);
      assertEquals((yield* member.joinOnce({ protocolType: "" })).errorCode, refused);
      const [one, two] = yield* stableGroup(kafka, groupId, [
        { protocols: { a: "", b: "" } },
        { protocols: { b: "", c: "" } },
      ]);
      assertEquals((yield* member.joinOnce({ protocols: { b: "" }, protocolType: "connect" })).errorCode, refused);
      for (const name of ["a", "c", "d"]) {
        assertEquals((yield* member.joinOnce({ protocols: { [name]: "" } })).errorCode, refused, name);
      }
      assertEquals((yield* member.joinOnce({ protocols: { b: "" } })).errorCode, ErrorCode.MEMBER_ID_REQUIRED);
      assertEquals([yield* one.heartbeat(), yield* two.heartbeat()], [0, 0]);
    }),
  },
  {
    name: "a group speaks the protocol that all know and most prefer",
    check: Effect.fnUntraced(function* (kafka) {
      const members = yield* stableGroup(kafka, yield* kafka.group(), [
        { protocols: { a: "a0", b: "b0", c: "c0" } },
        { protocols: { d: "d1", b: "b1", c: "c1" } },
        { protocols: { c: "c2", b: "b2" } },
      ]);
      // Of b and c, which all know, two prefer b.
      const [leader, ...others] = yield* gather(members);
      assertEquals(leader.protocolName, "b");
      assertEquals(leader.members.map(({ metadata }) => decoder.decode(metadata)).sort(), ["b0", "b1", "b2"]);
      assertEquals(others.map(({ members }) => members.length), [0, 0]);
    }),
  },
  {
    name: "a newcomer makes the others join again; all of them are the next generation",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [{}]);
      assertEquals([one.generationId, yield* one.heartbeat()], [1, 0]);
      const two = yield* stranger(kafka, groupId);
      const joining = yield* two.joining();
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals(joining.pollUnsafe(), undefined);
      assertEquals((yield* one.sync()).errorCode, ErrorCode.REBALANCE_IN_PROGRESS);
      yield* Effect.sleep(100);
      const first = yield* one.join();
      const second = yield* Fiber.join(joining);
      assertEquals([first.generationId, second.generationId], [2, 2]);
      assertEquals([first.leader, second.leader], [one.memberId, one.memberId]);
      assertEquals(first.members.length, 2);
    }),
  },
  {
    name: "SyncGroup waits for the leader; who was forgotten by it gets nothing",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one, two, three] = yield* stableGroup(kafka, groupId, [{}, {}, {}]);
      yield* gather([one, two, three]);
      const second = yield* two.syncing();
      const third = yield* three.syncing();
      yield* Effect.sleep(50);
      assertEquals(second.pollUnsafe(), undefined);
      const assignments = { [one.memberId]: "first", [two.memberId]: "second", stranger: "lost" };
      assertEquals(yield* one.sync(assignments), { errorCode: 0, assignment: "first" });
      assertEquals(yield* Fiber.join(second), { errorCode: 0, assignment: "second" });
      assertEquals(yield* Fiber.join(third), { errorCode: 0, assignment: "" });
    }),
  },
  {
    name: "SyncGroup in a stable group gives the assignment again, whatever is said",
    check: Effect.fnUntraced(function* (kafka) {
      const [one, two] = yield* stableGroup(kafka, yield* kafka.group(), [{}, {}]);
      assertEquals(yield* two.sync(), { errorCode: 0, assignment: "1" });
      assertEquals(yield* one.sync({ [one.memberId]: "changed" }), { errorCode: 0, assignment: "0" });
      assertEquals(yield* two.sync(), { errorCode: 0, assignment: "1" });
    }),
  },
  {
    name: "SyncGroup and Heartbeat refuse strangers and other generations",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const nobody = yield* stranger(kafka, groupId);
      nobody.memberId = "somebody";
      nobody.generationId = 1;
      const both = (member: typeof nobody) =>
        Effect.gen(function* () {
          return [(yield* member.sync()).errorCode, yield* member.heartbeat()];
        });
      const unknown = [ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.UNKNOWN_MEMBER_ID];
      assertEquals(yield* both(nobody), unknown);
      const [member] = yield* stableGroup(kafka, groupId, [{}]);
      assertEquals(yield* both(nobody), unknown);
      for (const generation of [0, 2]) {
        member.generationId = generation;
        assertEquals(yield* both(member), [ErrorCode.ILLEGAL_GENERATION, ErrorCode.ILLEGAL_GENERATION]);
      }
    }),
  },
  {
    name: "Heartbeat says nothing special while a group waits for its assignment",
    check: Effect.fnUntraced(function* (kafka) {
      const member = yield* stranger(kafka, yield* kafka.group());
      yield* member.join();
      assertEquals(yield* member.heartbeat(), 0);
      assertEquals((yield* member.sync({ [member.memberId]: "mine" })).assignment, "mine");
      assertEquals(yield* member.heartbeat(), 0);
    }),
  },
  {
    name: "a follower that joins a stable group again with nothing new gets the present generation",
    check: Effect.fnUntraced(function* (kafka) {
      const [one, two] = yield* stableGroup(kafka, yield* kafka.group(), [{}, {}]);
      const { errorCode, generationId, leader, memberId, members } = yield* two.join();
      assertEquals([errorCode, generationId, leader, memberId, members.length], [
        0,
        one.generationId,
        one.memberId,
        two.memberId,
        0,
      ]);
      assertEquals([yield* one.heartbeat(), yield* two.heartbeat()], [0, 0]);
    }),
  },
  {
    name: "a follower that has something new to say makes all join again",
    check: Effect.fnUntraced(function* (kafka) {
      const [one, two] = yield* stableGroup(kafka, yield* kafka.group(), [{}, {}]);
      const joining = yield* two.joining({ protocols: { range: "new" } });
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      const { generationId, members } = yield* one.join();
      assertEquals(generationId, 3);
      assertEquals(members.map(({ metadata }) => decoder.decode(metadata)).sort(), ["", "new"]);
      yield* Fiber.join(joining);
    }),
  },
  {
    name: "the leader makes all join again by joining, with nothing new either",
    check: Effect.fnUntraced(function* (kafka) {
      const [one, two] = yield* stableGroup(kafka, yield* kafka.group(), [{}, {}]);
      const joining = yield* one.joining();
      yield* two.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals(joining.pollUnsafe(), undefined);
      assertEquals((yield* two.join()).generationId, 3);
      assertEquals((yield* Fiber.join(joining)).members.length, 2);
    }),
  },
  {
    name: "who joins again before the assignment, with nothing new, gets the same answer",
    check: Effect.fnUntraced(function* (kafka) {
      const member = yield* stranger(kafka, yield* kafka.group());
      const first = yield* member.join();
      assertEquals(yield* member.join(), first);
      assertEquals((yield* member.join({ protocols: { range: "new" } })).generationId, 2);
    }),
  },
  {
    name: "those who wait for their assignment are told when the group is balanced anew",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one, two] = yield* stableGroup(kafka, groupId, [{}, {}]);
      yield* gather([one, two]);
      const syncing = yield* two.syncing();
      yield* Effect.sleep(50);
      const three = yield* stranger(kafka, groupId);
      yield* three.joining();
      assertEquals((yield* Fiber.join(syncing)).errorCode, ErrorCode.REBALANCE_IN_PROGRESS);
    }),
  },
  {
    name: "LeaveGroup makes the others join again; without the leader another one leads",
    check: Effect.fnUntraced(function* (kafka) {
      const [one, two, three] = yield* stableGroup(kafka, yield* kafka.group(), [{}, {}, {}]);
      assertEquals(yield* one.leave(), 0);
      assertEquals(yield* one.heartbeat(), ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals([yield* two.heartbeat(), yield* three.heartbeat()], [27, 27]);
      const joining = [yield* two.joining(), yield* three.joining()];
      const [second, third] = yield* Effect.forEach(joining, (fiber) => Fiber.join(fiber));
      assertEquals(
        [second.leader, third.leader].filter((id) => id === two.memberId || id === three.memberId).length,
        2,
      );
      assertEquals(second.leader, third.leader);
      assertEquals([second.members.length, third.members.length].sort(), [0, 2]);
    }),
  },
  {
    name: "LeaveGroup of the last member empties the group; its generations go on",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [{}]);
      assertEquals(yield* one.leave(), 0);
      const two = yield* stranger(kafka, groupId, { protocols: { other: "" }, protocolType: "another" });
      assertEquals((yield* two.join()).generationId, 3);
      assertEquals((yield* two.join()).generationId, 3);
    }),
  },
  {
    name: "LeaveGroup refuses who is not a member, and lets go an id that was not used",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [{}]);
      const nobody = yield* stranger(kafka, groupId);
      nobody.memberId = "somebody";
      assertEquals(yield* nobody.leave(), ErrorCode.UNKNOWN_MEMBER_ID);
      nobody.memberId = "";
      nobody.memberId = (yield* nobody.joinOnce()).memberId;
      assertEquals(yield* nobody.leave(), 0);
      assertEquals((yield* nobody.joinOnce()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
      // Needless, but so it is: the others have to join again for it.
      assertEquals(yield* one.heartbeat(), ErrorCode.REBALANCE_IN_PROGRESS);
    }),
  },
  {
    name: "a request behind a JoinGroup that waits waits with it",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const [one] = yield* stableGroup(kafka, groupId, [{}]);
      const two = yield* stranger(kafka, groupId);
      yield* two.joining();
      yield* one.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      yield* Effect.sleep(100);
      const behind = yield* Effect.forkChild(two.heartbeat(), { startImmediately: true });
      yield* Effect.sleep(50);
      assertEquals(behind.pollUnsafe(), undefined);
      yield* one.join();
      yield* Fiber.join(behind);
    }),
  },
  {
    name: "members may come and go at the same time, and end in one generation",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const members = yield* stableGroup(kafka, groupId, [{}, {}, {}]);
      const [one, two, three] = members;
      const four = yield* stranger(kafka, groupId);
      yield* three.leave();
      yield* balance([one, two, four]);
      const generations = [one, two, four].map(({ generationId }) => generationId);
      assertEquals(new Set(generations).size, 1);
      for (const member of [one, two, four]) assertEquals(yield* member.heartbeat(), 0);
      assert(one.generationId > three.generationId);
    }),
  },
];
