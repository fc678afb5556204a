/**
 * What Kafka lets members of the newer protocol commit, and what it answers to those of the other one.
 * @module
 */
import { Effect } from "effect";
import { assertEquals } from "../assert.ts";
import { consumer, settledPair } from "./consumer_member.ts";
import { type Behaviour, ErrorCode } from "./context.ts";
import { stranger } from "./group_member.ts";

/** The behaviours. */
export const consumerGroupNeighbours: ReadonlyArray<Behaviour> = [
  {
    name: "a member of the newer protocol commits as of its epoch, or of one since which it has had the partition",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(4);
      const groupId = yield* kafka.group();
      const [one, two] = yield* settledPair(kafka, groupId, [topic], 2);
      assertEquals([one.epoch, two.epoch], [3, 3]);
      const mine = Number(one.assigned[0].split("/")[1]);
      const other = Number(two.assigned[0].split("/")[1]);
      const codes = [];
      for (const generationId of [3, 2, 1, 4, -1]) {
        for (const partition of [mine, other]) {
          codes.push(yield* one.commit(topic, 1, { partition, generationId }));
        }
      }
      const stale = ErrorCode.STALE_MEMBER_EPOCH;
      // Who owns a partition is not looked at where the epoch is the present one.
      assertEquals(codes, [0, 0, 0, stale, stale, stale, stale, stale, stale, stale]);
      assertEquals(yield* one.commit(topic, 1, { memberId: "nobody" }), ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals(yield* kafka.commit(topic, groupId, 1), ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
  {
    name: "one partition a member of the newer protocol may not commit refuses the request, but for what is not there",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(2);
      const groupId = yield* kafka.group();
      const [one, two] = yield* settledPair(kafka, groupId, [topic], 1);
      const [mine, other] = [one, two].map(({ assigned }) => Number(assigned[0].split("/")[1]));
      const nowhere = kafka.fresh("nowhere");
      const commit = Effect.fnUntraced(function* (...partitions: ReadonlyArray<number>) {
        const each = (partition: number) => ({ partition, committedOffset: 1, committedMetadata: "" });
        const { topics } = yield* kafka.call("OffsetCommit", {
          groupId,
          memberId: one.memberId,
          generationId: 2,
          groupInstanceId: null,
          topics: [{ name: topic, partitions: partitions.map(each) }, { name: nowhere, partitions: [each(0)] }],
        });
        const codes = (name: string) => topics.find((each) => each.name === name)?.partitions.map((p) => p.errorCode);
        return [codes(topic), codes(nowhere)];
      });
      const { STALE_MEMBER_EPOCH: stale, UNKNOWN_TOPIC_OR_PARTITION: unknown } = ErrorCode;
      assertEquals(yield* commit(mine, other), [[stale, stale], [unknown]]);
      assertEquals((yield* kafka.committed(topic, groupId, mine)).offset, -1);
      assertEquals(yield* commit(mine), [[0], [unknown]]);
    }),
  },
  {
    name: "who asks for something else of a newer group that has members is refused, and finds an empty one open",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const groupId = yield* kafka.group();
      const member = yield* consumer(kafka, groupId, [topic]);
      yield* member.join();
      const classic = yield* stranger(kafka, groupId, { protocolType: "other" });
      assertEquals((yield* classic.join()).errorCode, ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
      classic.memberId = member.memberId;
      assertEquals((yield* classic.join()).errorCode, ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
      classic.generationId = member.epoch;
      assertEquals(yield* classic.heartbeat(), ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals((yield* classic.sync()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals(yield* member.commit(topic, 4), 0);
      assertEquals((yield* kafka.call("DescribeGroups", { groupIds: [groupId] })).groups[0].state, "Dead");
      // Whoever looks after it may remove a member.
      assertEquals(yield* classic.leave(), 0);
      assertEquals((yield* member.beat()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
      assertEquals(yield* kafka.commit(topic, groupId, 5), 0);
      classic.memberId = "";
      assertEquals([(yield* classic.join()).errorCode, classic.generationId], [0, 1]);
      assertEquals((yield* kafka.committed(topic, groupId)).offset, 5);
    }),
  },
  {
    name: "a classic group that has members refuses the newer protocol, and takes it once it is empty",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const groupId = yield* kafka.group();
      const classic = yield* stranger(kafka, groupId, { protocolType: "other" });
      yield* classic.join();
      yield* classic.sync();
      const member = yield* consumer(kafka, groupId, [topic]);
      assertEquals((yield* member.join()).errorCode, ErrorCode.GROUP_ID_NOT_FOUND);
      assertEquals(yield* classic.heartbeat(), 0);
      yield* classic.leave();
      assertEquals([(yield* member.join()).errorCode, member.epoch], [0, 2]);
      assertEquals(yield* classic.heartbeat(), ErrorCode.UNKNOWN_MEMBER_ID);
    }),
  },
];
