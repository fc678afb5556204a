/**
 * What Kafka does with committed offsets.
 * @module
 */
import { Effect, Fiber } from "effect";
import { assertEquals } from "../assert.ts";
import { batch } from "./batches.ts";
import { type Behaviour, ErrorCode } from "./context.ts";
import { balance, stableGroup, stranger } from "./group_member.ts";

/** The behaviours. */
export const offsets: ReadonlyArray<Behaviour> = [
  {
    name: "OffsetFetch says -1 where nothing was committed, be there a topic, a group or not",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const topic = yield* kafka.topic();
      const none = { partition: 0, offset: -1, metadata: "", errorCode: 0 };
      assertEquals(yield* kafka.committed(topic, groupId), none);
      yield* kafka.commit(topic, groupId, 5);
      assertEquals(yield* kafka.committed(topic, groupId, 7), { ...none, partition: 7 });
      assertEquals(yield* kafka.committed(kafka.fresh("topic"), groupId), none);
    }),
  },
  {
    name: "OffsetCommit of no member is taken while a group has none, and the last one counts",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const topic = yield* kafka.topic();
      assertEquals(yield* kafka.commit(topic, groupId, 5, { metadata: "first" }), 0);
      assertEquals(yield* kafka.committed(topic, groupId), {
        partition: 0,
        offset: 5,
        metadata: "first",
        errorCode: 0,
      });
      assertEquals(yield* kafka.commit(topic, groupId, 3, { metadata: "zweite ü" }), 0);
      const { offset, metadata } = yield* kafka.committed(topic, groupId);
      assertEquals([offset, metadata], [3, "zweite ü"]);
    }),
  },
  {
    name: "OffsetFetch of all gives what the group has committed, and only that",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const all = () => kafka.call("OffsetFetch", { groupId, requireStable: true, topics: null });
      assertEquals((yield* all()).topics, []);
      const topic = yield* kafka.topic(3);
      yield* kafka.commit(topic, groupId, 1, { partition: 2 });
      yield* kafka.commit(topic, yield* kafka.group(), 9);
      assertEquals((yield* all()).topics, [
        { name: topic, partitions: [{ partition: 2, offset: 1, metadata: "", errorCode: 0 }] },
      ]);
    }),
  },
  {
    name: "OffsetCommit refuses metadata of more than 4,096 bytes, and takes the rest of the request",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const name = yield* kafka.topic(2);
      const partition = (number: number, committedMetadata: string) => ({
        partition: number,
        committedOffset: 1,
        committedMetadata,
      });
      const answer = yield* kafka.call("OffsetCommit", {
        groupId,
        generationId: -1,
        memberId: "",
        groupInstanceId: null,
        topics: [{ name, partitions: [partition(0, "x".repeat(4_097)), partition(1, "x".repeat(4_096))] }],
      });
      const codes = answer.topics[0].partitions.map(({ partition, errorCode }) => [partition, errorCode]);
      assertEquals(codes.sort(), [[0, ErrorCode.OFFSET_METADATA_TOO_LARGE], [1, 0]]);
      assertEquals((yield* kafka.committed(name, groupId, 0)).offset, -1);
      assertEquals((yield* kafka.committed(name, groupId, 1)).offset, 1);
    }),
  },
  {
    name: "OffsetCommit refuses topics and partitions that do not exist",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      assertEquals(yield* kafka.commit(kafka.fresh("topic"), groupId, 1), unknown);
      assertEquals(yield* kafka.commit(yield* kafka.topic(), groupId, 1, { partition: 1 }), unknown);
    }),
  },
  {
    name: "OffsetCommit refuses a generation of a group nobody knows",
    check: Effect.fnUntraced(function* (kafka) {
      const groupId = yield* kafka.group();
      const options = { generationId: 1, memberId: "somebody" };
      assertEquals(yield* kafka.commit(yield* kafka.topic(), groupId, 1, options), ErrorCode.GROUP_ID_NOT_FOUND);
    }),
  },
  {
    name: "OffsetCommit is taken from members of the present generation alone",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const groupId = yield* kafka.group();
      const [member] = yield* stableGroup(kafka, groupId, [{}]);
      assertEquals(yield* member.commit(topic, 1), 0);
      assertEquals(yield* kafka.commit(topic, groupId, 2), ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals(yield* member.commit(topic, 3, { memberId: "somebody" }), ErrorCode.UNKNOWN_MEMBER_ID);
      for (const generationId of [member.generationId - 1, member.generationId + 1]) {
        assertEquals(yield* member.commit(topic, 4, { generationId }), ErrorCode.ILLEGAL_GENERATION);
      }
      assertEquals((yield* kafka.committed(topic, groupId)).offset, 1);
    }),
  },
  {
    name: "OffsetCommit is taken from a member for partitions it was not given",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(2);
      const members = yield* stableGroup(kafka, yield* kafka.group(), [{}, {}]);
      for (const [i, member] of members.entries()) {
        assertEquals(yield* member.commit(topic, i, { partition: 1 }), 0);
      }
      assertEquals((yield* kafka.committed(topic, members[0].groupId, 1)).offset, 1);
    }),
  },
  {
    name: "OffsetCommit of the old generation is taken while members gather, and not once they have",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const groupId = yield* kafka.group();
      const [member] = yield* stableGroup(kafka, groupId, [{}]);
      const other = yield* stranger(kafka, groupId);
      const joining = yield* other.joining();
      yield* member.hears(ErrorCode.REBALANCE_IN_PROGRESS);
      assertEquals(yield* member.commit(topic, 1), 0);
      yield* Effect.sleep(100);
      const old = member.generationId;
      assertEquals((yield* member.join()).errorCode, 0);
      assertEquals((yield* Fiber.join(joining)).errorCode, 0);
      assertEquals(yield* member.commit(topic, 2, { generationId: old }), ErrorCode.ILLEGAL_GENERATION);
      assertEquals(yield* member.commit(topic, 3), ErrorCode.REBALANCE_IN_PROGRESS);
      yield* balance([member, other]);
      assertEquals(yield* member.commit(topic, 4), 0);
      assertEquals((yield* kafka.committed(topic, groupId)).offset, 4);
    }),
  },
  {
    name: "OffsetCommit of no member is taken again once all members have left",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const groupId = yield* kafka.group();
      const [member] = yield* stableGroup(kafka, groupId, [{}]);
      yield* member.commit(topic, 1);
      assertEquals(yield* member.leave(), 0);
      assertEquals(yield* member.commit(topic, 2), ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals((yield* kafka.committed(topic, groupId)).offset, 1);
      assertEquals(yield* kafka.commit(topic, groupId, 3), 0);
      assertEquals((yield* kafka.committed(topic, groupId)).offset, 3);
    }),
  },
  {
    name: "what was committed for a topic goes with it",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const groupId = yield* kafka.group();
      yield* kafka.produce(topic, batch(["a"]));
      yield* kafka.commit(topic, groupId, 1);
      yield* kafka.call("DeleteTopics", { timeoutMs: 10_000, topics: [topic] });
      yield* kafka.until(kafka.committed(topic, groupId), ({ offset }) => offset === -1);
    }),
  },
];
