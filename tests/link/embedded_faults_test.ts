import { Effect, Fiber, type Scope } from "effect";
import { TestClock } from "effect/testing";
import type { ConnectionError } from "../../src/errors.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { errorAnswer } from "../../src/link/embedded/error_answer.ts";
import {
  delay,
  error,
  type Fault,
  type Intercepted,
  late,
  loseAnswer,
  never,
  refuse,
} from "../../src/link/embedded/faults.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Connection } from "../../src/link/link.ts";
import type { ApiName, Request } from "../../src/link/protocol.ts";
import { assert, assertEquals } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { batch } from "../kafka_contract/batches.ts";
import { Context, fetchRequest, produceRequest } from "../kafka_contract/context.ts";
import { stableGroup, stranger } from "../kafka_contract/group_member.ts";

/** A Kafka with a topic called "topic", in virtual time. */
function withKafka(
  body: (context: Context, kafka: EmbeddedKafka) => Effect.Effect<void, unknown, Scope.Scope>,
): Promise<void> {
  return virtual(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const context = new Context(yield* kafka.open, (prefix) => prefix);
    yield* context.create({ name: "topic", numPartitions: 2 });
    yield* body(context, kafka);
  }));
}

/** Lets a fault happen to the next request of this kind. */
function once(kafka: EmbeddedKafka, api: ApiName, fault: Fault): void {
  kafka.intercept = (request) => {
    if (request.api !== api) return null;
    kafka.intercept = null;
    return fault;
  };
}

const produce = (connection: Connection, text: string, timeout?: number) =>
  connection.call("Produce", produceRequest("topic", batch([text])), timeout);

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true });

const reason = <R>(effect: Effect.Effect<unknown, ConnectionError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason);

const end = (kafka: EmbeddedKafka) => kafka.log("topic", 0)?.endOffset;

Deno.test("intercept sees each request once, with its connection and role, in the order of application", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      const seen: Array<Intercepted> = [];
      kafka.intercept = (request) => {
        seen.push(request);
        return null;
      };
      const one = yield* context.connect("produce");
      const two = yield* context.connect("fetch");
      const fetching = yield* start(two.call("Fetch", fetchRequest("topic", 0, { maxWaitMs: 1_000 })));
      yield* produce(one, "a");
      yield* Fiber.join(fetching);
      assertEquals(seen.map(({ api, role }) => `${api} ${role}`), ["Fetch fetch", "Produce produce"]);
      assertEquals(seen[0].connection, seen[1].connection + 1);
      assertEquals(seen[0].request, fetchRequest("topic", 0, { maxWaitMs: 1_000 }));
    })
  ));

Deno.test("refuse ends the connection and applies neither the request nor those behind it", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      once(kafka, "Produce", refuse);
      const connection = yield* context.connect();
      const first = yield* start(reason(produce(connection, "a")));
      assertEquals(yield* reason(produce(connection, "b")), "closed");
      assertEquals(yield* Fiber.join(first), "closed");
      assertEquals([connection.isOpen(), end(kafka)], [false, 0]);
      yield* produce(yield* context.connect(), "c");
      assertEquals(end(kafka), 1);
    })
  ));

Deno.test("loseAnswer applies the request and ends the connection", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      once(kafka, "Produce", loseAnswer);
      const connection = yield* context.connect();
      assertEquals(yield* reason(produce(connection, "a")), "closed");
      assertEquals([connection.isOpen(), end(kafka)], [false, 1]);
    })
  ));

Deno.test("loseAnswer of a request that waits ends the connection when the answer would have come", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      once(kafka, "Fetch", loseAnswer);
      const connection = yield* context.connect("fetch");
      const lost = yield* start(reason(connection.call("Fetch", fetchRequest("topic", 0, { maxWaitMs: 1_000 }))));
      yield* advance(500);
      assert(connection.isOpen());
      yield* produce(yield* context.connect(), "a");
      assertEquals(yield* Fiber.join(lost), "closed");
    })
  ));

Deno.test("delay applies the request later, and holds up those behind it", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      once(kafka, "Produce", delay(100));
      const connection = yield* context.connect();
      const first = yield* start(produce(connection, "a"));
      const second = yield* start(produce(connection, "b"));
      yield* advance(99);
      assertEquals(end(kafka), 0);
      yield* advance(1);
      assertEquals(end(kafka), 2);
      assertEquals((yield* Fiber.join(first)).topics[0].partitions[0].baseOffset, 0);
      assertEquals((yield* Fiber.join(second)).topics[0].partitions[0].baseOffset, 1);
    })
  ));

Deno.test("late applies the request at once and those behind it, too; the answers come later, in order", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      once(kafka, "Produce", late(100));
      const connection = yield* context.connect();
      const first = yield* start(produce(connection, "a"));
      const second = yield* start(produce(connection, "b"));
      yield* advance(99);
      assertEquals(end(kafka), 2);
      assertEquals([first.pollUnsafe(), second.pollUnsafe()], [undefined, undefined]);
      yield* advance(1);
      assert(first.pollUnsafe() !== undefined && second.pollUnsafe() !== undefined);
    })
  ));

Deno.test("a call whose answer is late fails as soon as its connection ends", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      const connection = yield* context.connect("produce");
      once(kafka, "Produce", late(10_000));
      const call = yield* start(reason(produce(connection, "a")));
      yield* advance(20);
      yield* connection.close;
      yield* advance(20);
      assertEquals(call.pollUnsafe()?._tag, "Success");
      assertEquals([yield* Fiber.join(call), end(kafka)], ["closed", 1]);
    })
  ));

Deno.test("error answers with the code in every partition and applies nothing", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      kafka.intercept = () => error(ErrorCode.NOT_LEADER_OR_FOLLOWER);
      const request = produceRequest("topic", batch(["a"]));
      const [topic] = request.topics;
      const topics = [{ ...topic, partitions: [...topic.partitions, { ...topic.partitions[0], partition: 1 }] }];
      const answer = yield* context.call("Produce", { ...request, topics });
      assertEquals(
        answer.topics.map(({ name, partitions }) => [name, ...partitions.map(({ errorCode }) => errorCode)]),
        [["topic", 6, 6]],
      );
      assertEquals(end(kafka), 0);
    })
  ));

Deno.test("an error can be told in the answer of every API", () => {
  const member = { groupId: "g", generationId: 1, memberId: "m", groupInstanceId: null };
  const partition = { partition: 0, currentLeaderEpoch: -1, offset: 0, records: new Uint8Array(0) };
  const perPartition = [{ name: "t", partitions: [partition] }];
  const named = [{ name: "t", numPartitions: 1, replicationFactor: 1, configs: {}, count: 1 }];
  const requests: Partial<Record<ApiName, unknown>> = {
    Produce: { topics: perPartition },
    Fetch: { topics: perPartition },
    ListOffsets: { topics: perPartition },
    Metadata: { topics: ["t"] },
    FindCoordinator: { key: "g", keyType: 0 },
    JoinGroup: member,
    SyncGroup: member,
    Heartbeat: member,
    LeaveGroup: { ...member, members: [member] },
    OffsetCommit: { ...member, topics: perPartition },
    OffsetFetch: { groupId: "g", topics: [{ name: "t", partitions: [0] }] },
    InitProducerId: {},
    CreateTopics: { topics: named },
    CreatePartitions: { topics: named },
    DeleteTopics: { topics: ["t"] },
    DeleteRecords: { topics: perPartition },
  };
  for (const [api, request] of Object.entries(requests)) {
    const answer = errorAnswer(api as ApiName, request as Request<ApiName>, 77);
    const text = JSON.stringify(answer, (_, value) => typeof value === "bigint" ? String(value) : value);
    assert(text.includes('"errorCode":77'), `${api}: ${text}`);
  }
  assertEquals(Object.keys(requests).length, 16);
});

Deno.test("never leaves the call to its time-out, which ends the connection for the others, too", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      once(kafka, "Produce", never);
      const connection = yield* context.connect();
      const first = yield* start(reason(produce(connection, "a", 200)));
      const second = yield* start(reason(produce(connection, "b", 10_000)));
      yield* advance(199);
      assertEquals(first.pollUnsafe(), undefined);
      yield* advance(1);
      assertEquals(yield* Fiber.join(first), "timeout");
      assertEquals(yield* Fiber.join(second), "closed");
      assertEquals([connection.isOpen(), end(kafka)], [false, 0]);
    })
  ));

Deno.test("a call without a time-out of its own has 30 seconds", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      once(kafka, "Produce", never);
      const call = yield* start(reason(produce(yield* context.connect(), "a")));
      yield* TestClock.adjust(29_999);
      assertEquals(call.pollUnsafe(), undefined);
      yield* advance(1);
      assertEquals(yield* Fiber.join(call), "timeout");
    })
  ));

Deno.test("close fails every call under way, and every later one", () =>
  withKafka((context) =>
    Effect.gen(function* () {
      const connection = yield* context.connect("fetch");
      const fetching = yield* start(
        reason(connection.call("Fetch", fetchRequest("topic", 0, { maxWaitMs: 10_000 }))),
      );
      const behind = yield* start(reason(produce(connection, "a")));
      yield* advance(10);
      yield* connection.close;
      assertEquals([yield* Fiber.join(fetching), yield* Fiber.join(behind)], ["closed", "closed"]);
      assertEquals(yield* reason(produce(connection, "b")), "closed");
    })
  ));

Deno.test("a call that was interrupted is on the wire all the same: it is applied in its turn", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      const connection = yield* context.connect();
      const fetching = yield* start(connection.call("Fetch", fetchRequest("topic", 0, { maxWaitMs: 100 })));
      const given = yield* start(produce(connection, "a"));
      const third = yield* start(produce(connection, "b"));
      yield* Fiber.interrupt(given);
      yield* Fiber.interrupt(fetching);
      yield* advance(99);
      assertEquals(end(kafka), 0);
      yield* advance(1);
      assertEquals((yield* Fiber.join(third)).topics[0].partitions[0].baseOffset, 1);
    })
  ));

Deno.test("stop ends connections and refuses new ones; start brings back all that was stored", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      const connection = yield* context.connect();
      yield* produce(connection, "a");
      const fetching = yield* start(reason(connection.call("Fetch", fetchRequest("topic", 1, { maxWaitMs: 10_000 }))));
      kafka.stop();
      assertEquals(yield* Fiber.join(fetching), "closed");
      assertEquals(connection.isOpen(), false);
      assertEquals(yield* reason(context.connect()), "refused");
      kafka.start();
      assertEquals(yield* reason(produce(connection, "b")), "closed");
      yield* produce(yield* context.connect(), "c");
      assertEquals(end(kafka), 2);
    })
  ));

Deno.test("there is a broker at one address only", () =>
  withKafka((context) =>
    Effect.gen(function* () {
      const address = { ...context.link.bootstrap[0], port: 1 };
      assertEquals(yield* reason(context.link.connect(address, "admin")), "refused");
    })
  ));

Deno.test("members are kept while the broker is away, and their time-outs begin again when it is back", () =>
  virtual(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const context = new Context(yield* kafka.open, (prefix) => prefix);
    const running = yield* Effect.forkChild(stableGroup(context, "g", [{}, { sessionTimeoutMs: 2_000 }]));
    yield* advance(1_000);
    const [one, two] = yield* Fiber.join(running);
    const newcomer = yield* stranger(context, "g");
    const joining = yield* start(reason(newcomer.join()));
    yield* advance(200);
    kafka.stop();
    assertEquals(yield* Fiber.join(joining), "closed");
    yield* TestClock.adjust(60_000);
    kafka.start();
    const back = new Context(yield* kafka.open, (prefix) => prefix);
    const again = yield* stranger(back, "g");
    Object.assign(again, { memberId: one.memberId, generationId: one.generationId });
    // The newcomer has never been answered: the others still have to join again.
    assertEquals(yield* again.heartbeat(), ErrorCode.REBALANCE_IN_PROGRESS);
    assertEquals(kafka.members("g").map(({ memberId }) => memberId), [one.memberId, two.memberId]);
    yield* advance(1_990);
    yield* again.heartbeat();
    assertEquals(kafka.members("g").length, 2);
    yield* advance(10);
    yield* again.heartbeat();
    assertEquals(kafka.members("g").map(({ memberId }) => memberId), [one.memberId]);
  })));
