/** Groups of the newer protocol on the embedded Kafka alone: its settings, its restart, large groups. */
import { Effect } from "effect";
import { TestClock } from "effect/testing";
import { EmbeddedKafka, type EmbeddedOptions } from "../../src/link/embedded/embedded.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals } from "../assert.ts";
import { virtual } from "../client/virtual.ts";
import { consumer, type ConsumerMember } from "../kafka_contract/consumer_member.ts";
import { Context } from "../kafka_contract/context.ts";

const world = Effect.fnUntraced(function* (partitions: number, options: EmbeddedOptions = {}) {
  const kafka = new EmbeddedKafka(options);
  const context = new Context(yield* kafka.open, (prefix) => prefix);
  yield* context.create({ name: "topic", numPartitions: partitions });
  return { kafka, context };
});

const load = (member: ConsumerMember) => member.assigned.length;

Deno.test("the settings say how often members are heard of, and after how long a silent one is dead", () =>
  virtual(Effect.gen(function* () {
    const { kafka, context } = yield* world(2, { heartbeatInterval: 70, sessionTimeout: 2_000 });
    const member = yield* consumer(context, "g", ["topic"]);
    assertEquals((yield* member.join()).heartbeatIntervalMs, 70);
    yield* TestClock.adjust(1_999);
    assertEquals((yield* member.beat()).errorCode, 0);
    yield* TestClock.adjust(2_000);
    assertEquals((yield* member.beat()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
    assertEquals(kafka.group("g"), { state: "Empty", generation: 3, leader: "", members: [] });
  })));

Deno.test("an assignment interval keeps the shares as they are until it is over", () =>
  virtual(Effect.gen(function* () {
    const { kafka, context } = yield* world(2, { assignmentInterval: 1_000 });
    const one = yield* consumer(context, "g", ["topic"]);
    yield* one.join();
    assertEquals(load(one), 2);
    const two = yield* consumer(context, "g", ["topic"]);
    yield* two.join();
    yield* TestClock.adjust(999);
    yield* one.hold();
    assertEquals([load(one), one.epoch, two.epoch, kafka.group("g")?.state], [2, 2, 2, "Assigning"]);
    yield* TestClock.adjust(1);
    yield* one.hold();
    assertEquals([load(one), kafka.group("g")?.state], [1, "Reconciling"]);
    yield* one.hold();
    yield* two.hold();
    assertEquals([load(two), one.epoch, two.epoch, kafka.group("g")?.state], [1, 3, 3, "Stable"]);
  })));

Deno.test("a member that wants something else gives it up before the shares are made anew", () =>
  virtual(Effect.gen(function* () {
    const { context } = yield* world(2, { assignmentInterval: 1_000 });
    const member = yield* consumer(context, "g", ["topic"]);
    yield* member.join();
    assertEquals([load(member), (yield* member.beat({ subscribedTopicNames: [] })).assignment], [2, []]);
  })));

Deno.test("members stay while the broker is away, and their sessions begin again when it is back", () =>
  virtual(Effect.gen(function* () {
    const { kafka, context } = yield* world(2, { sessionTimeout: 2_000 });
    const one = yield* consumer(context, "g", ["topic"]);
    yield* one.join();
    kafka.stop();
    yield* TestClock.adjust(60_000);
    kafka.start();
    const back = new Context(yield* kafka.open, (prefix) => prefix);
    const again = yield* consumer(back, "g", ["topic"]);
    Object.assign(again, { memberId: one.memberId, epoch: one.epoch });
    assertEquals((yield* again.beat()).errorCode, 0);
    yield* TestClock.adjust(2_000);
    assertEquals((yield* again.beat()).errorCode, ErrorCode.UNKNOWN_MEMBER_ID);
  })));

Deno.test("members with different wishes share what they have in common, evenly as far as it goes", () =>
  virtual(Effect.gen(function* () {
    const { context } = yield* world(6);
    yield* context.create({ name: "other", numPartitions: 6 });
    const wishes = [["topic"], ["topic", "other"], ["topic", "other"]];
    const members: Array<ConsumerMember> = [];
    for (const topics of wishes) members.push(yield* consumer(context, "g", topics));
    for (const member of members) yield* member.join();
    for (let round = 0; round < 5; round++) for (const member of members) yield* member.hold();
    assertEquals(members.map(load), [4, 4, 4]);
    assertEquals(new Set(members.flatMap(({ assigned }) => assigned)).size, 12);
    const { topicId } = yield* context.describe("topic");
    assert(members[0].assigned.every((held) => held.startsWith(topicId)), "it has what it does not want");
  })));

Deno.test("50 members share 200 partitions, and move few when one goes", () =>
  virtual(Effect.gen(function* () {
    const { context } = yield* world(200);
    const members: Array<ConsumerMember> = [];
    const settle = Effect.gen(function* () {
      for (let round = 0; round < 4; round++) for (const member of members) yield* member.hold();
    });
    for (let i = 0; i < 50; i++) {
      const member = yield* consumer(context, "g", ["topic"]);
      yield* member.join();
      members.push(member);
    }
    yield* settle;
    assertEquals(new Set(members.map(load)), new Set([4]));
    assertEquals(new Set(members.flatMap(({ assigned }) => assigned)).size, 200);
    const before = new Map(members.map((member) => [member, new Set(member.assigned)]));
    yield* members.splice(10, 1)[0].leave();
    yield* settle;
    assertEquals(members.map(load).sort(), [...Array(45).fill(4), ...Array(4).fill(5)]);
    for (const member of members) {
      assert([...before.get(member) ?? []].every((held) => member.assigned.includes(held)), "something was taken away");
    }
  })));
