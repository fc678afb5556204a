import { Effect, Exit, Fiber, Scope } from "effect";
import { TestClock } from "effect/testing";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import type { Answer } from "../../src/link/protocol.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { address, metadata, scriptedLink } from "./scripted_link.ts";
import { advance, virtual } from "./virtual.ts";

Deno.test("makeCluster knows the brokers when it returns", () =>
  virtual(Effect.gen(function* () {
    const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1, 2], {})) });
    const cluster = yield* makeCluster(link);
    assert(cluster.reachable());
    assertEquals(cluster.broker(2), address(2));
    assertEquals(cluster.broker(3), undefined);
  })));

Deno.test("makeCluster finds the right host among wrong ones", () =>
  virtual(Effect.gen(function* () {
    const wrong = { nodeId: -1, host: "nowhere", port: 1 };
    const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) }, [wrong, address(1), wrong]);
    const cluster = yield* makeCluster(link);
    assert(cluster.reachable());
  })));

Deno.test("makeCluster waits out brokers that are away, with a warning every ten seconds", () => {
  const log: Array<string> = [];
  return virtual(
    Effect.gen(function* () {
      const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], { orders: [1] })) });
      link.down.add(1);
      const cluster = yield* makeCluster(link);
      assert(!cluster.reachable());
      yield* TestClock.adjust("25 seconds");
      assertEquals(log.length, 3);
      assertMatch(log[0], /broker-1:9092.*refused/);
      link.down.clear();
      yield* TestClock.adjust("1 second");
      assert(cluster.reachable());
      assertMatch(log[3], /answers again/);
    }),
    log,
  );
});

Deno.test("a client that ends does not say of its own end that no broker answers", () => {
  const log: Array<string> = [];
  const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) });
  return virtual(
    Effect.gen(function* () {
      const scope = yield* Scope.make();
      const cluster = yield* Scope.provide(makeCluster(link), scope);
      // As the sender's and the fetcher's connections, this ends before the cluster does, and takes its time.
      yield* Scope.addFinalizer(
        scope,
        Effect.suspend(() => {
          link.cut(1);
          cluster.reachable();
          return Effect.sleep(5_000);
        }),
      );
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void));
      yield* advance(6_000);
      yield* Fiber.join(closing);
      assertEquals(log, []);
    }),
    log,
  );
});

Deno.test("reachable turns true again by itself after anyConnection has failed", () =>
  virtual(Effect.gen(function* () {
    const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) });
    const cluster = yield* makeCluster(link);
    link.down.add(1);
    link.cut(1);
    yield* Effect.flip(cluster.anyConnection("admin"));
    assert(!cluster.reachable());
    yield* advance(3_000);
    assert(!cluster.reachable());
    link.down.clear();
    yield* advance(1_100);
    assert(cluster.reachable());
  })));

Deno.test("refresh shares one request among calls that wait for it, and fails when no broker answers", () =>
  virtual(Effect.gen(function* () {
    const link = scriptedLink({
      Metadata: ({ topics }) =>
        Effect.as(Effect.sleep(10), metadata([1], Object.fromEntries((topics ?? []).map((topic) => [topic, [1]])))),
    });
    const made = yield* Effect.forkScoped(makeCluster(link));
    yield* TestClock.adjust(10);
    const cluster = yield* Fiber.join(made);
    const count = () => link.requests.length;
    const before = count();
    const calls = yield* Effect.forkScoped(
      Effect.all(["a", "b", "c"].map((topic) => cluster.refresh([topic])), { concurrency: "unbounded" }),
    );
    yield* TestClock.adjust(20);
    yield* Fiber.join(calls);
    assert(count() - before <= 2, `${count() - before} requests`);
    assertEquals(cluster.topic("c")?.partitions.length, 1);
    link.down.add(1);
    link.cut(1);
    const failed = yield* Effect.forkScoped(Effect.flip(cluster.refresh([])));
    yield* TestClock.adjust("2 seconds");
    assertEquals((yield* Fiber.join(failed))._tag, "ConnectionError");
    assert(!cluster.reachable());
  })));

Deno.test("topic keeps what was known when an answer has an error or is older", () =>
  virtual(Effect.gen(function* () {
    let answer: Answer<"Metadata"> = metadata([1, 2], { orders: [2, 2] }, 5);
    const link = scriptedLink({ Metadata: () => Effect.sync(() => answer) });
    const cluster = yield* makeCluster(link);
    answer = { ...answer, topics: [{ ...answer.topics[0], errorCode: 3, partitions: [] }] };
    yield* cluster.refresh(["orders"]);
    assertEquals(cluster.topic("orders")?.partitions.map((p) => p.leader), [2, 2]);
    answer = metadata([1, 2], { orders: [1] }, 4);
    yield* cluster.refresh(["orders"]);
    assertEquals(cluster.topic("orders")?.partitions.map((p) => p.leader), [2, 2]);
    answer = metadata([1, 2], { orders: [1, 2, 1] }, 6);
    yield* cluster.refresh(["orders"]);
    assertEquals(cluster.topic("orders")?.partitions.map((p) => p.leader), [1, 2, 1]);
  })));

Deno.test("metadata is asked for again in the background", () =>
  virtual(Effect.gen(function* () {
    let leaders = [1];
    const link = scriptedLink({ Metadata: () => Effect.sync(() => metadata([1], { orders: leaders })) });
    const cluster = yield* makeCluster(link, { metadataMaxAge: 1_000 });
    yield* cluster.refresh(["orders"]);
    leaders = [1, 1];
    yield* TestClock.adjust("1 second");
    assertEquals(cluster.topic("orders")?.partitions.length, 2);
  })));

Deno.test("anyConnection shares one connection per role and replaces it when it has ended", () =>
  virtual(Effect.gen(function* () {
    const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) });
    const cluster = yield* makeCluster(link);
    const opened = link.opened();
    const [a, b] = yield* Effect.all([cluster.anyConnection("admin"), cluster.anyConnection("admin")], {
      concurrency: "unbounded",
    });
    assert(a === b);
    assertEquals(link.opened(), opened + 1);
    yield* a.close;
    const c = yield* cluster.anyConnection("admin");
    assert(c !== a && c.isOpen());
  })));

Deno.test("coordinator names the group's broker, or fails with Kafka's error", () =>
  virtual(Effect.gen(function* () {
    let errorCode = 15;
    const link = scriptedLink({
      Metadata: () => Effect.succeed(metadata([1], {})),
      FindCoordinator: () => Effect.sync(() => ({ throttleTimeMs: 0, errorCode, errorMessage: null, ...address(2) })),
    });
    const cluster = yield* makeCluster(link);
    const error = yield* Effect.flip(cluster.coordinator("g"));
    assert(error._tag === "KafkaError");
    assertEquals(error.type, "COORDINATOR_NOT_AVAILABLE");
    errorCode = 0;
    assertEquals(yield* cluster.coordinator("g"), address(2));
    assertEquals(cluster.broker(2), address(2));
  })));

Deno.test("connect fails for a broker nobody has named", () =>
  virtual(Effect.gen(function* () {
    const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) });
    const cluster = yield* makeCluster(link);
    const error = yield* Effect.flip(cluster.connect(9, "fetch"));
    assertEquals(error.reason, "refused");
    const connection = yield* cluster.connect(1, "fetch");
    assert(connection.isOpen());
  })));

Deno.test("everything a cluster has opened ends with its scope", async () => {
  const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) });
  await virtual(Effect.flatMap(makeCluster(link), (cluster) => cluster.anyConnection("admin")));
  assertEquals(link.open(), 0);
  assert(link.opened() > 1);
});

Deno.test("a connection that came through while its caller gave up is the next caller's", () =>
  virtual(Effect.gen(function* () {
    const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) }, [address(1), address(2)]);
    let slow = true;
    // The first broker asked says nothing, and takes a while to be given up.
    const connect: typeof link.connect = (at, role) => {
      if (role !== "admin" || !slow) return link.connect(at, role);
      slow = false;
      return Effect.onInterrupt(Effect.never, () => Effect.sleep(1_000));
    };
    const cluster = yield* makeCluster({ ...link, connect });
    const before = link.open();
    const call = yield* Effect.forkChild(cluster.anyConnection("admin"), { startImmediately: true });
    yield* advance(600, 100);
    assertEquals([link.open(), call.pollUnsafe()], [before + 1, undefined]);
    const gone = yield* Effect.forkChild(Fiber.interrupt(call), { startImmediately: true });
    yield* advance(1_000, 100);
    yield* Fiber.join(gone);
    yield* cluster.anyConnection("admin");
    assertEquals(link.open(), before + 1);
  })));

Deno.test("a cluster whose scope has ended asks for nothing any more, and says so", () =>
  virtual(Effect.gen(function* () {
    const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) });
    const scope = yield* Scope.make();
    const cluster = yield* Scope.provide(makeCluster(link), scope);
    yield* Scope.close(scope, Exit.void);
    for (const call of [cluster.refresh([]), cluster.anyConnection("admin"), cluster.coordinator("g")]) {
      const exit = yield* Effect.timeoutOption(Effect.flip(call as Effect.Effect<unknown, Error>), 1_000).pipe(
        Effect.forkChild({ startImmediately: true }),
      );
      yield* advance(1_000, 100);
      const error = yield* Fiber.join(exit);
      assertMatch(error._tag === "Some" ? error.value.message : "nothing", /the client has ended/);
    }
    assertEquals(link.open(), 0);
  })));

Deno.test("whoever waits for a refresh that a defect ends is answered by the next one", () => {
  const log: Array<string> = [];
  let broken = false;
  const link = scriptedLink({
    Metadata: () => broken ? Effect.die(new Error("a bug")) : Effect.succeed(metadata([1], { orders: [1] })),
  });
  return virtual(
    Effect.gen(function* () {
      const cluster = yield* makeCluster(link);
      broken = true;
      const refresh = yield* Effect.forkScoped(cluster.refresh(["orders"]));
      yield* advance(500);
      broken = false;
      yield* advance(1_000);
      assert(refresh.pollUnsafe() !== undefined, "answered");
      assertEquals(cluster.topic("orders")?.partitions.length, 1);
    }),
    log,
  );
});
