import { Clock, Effect, Fiber } from "effect";
import { makeMember } from "../../src/client/group/member.ts";
import { monotonicMs } from "../../src/fiber/monotonic.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { makeClassicWorld } from "./group_world.ts";
import { advance, virtual } from "./virtual.ts";

Deno.test("a member that is alone gets everything", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, count } = yield* makeClassicWorld({ orders: 5, payments: 3 });
    const a = yield* start("a");
    yield* advance(100);
    assertEquals(count("a"), 8);
    assertEquals(a.events, ["assigned 8"]);
    assertEquals(a.member.membership.memberId, "member-1");
    assertEquals(a.member.membership.generation, kafka.generation);
  })));

Deno.test("two members hand over half of the partitions, which the second gets only after revoked has ended", () =>
  virtual(Effect.gen(function* () {
    const { start, count } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a", {}, { revoked: () => Effect.sleep(2_000) });
    yield* advance(100);
    const b = yield* start("b");
    yield* advance(1_500);
    assertEquals(a.events, ["assigned 8", "revoked 4"]);
    assertEquals(b.events, []);
    yield* advance(2_000);
    assertEquals([count("a"), count("b")], [4, 4]);
    assertEquals(a.events, ["assigned 8", "revoked 4"]);
    assertEquals(b.events, ["assigned 4"]);
  })));

Deno.test("a member sends heartbeats while revoked takes longer than the session", () =>
  virtual(Effect.gen(function* () {
    const { start, count } = yield* makeClassicWorld({ orders: 4 });
    const clock = yield* Clock.Clock;
    const a = yield* start("a", { sessionTimeout: 1_000 }, { revoked: () => Effect.sleep(5_000) });
    yield* advance(100);
    const b = yield* start("b", { sessionTimeout: 1_000 });
    for (let at = 0; at < 4_000; at += 100) {
      yield* advance(100);
      assert(a.member.membership.deadline > monotonicMs(clock), `expired at ${at}`);
    }
    assertEquals(count("b"), 0);
    yield* advance(3_000);
    assertEquals([a.events, b.events], [["assigned 4", "revoked 2"], ["assigned 2"]]);
  })));

Deno.test("a member that waits long for others to join keeps its deadline ahead", () =>
  virtual(Effect.gen(function* () {
    const { start, count, holders } = yield* makeClassicWorld({ orders: 9 });
    const clock = yield* Clock.Clock;
    const a = yield* start("a", { sessionTimeout: 1_000 }, { revoked: () => Effect.sleep(8_000) });
    const b = yield* start("b", { sessionTimeout: 1_000 });
    yield* advance(12_000);
    const before = b.events.length;
    assertEquals(holders.size, 9);
    // "c" joins; "a" lets go slowly, then "b" stands at the barrier with what it keeps.
    yield* start("c", { sessionTimeout: 1_000 });
    for (let at = 0; at < 8_500; at += 100) {
      yield* advance(100);
      assert(b.member.membership.deadline > monotonicMs(clock), `expired at ${at}`);
    }
    yield* advance(3_000);
    assert(!b.events.some((event) => event.startsWith("lost")) && b.events.length > before);
    assertEquals([count("a"), count("b"), count("c")], [3, 3, 3]);
    assert(a.member.membership.generation > 0);
  })));

Deno.test("the partitions of a member that died go to the others after the session time-out", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, count } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a", { sessionTimeout: 3_000 });
    const b = yield* start("b", { sessionTimeout: 3_000 });
    yield* advance(2_000);
    assertEquals([count("a"), count("b")], [4, 4]);
    const open = kafka.link.open();
    yield* a.crash;
    assertEquals(kafka.link.open(), open - 1);
    assert(!a.events.some((event) => event.startsWith("lost")));
    yield* advance(2_000);
    assertEquals(count("b"), 4);
    yield* advance(2_000);
    assertEquals(count("b"), 8);
    assertEquals(b.events.at(-1), "assigned 4");
  })));

Deno.test("a member whose coordinator connection breaks keeps its id, generation and partitions, and joins nobody", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, count } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a");
    yield* advance(1_000);
    const { memberId, generation } = a.member.membership;
    for (let i = 0; i < 5; i++) {
      kafka.link.cut(1);
      yield* advance(777);
    }
    kafka.node = 2;
    yield* advance(1_000);
    assertEquals(a.member.membership.memberId, memberId);
    assertEquals(a.member.membership.generation, generation);
    assertEquals(kafka.generation, generation);
    assertEquals(a.events, ["assigned 8"]);
    assertEquals(count("a"), 8);
    assert(kafka.link.requests.some(({ api, node }) => api === "Heartbeat" && node === 2));
  })));

for (
  const [where, down, theirs, ours] of [
    ["coordinator", [1], 0, 3],
    ["brokers", [1, 2], 3, 0],
  ] as const
) {
  Deno.test(`a member that can't reach its ${where} gives nothing up, its deadline passes, and it warns now and then`, () => {
    const log: Array<string> = [];
    return virtual(
      Effect.gen(function* () {
        const { kafka, start } = yield* makeClassicWorld({ orders: 8 });
        const clock = yield* Clock.Clock;
        const a = yield* start("a", { sessionTimeout: 3_000 });
        yield* advance(900);
        for (const node of down) {
          kafka.link.down.add(node);
          kafka.link.cut(node);
        }
        yield* advance(2_600);
        assert(a.member.membership.deadline <= monotonicMs(clock));
        yield* advance(22_400, 20);
        assertEquals(a.events, ["assigned 8"]);
        const warnings = [/no broker answers/, /group g: its coord/].map((it) =>
          log.filter((line) => it.test(line)).length
        );
        assertEquals(warnings, [theirs, ours], log.join("\n"));
        // The session has ended meanwhile: that is what the coordinator says when it is back.
        kafka.link.down.clear();
        yield* advance(4_000);
        assertEquals(a.events, ["assigned 8", "lost 8", "assigned 8"]);
        assert(a.member.membership.deadline > monotonicMs(clock));
      }),
      log,
    );
  });
}

Deno.test("a member the group has forgotten loses everything and joins anew under a new id", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, count } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a");
    yield* advance(1_000);
    kafka.remove(a.member.membership.memberId);
    yield* advance(1_000);
    assertEquals(a.events, ["assigned 8", "lost 8", "assigned 8"]);
    assertEquals(a.member.membership.memberId, "member-2");
    assertEquals(count("a"), 8);
  })));

Deno.test("a member of an old generation loses everything and joins under the same id", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a");
    yield* advance(1_000);
    kafka.refuse("Heartbeat", ErrorCode.ILLEGAL_GENERATION);
    yield* advance(1_000);
    assertEquals(a.events, ["assigned 8", "lost 8", "assigned 8"]);
    assertEquals(a.member.membership.memberId, "member-1");
  })));

Deno.test("a membership that ends while revoked is awaited is over at once; lost is told afterwards, for the rest", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, wrong } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a", {}, { revoked: () => Effect.sleep(3_000) });
    yield* advance(100);
    yield* start("b");
    yield* advance(1_000);
    assertEquals(a.events, ["assigned 8", "revoked 4"]);
    kafka.remove(a.member.membership.memberId);
    yield* advance(500);
    assertEquals(a.member.membership.deadline, -Infinity);
    assertEquals(a.member.membership.generation, -1);
    assertEquals(a.events, ["assigned 8", "revoked 4"]);
    yield* advance(3_000);
    assertEquals(a.events.slice(0, 3), ["assigned 8", "revoked 4", "lost 4"]);
    // The group gave its partitions away when it expelled it, which no member can prevent: leases end by deadline.
    wrong.length = 0;
  })));

Deno.test("a member whose sync is refused as a rebalance goes on joins again and keeps everything", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a");
    yield* advance(1_000);
    kafka.refuse("SyncGroup", ErrorCode.REBALANCE_IN_PROGRESS);
    kafka.prepare();
    yield* advance(1_000);
    assertEquals(a.events, ["assigned 8"]);
    assertEquals(a.member.membership.generation, kafka.generation);
    assertEquals(kafka.state, "stable");
  })));

Deno.test("a sync of an old generation means that everything is lost", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a");
    yield* advance(1_000);
    kafka.refuse("SyncGroup", ErrorCode.ILLEGAL_GENERATION);
    kafka.prepare();
    yield* advance(1_000);
    assertEquals(a.events, ["assigned 8", "lost 8", "assigned 8"]);
  })));

Deno.test("a connection that breaks at the join barrier or in the sync takes nothing away", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, count } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a");
    yield* advance(500);
    const b = yield* start("b");
    for (let i = 0; i < 30; i++) {
      yield* advance(40);
      kafka.link.cut(1);
    }
    yield* advance(5_000);
    assertEquals([count("a"), count("b")], [4, 4]);
    assertEquals(a.events, ["assigned 8", "revoked 4"]);
    assertEquals(b.events, ["assigned 4"]);
  })));

Deno.test("leave revokes everything, tells the coordinator and ends run", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, holders } = yield* makeClassicWorld({ orders: 8 });
    const before = kafka.link.open();
    const a = yield* start("a", {}, { revoked: () => Effect.sleep(1_000) });
    yield* advance(1_000);
    const left = yield* Effect.forkScoped(a.member.leave);
    yield* advance(500);
    assertEquals(kafka.seats.size, 1);
    yield* advance(600);
    yield* Fiber.join(left);
    yield* Fiber.join(a.run);
    assertEquals(a.events, ["assigned 8", "revoked 8"]);
    assertEquals([kafka.seats.size, holders.size], [0, 0]);
    assertEquals(kafka.link.open(), before);
    assertEquals(a.member.membership.generation, -1);
  })));

Deno.test("leave of a member that waits at the join barrier lets go in the generation the round ends with", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a", {}, { revoked: () => Effect.sleep(6_000) });
    let known = false;
    const revoked = () => Effect.sync(() => void (known = b.member.membership.generation === kafka.generation));
    const b = yield* start("b", { lastRoundTimeout: 10_000 }, { revoked });
    yield* advance(10_000);
    assertEquals(b.events, ["assigned 4"]);
    yield* start("c");
    yield* advance(2_000);
    const { generation } = kafka;
    const left = yield* Effect.forkScoped(b.member.leave);
    yield* advance(500);
    assertEquals(left.pollUnsafe(), undefined);
    yield* advance(6_000);
    yield* Fiber.join(left);
    assertEquals([b.events.at(-1)?.split(" ")[0], known], ["revoked", true]);
    assert(kafka.generation > generation);
    yield* advance(10_000);
    assertEquals(kafka.seats.size, 2);
    assert(a.member.membership.generation > 0);
  })));

Deno.test("leave ends a member that waits too long at the join barrier, after it has let go of what it kept", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeClassicWorld({ orders: 8 });
    yield* start("a", {}, { revoked: () => Effect.sleep(6_000) });
    const b = yield* start("b", { lastRoundTimeout: 300 }, { revoked: () => Effect.sleep(50) });
    yield* advance(10_000);
    yield* start("c");
    yield* advance(2_000);
    const left = yield* Effect.forkScoped(b.member.leave);
    yield* advance(500);
    yield* Fiber.join(left);
    assertEquals(b.events.at(-1)?.split(" ")[0], "revoked");
    yield* advance(10_000);
    assertEquals(kafka.seats.size, 2);
  })));

Deno.test("leave ends within a few seconds while no broker answers", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeClassicWorld({ orders: 8 });
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
    const { kafka, cluster } = yield* makeClassicWorld({ orders: 8 });
    const silent = { assigned: () => Effect.void, revoked: () => Effect.void, lost: () => Effect.void };
    const member = yield* makeMember(cluster, { groupId: "g", topics: ["orders"] }, silent);
    yield* member.leave;
    yield* member.run;
    assertEquals(kafka.generation, 0);
  })));

Deno.test("new partitions and a new topic are noticed and shared out", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, count, holders } = yield* makeClassicWorld({ orders: 4 });
    const options = { topics: ["orders", "later"], metadataMaxAge: 5_000 };
    const a = yield* start("a", options);
    const b = yield* start("b", options);
    yield* advance(3_000);
    assertEquals(holders.size, 4);
    kafka.topics.later = 2;
    yield* advance(4_000);
    assertEquals([count("a"), count("b")], [3, 3]);
    kafka.topics.orders = 10;
    yield* advance(8_000);
    assertEquals([count("a"), count("b")], [6, 6]);
    assert([...a.events, ...b.events].every((event) => !event.startsWith("lost")));
  })));

Deno.test("a static member that restarts gets its partitions back and the others notice nothing", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, holders } = yield* makeClassicWorld({ orders: 8 });
    const options = { instanceId: "one", sessionTimeout: 5_000 };
    const a = yield* start("a", options);
    const b = yield* start("b", { instanceId: "two" });
    yield* advance(3_000);
    const { generation } = kafka;
    const before = [...holders].filter(([, { name }]) => name === "a").map(([key]) => key).sort();
    yield* a.member.leave.pipe(Effect.forkScoped, Effect.flatMap((left) => Effect.as(advance(100), left)));
    assertEquals(kafka.seats.size, 2);
    yield* advance(2_000);
    const events = b.events.length;
    yield* start("a", options);
    yield* advance(1_000);
    assertEquals([...holders].filter(([, { name }]) => name === "a").map(([key]) => key).sort(), before);
    assertEquals(kafka.generation, generation);
    assertEquals(b.events.length, events);
  })));

Deno.test("new partitions are noticed after the static member that leads has restarted without knowing that it leads", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start, count } = yield* makeClassicWorld({ orders: 2 });
    const options = { instanceId: "one", metadataMaxAge: 2_000 };
    const a = yield* start("a", options);
    yield* advance(1_000);
    yield* a.crash;
    yield* start("a", options);
    yield* advance(1_000);
    kafka.topics.orders = 6;
    yield* advance(6_000);
    assertEquals(count("a"), 6);
  })));

Deno.test("a second process of the same instanceId ends the first one with FENCED_INSTANCE_ID, after lost", () =>
  virtual(Effect.gen(function* () {
    const { cluster, start } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a", { instanceId: "one" });
    yield* advance(1_000);
    const second = { assigned: () => Effect.void, revoked: () => Effect.void, lost: () => Effect.void };
    const member = yield* makeMember(cluster, { groupId: "g", topics: ["orders"], instanceId: "one" }, second);
    yield* Effect.forkScoped(member.run);
    const failed = yield* Effect.forkScoped(Effect.flip(Fiber.join(a.run)));
    yield* advance(1_000);
    const error = yield* Fiber.join(failed);
    assertEquals(error.type, "FENCED_INSTANCE_ID");
    assertMatch(error.message, /under the instanceId one;/);
    assertEquals(a.events.at(-1), "lost 8");
  })));

for (
  const [type, hint] of [
    ["GROUP_AUTHORIZATION_FAILED", /ACL/],
    ["INCONSISTENT_GROUP_PROTOCOL", /assignors/],
    ["INVALID_SESSION_TIMEOUT", /sessionTimeout/],
    ["GROUP_MAX_SIZE_REACHED", /group.max.size/],
    ["INVALID_GROUP_ID", /groupId/],
  ] as const
) {
  Deno.test(`run fails when the coordinator says ${type}, and says what to do`, () =>
    virtual(Effect.gen(function* () {
      const { kafka, start } = yield* makeClassicWorld({ orders: 8 });
      kafka.refuse("JoinGroup", ErrorCode[type]);
      const a = yield* start("a");
      yield* advance(100);
      const error = yield* Effect.flip(Fiber.join(a.run));
      assertEquals(error.type, type);
      assertMatch(error.message, hint);
    })));
}

Deno.test("run fails for an assignor that does not exist", () =>
  virtual(Effect.gen(function* () {
    const { start } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a", { assignors: ["toString"] });
    const error = yield* Effect.flip(Fiber.join(a.run));
    assertMatch(error.message, /INCONSISTENT_GROUP_PROTOCOL.*toString/);
  })));

Deno.test("members with an eager assignor give up everything before they join again", () =>
  virtual(Effect.gen(function* () {
    const { start, count } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a", { assignors: ["range"] });
    yield* advance(1_000);
    const b = yield* start("b", { assignors: ["range"] });
    yield* advance(1_000);
    assertEquals([count("a"), count("b")], [4, 4]);
    assertEquals([a.events, b.events], [["assigned 8", "revoked 8", "assigned 4"], ["assigned 4"]]);
  })));

Deno.test("a member with an eager assignor in its list gives up everything although the group takes the cooperative one", () =>
  virtual(Effect.gen(function* () {
    const { start, holders } = yield* makeClassicWorld({ orders: 8 });
    const a = yield* start("a", { assignors: ["cooperative-sticky", "range"] });
    yield* advance(1_000);
    const b = yield* start("b", { assignors: ["cooperative-sticky"] });
    yield* advance(1_000);
    assertEquals([a.events, b.events], [["assigned 8", "revoked 8", "assigned 4"], ["assigned 4"]]);
    yield* start("c", { assignors: ["cooperative-sticky"] });
    yield* advance(2_000);
    assertEquals(holders.size, 8);
    assertEquals(a.events.slice(3).map((event) => event.split(" ")[0]).slice(0, 2), ["revoked", "assigned"]);
    // The other one keeps what it has: at most one moves, and never all.
    assert(b.events.slice(1).every((event) => event === "revoked 1" || event.startsWith("assigned")), b.events.join());
  })));

Deno.test("the deadline counts from when the last answered heartbeat was sent", () =>
  virtual(Effect.gen(function* () {
    const { kafka, start } = yield* makeClassicWorld({ orders: 8 });
    const clock = yield* Clock.Clock;
    const a = yield* start("a", { sessionTimeout: 10_000, deadlineMargin: 700 });
    yield* advance(1_000);
    const sent = kafka.link.requests.filter(({ api }) => api === "Heartbeat").length;
    assertEquals(sent, 3);
    const ahead = a.member.membership.deadline - monotonicMs(clock);
    assert(ahead > 9_300 - 310 && ahead <= 9_300, `${ahead}`);
  })));
