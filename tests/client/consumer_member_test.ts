import { Clock, Deferred, Effect, Exit, Fiber } from "effect";
import { makeConsumerMember } from "../../src/client/group/consumer_member.ts";
import { ConnectionError } from "../../src/errors.ts";
import { monotonicMs } from "../../src/fiber/monotonic.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Request } from "../../src/link/protocol.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { makeConsumerWorld } from "./group_world.ts";
import { idOf, type SmallConsumerCoordinator } from "./small_consumer_coordinator.ts";
import { advance, virtual } from "./virtual.ts";

type Beat = Request<"ConsumerGroupHeartbeat">;

const beats = (kafka: SmallConsumerCoordinator): ReadonlyArray<Beat> =>
  kafka.link.requests.flatMap(({ api, request }) => api === "ConsumerGroupHeartbeat" ? [request as Beat] : []);

Deno.test("a member joins under an id of its own, says everything once and then only that it lives", () =>
  virtual(Effect.gen(function* () {
    const { kafka, count, start } = yield* makeConsumerWorld({ orders: 5, payments: 3 });
    const a = yield* start("a", { rebalanceTimeout: 30_000, rackId: "r", serverAssignor: "uniform" });
    yield* advance(3_500);
    assertEquals([count(a.name), a.events], [8, ["assigned 8"]]);
    const { memberId, generation } = a.member.membership;
    assertMatch(memberId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assertEquals(generation, kafka.epoch);
    const [join, claim, ...rest] = beats(kafka);
    const same = { groupId: "g", memberId, groupInstanceId: null };
    assertEquals(join, {
      ...same,
      memberEpoch: 0,
      rackId: "r",
      rebalanceTimeoutMs: 30_000,
      subscribedTopicNames: ["orders", "payments"],
      serverAssignor: "uniform",
      topicPartitions: [],
    });
    const nothingNew = {
      ...same,
      memberEpoch: 1,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      serverAssignor: null,
      topicPartitions: null,
    };
    assertEquals(claim, {
      ...nothingNew,
      topicPartitions: [
        { topicId: idOf("orders"), partitions: [0, 1, 2, 3, 4] },
        { topicId: idOf("payments"), partitions: [0, 1, 2] },
      ],
    });
    // The coordinator wants one a second.
    assertEquals(rest, [nothingNew, nothingNew, nothingNew]);
  })));

Deno.test("a member claims what it lets go until revoked has ended, and only then others get it", () =>
  virtual(Effect.gen(function* () {
    const { kafka, count, start } = yield* makeConsumerWorld({ orders: 8 });
    const a = yield* start("a", {}, { revoked: () => Effect.sleep(4_000) });
    yield* advance(100);
    const { generation } = a.member.membership;
    const b = yield* start("b");
    yield* advance(3_500);
    assertEquals([a.events, b.events], [["assigned 8", "revoked 4"], []]);
    assertEquals(kafka.claims.filter(([id]) => id === a.member.membership.memberId).map(([, it]) => it.length), [0, 8]);
    assertEquals(a.member.membership.generation, generation);
    yield* advance(2_500);
    assertEquals([count(a.name), count(b.name)], [4, 4]);
    assertEquals(a.member.membership.generation, kafka.epoch);
    assertEquals([a.events, b.events], [["assigned 8", "revoked 4"], ["assigned 4"]]);
    assertEquals([a.member.membership.losses, b.member.membership.losses], [0, 0]);
  })));

Deno.test("an epoch that rises while a member lets go is taken over, and what it keeps is kept", () =>
  virtual(Effect.gen(function* () {
    const { kafka, count, start } = yield* makeConsumerWorld({ orders: 8 });
    const a = yield* start("a", {}, { revoked: () => Effect.sleep(2_000) });
    yield* advance(100);
    const b = yield* start("b");
    yield* advance(1_500);
    assertEquals(a.events, ["assigned 8", "revoked 4"]);
    const c = yield* start("c");
    yield* advance(10_000);
    assertEquals([count(a.name), count(b.name), count(c.name)].sort(), [2, 3, 3]);
    for (const { member } of [a, b, c]) assertEquals(member.membership.generation, kafka.epoch);
    assert([...a.events, ...b.events, ...c.events].every((event) => !event.startsWith("lost")));
  })));

Deno.test("the deadline is ahead while revoked takes longer than the session, up to the rebalance time-out", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeConsumerWorld({ orders: 8 });
    const clock = yield* Clock.Clock;
    kafka.sessionTimeout = 3_000;
    const options = { sessionTimeout: 3_000, rebalanceTimeout: 10_000 };
    const a = yield* start("a", options, { revoked: () => Effect.sleep(15_000) });
    yield* advance(100);
    yield* start("b");
    for (let at = 0; at < 8_000; at += 500) {
      yield* advance(500);
      assert(a.member.membership.deadline > monotonicMs(clock), `expired at ${at}`);
    }
    assertEquals(a.events, ["assigned 8", "revoked 4"]);
    // The coordinator expels it then, heartbeats or not: the lease must have run out before.
    yield* advance(1_700);
    assert(a.member.membership.deadline <= monotonicMs(clock));
    yield* advance(12_000);
    assertEquals(a.events.slice(0, 3), ["assigned 8", "revoked 4", "lost 4"]);
  })));

Deno.test("what the coordinator gives and takes back while assigned is awaited never reaches the listener", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeConsumerWorld({ orders: 2, later: 0 });
    const gate = Deferred.makeUnsafe<void>();
    const a = yield* start("a", {}, { assigned: () => Deferred.await(gate) });
    yield* advance(100);
    kafka.topics.later = 4;
    kafka.share();
    yield* advance(1_500);
    kafka.topics.later = 0;
    kafka.share();
    yield* advance(1_500);
    assertEquals(a.events, ["assigned 2"]);
    Deferred.doneUnsafe(gate, Exit.void);
    yield* advance(3_000);
    assertEquals(a.events, ["assigned 2"]);
    assertEquals(kafka.claims.map(([, claimed]) => claimed.length), [0, 2, 6, 2]);
  })));

Deno.test("partitions of a topic whose name is not known yet wait for it, and hold nothing up", () =>
  virtual(Effect.gen(function* () {
    const { kafka, count, start } = yield* makeConsumerWorld({ orders: 4, later: 4 });
    kafka.hidden.add("later");
    const a = yield* start("a", { topics: ["orders", "later"] });
    yield* advance(3_000);
    assertEquals([a.events, count(a.name)], [["assigned 4"], 4]);
    const b = yield* start("b", { topics: ["orders", "later"] });
    yield* advance(3_000);
    kafka.hidden.clear();
    yield* advance(2_000);
    assertEquals([count(a.name), count(b.name)], [4, 4]);
    assert(!a.events.concat(b.events).some((event) => event.startsWith("lost")));
  })));

for (const [type, known] of [["UNKNOWN_MEMBER_ID", false], ["FENCED_MEMBER_EPOCH", true]] as const) {
  Deno.test(`after ${type} a member loses everything and joins anew under its id`, () =>
    virtual(Effect.gen(function* () {
      const { kafka, start } = yield* makeConsumerWorld({ orders: 8 });
      const a = yield* start("a");
      yield* advance(1_500);
      const { memberId } = a.member.membership;
      if (known) kafka.refuse("ConsumerGroupHeartbeat", ErrorCode[type]);
      else kafka.remove(memberId);
      yield* advance(2_500);
      assertEquals(a.events, ["assigned 8", "lost 8", "assigned 8"]);
      assertEquals([a.member.membership.memberId, a.member.membership.losses], [memberId, 1]);
      assertEquals(beats(kafka).filter(({ memberEpoch }) => memberEpoch === 0).length, 2);
    })));
}

Deno.test("a membership that ends while revoked is awaited is over at once; lost is told afterwards, for the rest", () =>
  virtual(Effect.gen(function* () {
    const { kafka, wrong, start } = yield* makeConsumerWorld({ orders: 8 });
    const a = yield* start("a", {}, { revoked: () => Effect.sleep(3_000) });
    yield* advance(100);
    yield* start("b");
    yield* advance(1_500);
    assertEquals(a.events, ["assigned 8", "revoked 4"]);
    kafka.remove(a.member.membership.memberId);
    yield* advance(1_100);
    assertEquals([a.member.membership.deadline, a.member.membership.generation], [-Infinity, -1]);
    assertEquals(a.events, ["assigned 8", "revoked 4"]);
    yield* advance(5_000);
    assertEquals(a.events.slice(0, 3), ["assigned 8", "revoked 4", "lost 4"]);
    // It was given away when the group expelled the member, which no member can prevent.
    assertEquals(wrong, []);
  })));

Deno.test("answers that get lost take nothing away, and what they said is said again", () => {
  let lose = false;
  const script = (kafka: () => SmallConsumerCoordinator) => ({
    ConsumerGroupHeartbeat: (request: Beat, node: number) =>
      Effect.flatMap(kafka().answer(request, node), (answer) =>
        lose
          ? Effect.andThen(
            Effect.sync(() => void (lose = false)),
            Effect.fail(new ConnectionError("b", "closed", "lost")),
          )
          : Effect.succeed(answer)),
  });
  return virtual(Effect.gen(function* () {
    const { kafka, count, start } = yield* makeConsumerWorld({ orders: 8 }, { script });
    lose = true;
    const a = yield* start("a");
    yield* advance(500);
    assertEquals([a.events, kafka.seats.size], [["assigned 8"], 1]);
    const b = yield* start("b");
    for (let i = 0; i < 12; i++) {
      lose = true;
      yield* advance(970);
    }
    assertEquals([count(a.name), count(b.name)], [4, 4]);
    assertEquals([a.events, b.events], [["assigned 8", "revoked 4"], ["assigned 4"]]);
  }));
});

Deno.test("a member follows its coordinator, through broken connections, and keeps everything", () =>
  virtual(Effect.gen(function* () {
    const { kafka, count, start } = yield* makeConsumerWorld({ orders: 8 });
    const a = yield* start("a");
    yield* advance(1_000);
    for (let i = 0; i < 5; i++) {
      kafka.link.cut(1);
      yield* advance(777);
    }
    kafka.refuse("ConsumerGroupHeartbeat", ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    kafka.node = 2;
    yield* advance(3_000);
    assertEquals([a.events, count(a.name), kafka.seats.size], [["assigned 8"], 8, 1]);
    assert(kafka.link.requests.some(({ api, node }) => api === "ConsumerGroupHeartbeat" && node === 2));
  })));

Deno.test("a lease is as long as the option says, and no longer than the brokers' session time-out", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeConsumerWorld({ orders: 8 });
    const clock = yield* Clock.Clock;
    const lease = Effect.fnUntraced(function* (name: string, told: string | null) {
      kafka.told = told;
      const { member } = yield* start(name, { groupId: name, sessionTimeout: 10_000, deadlineMargin: 0 });
      kafka.heartbeatInterval = 5_000;
      yield* advance(20);
      return member.membership.deadline - monotonicMs(clock);
    });
    for (const [told, most] of [["45000", 10_000], ["4000", 4_000], [null, 10_000]] as const) {
      const length = yield* lease(`told ${told}`, told);
      assert(length > most - 100 && length <= most, `${told}: ${length}`);
    }
    // However rarely the brokers want one: three heartbeats in the time one is relied on.
    yield* advance(10_000, 20);
    const before = beats(kafka).length;
    yield* advance(20_000, 20);
    const count = beats(kafka).length - before;
    assert(count >= 5 + 5 + 14 && count <= 6 + 6 + 15, `${count}`);
  })));

Deno.test("leave revokes everything, says goodbye and ends run", () =>
  virtual(Effect.gen(function* () {
    const { kafka, holders, start } = yield* makeConsumerWorld({ orders: 8 });
    const a = yield* start("a", {}, { revoked: () => Effect.sleep(1_000) });
    yield* advance(1_000);
    const open = kafka.link.open();
    const left = yield* Effect.forkScoped(a.member.leave);
    yield* advance(500);
    assertEquals(kafka.seats.size, 1);
    yield* advance(600);
    yield* Fiber.join(left);
    yield* Fiber.join(a.run);
    assertEquals([a.events, kafka.seats.size, holders.size], [["assigned 8", "revoked 8"], 0, 0]);
    assertEquals([beats(kafka).at(-1)?.memberEpoch, a.member.membership.generation], [-1, -1]);
    assertEquals(kafka.link.open(), open - 1);
  })));

Deno.test("leave ends within a few seconds while no broker answers", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeConsumerWorld({ orders: 8 });
    const a = yield* start("a");
    yield* advance(1_000);
    kafka.link.down.add(1).add(2);
    kafka.link.cut(1);
    yield* advance(5_000);
    const left = yield* Effect.forkScoped(a.member.leave);
    yield* advance(4_000);
    yield* Fiber.join(left);
    assertEquals(a.events, ["assigned 8", "revoked 8"]);
  })));

Deno.test("leave returns at once for a member that was never run, and its later run does nothing", () =>
  virtual(Effect.gen(function* () {
    const { kafka, cluster } = yield* makeConsumerWorld({ orders: 8 });
    const silent = { assigned: () => Effect.void, revoked: () => Effect.void, lost: () => Effect.void };
    const member = yield* makeConsumerMember(cluster, { groupId: "g", topics: ["orders"] }, silent);
    yield* member.leave;
    yield* member.run;
    assertEquals(beats(kafka), []);
  })));

Deno.test("a static member that restarts gets its partitions back and the others notice nothing", () =>
  virtual(Effect.gen(function* () {
    const { kafka, count, holders, start } = yield* makeConsumerWorld({ orders: 8 });
    const a = yield* start("a", { instanceId: "one" });
    const b = yield* start("b", { instanceId: "two" });
    yield* advance(4_000);
    const { epoch } = kafka;
    const before = [...holders].filter(([, { name }]) => name === "a").map(([key]) => key).sort();
    const left = yield* Effect.forkScoped(a.member.leave);
    yield* advance(100);
    yield* Fiber.join(left);
    const last = beats(kafka).findLast(({ memberId }) => memberId === a.member.membership.memberId);
    assertEquals([last?.memberEpoch, kafka.seats.size], [-2, 2]);
    yield* advance(2_000);
    const events = [...b.events];
    const again = yield* start("a", { instanceId: "one" });
    yield* advance(2_000);
    assertEquals([...holders].filter(([, { name }]) => name === "a").map(([key]) => key).sort(), before);
    assertEquals([count(again.name), kafka.epoch, b.events], [4, epoch, events]);
  })));

Deno.test("a static member whose join was not answered, or that is fenced, is not refused as its own duplicate", () => {
  let lose = true;
  const script = (kafka: () => SmallConsumerCoordinator) => ({
    ConsumerGroupHeartbeat: (request: Beat, node: number) =>
      Effect.flatMap(kafka().answer(request, node), (answer) => {
        if (!lose) return Effect.succeed(answer);
        lose = false;
        return Effect.fail(new ConnectionError("b", "closed", "lost"));
      }),
  });
  return virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeConsumerWorld({ orders: 8 }, { script });
    const a = yield* start("a", { instanceId: "one" });
    yield* advance(1_000);
    assertEquals(a.events, ["assigned 8"]);
    kafka.refuse("ConsumerGroupHeartbeat", ErrorCode.FENCED_MEMBER_EPOCH);
    yield* advance(3_000);
    assertEquals(a.events, ["assigned 8", "lost 8", "assigned 8"]);
  }));
});

Deno.test("a second process of an instanceId ends with a reason, and the first works on", () =>
  virtual(Effect.gen(function* () {
    const { count, start } = yield* makeConsumerWorld({ orders: 8 });
    const a = yield* start("a", { instanceId: "one" });
    yield* advance(1_000);
    const b = yield* start("b", { instanceId: "one" });
    yield* advance(1_000);
    const error = yield* Effect.flip(Fiber.join(b.run));
    assertEquals(error.type, "UNRELEASED_INSTANCE_ID");
    assertMatch(error.message, /instanceId/);
    assertEquals([count(a.name), a.events, b.events], [8, ["assigned 8"], []]);
  })));

for (
  const [type, hint] of [
    ["FENCED_INSTANCE_ID", /instanceId/],
    ["GROUP_AUTHORIZATION_FAILED", /ACL/],
    ["TOPIC_AUTHORIZATION_FAILED", /ACL/],
    ["GROUP_MAX_SIZE_REACHED", /group.max.size/],
    ["UNSUPPORTED_ASSIGNOR", /group.consumer.assignors/],
    ["UNSUPPORTED_VERSION", /Kafka 4.0.*groupProtocol: "classic"/],
    ["GROUP_ID_NOT_FOUND", /groupProtocol: "classic"/],
    ["INVALID_REQUEST", /INVALID_REQUEST/],
  ] as const
) {
  Deno.test(`run fails when the coordinator says ${type}, and says what to do`, () =>
    virtual(Effect.gen(function* () {
      const { kafka, start } = yield* makeConsumerWorld({ orders: 8 });
      kafka.refuse("ConsumerGroupHeartbeat", ErrorCode[type]);
      const a = yield* start("a", { instanceId: "one" });
      yield* advance(100);
      const error = yield* Effect.flip(Fiber.join(a.run));
      assertEquals(error.type, type);
      assertMatch(error.message, hint);
    })));
}

Deno.test("run fails where the brokers don't know the protocol, and loses what it held when it is refused later", () => {
  let old = true;
  const script = (kafka: () => SmallConsumerCoordinator) => ({
    ConsumerGroupHeartbeat: (request: Beat, node: number) =>
      old
        ? Effect.fail(new ConnectionError("b", "unsupported", "ConsumerGroupHeartbeat 1 is needed"))
        : kafka().answer(request, node),
  });
  return virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeConsumerWorld({ orders: 8 }, { script });
    const a = yield* start("a");
    yield* advance(100);
    assertEquals((yield* Effect.flip(Fiber.join(a.run))).type, "UNSUPPORTED_VERSION");
    old = false;
    const b = yield* start("b");
    yield* advance(500);
    kafka.refuse("ConsumerGroupHeartbeat", ErrorCode.GROUP_AUTHORIZATION_FAILED);
    yield* advance(1_500);
    assertEquals((yield* Effect.flip(Fiber.join(b.run))).type, "GROUP_AUTHORIZATION_FAILED");
    assertEquals(b.events, ["assigned 8", "lost 8"]);
  }));
});

Deno.test("a group that vanished is joined anew", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeConsumerWorld({ orders: 8 });
    const a = yield* start("a");
    yield* advance(1_500);
    kafka.refuse("ConsumerGroupHeartbeat", ErrorCode.GROUP_ID_NOT_FOUND);
    yield* advance(2_500);
    assertEquals(a.events, ["assigned 8", "lost 8", "assigned 8"]);
  })));

Deno.test("a topic that is missing is told of, and taken when it comes", () => {
  const log: Array<string> = [];
  return virtual(
    Effect.gen(function* () {
      const { kafka, count, start } = yield* makeConsumerWorld({ orders: 2 });
      const a = yield* start("a", { topics: ["orders", "later"] });
      yield* advance(8_000, 20);
      assertEquals(log.filter((line) => /topic later does not exist/.test(line)).length, 1);
      kafka.topics.later = 2;
      kafka.share();
      yield* advance(3_000, 20);
      assertEquals(count(a.name), 4);
    }),
    log,
  );
});

Deno.test("a coordinator that names no interval between heartbeats is asked as often as the member likes", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeConsumerWorld({ orders: 1 }, {
      script: (kafka) => ({
        ConsumerGroupHeartbeat: (request, node) => Effect.andThen(Effect.sleep(1), kafka().answer(request, node)),
      }),
    });
    kafka.heartbeatInterval = 0;
    yield* start("a", { heartbeatInterval: 500 });
    yield* advance(5_000);
    assert(beats(kafka).length < 20, `${beats(kafka).length}`);
  })));
