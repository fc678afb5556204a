import { Effect } from "effect";
import { makeAdministration } from "../../src/admin/administration.ts";
import type { Broker } from "../../src/broker.ts";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeSender } from "../../src/client/produce/sender.ts";
import { ConnectionError } from "../../src/errors.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { loseAnswer } from "../../src/link/embedded/faults.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { metadata, type Script, type ScriptedLink, scriptedLink } from "../client/scripted_link.ts";
import { advance, virtual } from "../client/virtual.ts";

/** Two brokers, the second of them the controller, that answer by script; what is asked and a way to go on in time. */
const makeWorld = Effect.fnUntraced(function* (script: Script, timeout = 30_000) {
  const link: ScriptedLink = scriptedLink(script);
  const broker: Broker = { kind: "broker", name: "scripted", open: Effect.succeed(link) };
  const admin = yield* makeAdministration(broker, { timeout });
  const asked = (api: string) => link.requests.filter((request) => request.api === api);
  return { link, admin, asked };
});

/** Runs to its end while virtual time goes on. */
const within = Effect.fnUntraced(function* <A, E>(ms: number, effect: Effect.Effect<A, E>) {
  const fiber = yield* Effect.forkChild(Effect.result(effect), { startImmediately: true });
  yield* advance(ms, 25);
  const exit = fiber.pollUnsafe();
  if (exit === undefined) return yield* Effect.die(new Error(`not done after ${ms} ms`));
  return yield* exit;
});

const topic = (name: string, errorCode: number) => ({ name, errorCode, errorMessage: null });
const created = (errorCode: number) => Effect.succeed({ throttleTimeMs: 0, topics: [topic("orders", errorCode)] });
const unknown = { ...metadata([1, 2], {}), topics: [] };

Deno.test("createTopics waits until every partition has a leader", () =>
  virtual(Effect.gen(function* () {
    let looks = 0;
    const { admin, asked } = yield* makeWorld({
      Metadata: ({ topics }) =>
        Effect.sync(() => {
          if (topics?.length === 0 || asked("CreateTopics").length === 0) return unknown;
          return ++looks < 4
            ? metadata([1, 2], { orders: looks < 3 ? [1] : [1, -1] })
            : metadata([1, 2], { orders: [1, 2] });
        }),
      CreateTopics: () => created(0),
    });
    const result = yield* within(5_000, admin.createTopics([{ name: "orders", partitions: 2 }]));
    assertEquals(result._tag === "Success" && result.success, [{ name: "orders", created: true, partitions: 2 }]);
    assertEquals(looks, 4);
    assertEquals(asked("CreateTopics").length, 1);
  })));

Deno.test("createTopics says at the deadline which topic has no leaders", () =>
  virtual(Effect.gen(function* () {
    let calls = 0;
    const { admin } = yield* makeWorld({
      Metadata: () => Effect.sync(() => calls === 0 ? unknown : metadata([1, 2], { orders: [1, -1, -1] })),
      CreateTopics: () => Effect.suspend(() => (calls++, created(0))),
    }, 3_000);
    const result = yield* within(3_100, admin.createTopics([{ name: "orders", partitions: 3 }]));
    assert(result._tag === "Failure");
    assertStringIncludes(result.failure.message, "topic orders: LEADER_NOT_AVAILABLE: 1 of 3 partitions have a leader");
  })));

Deno.test("createTopics asks the controller where a broker does not pass it on", () =>
  virtual(Effect.gen(function* () {
    // Whoever is asked first is not the controller.
    let controllerId = -1;
    let done = false;
    const { admin, asked } = yield* makeWorld({
      Metadata: () => Effect.sync(() => ({ ...(done ? metadata([1, 2], { orders: [1] }) : unknown), controllerId })),
      CreateTopics: (_, node) =>
        Effect.suspend(() => {
          if (controllerId < 0) controllerId = 3 - node;
          done = node === controllerId;
          return created(done ? 0 : ErrorCode.NOT_CONTROLLER);
        }),
    });
    const result = yield* within(2_000, admin.createTopics([{ name: "orders", partitions: 1 }]));
    assertEquals(result._tag, "Success");
    assertEquals(asked("CreateTopics").map(({ node }) => node), [3 - controllerId, controllerId]);
  })));

Deno.test("createTopics takes a topic for its own that is there after a lost answer", () =>
  virtual(Effect.gen(function* () {
    let calls = 0;
    const { admin, link } = yield* makeWorld({
      Metadata: () => Effect.sync(() => calls === 0 ? unknown : metadata([1, 2], { orders: [1] })),
      CreateTopics: (_, node) =>
        Effect.suspend(() => {
          if (++calls > 1) return created(ErrorCode.TOPIC_ALREADY_EXISTS);
          link.cut(node);
          return Effect.never;
        }),
    });
    const result = yield* within(5_000, admin.createTopics([{ name: "orders", partitions: 1 }]));
    assertEquals(result._tag === "Success" && result.success, [{ name: "orders", created: true, partitions: 1 }]);
    assertEquals(calls, 2);
  })));

Deno.test("a call that is refused for now is made again, up to the deadline", () =>
  virtual(Effect.gen(function* () {
    let calls = 0;
    const { admin } = yield* makeWorld({
      Metadata: () => Effect.succeed(metadata([1], { orders: [1] })),
      FindCoordinator: () =>
        Effect.sync(() => ({
          throttleTimeMs: 0,
          errorCode: ++calls < 3 ? ErrorCode.COORDINATOR_NOT_AVAILABLE : 0,
          errorMessage: null,
          nodeId: 1,
          host: "broker-1",
          port: 9092,
        })),
      DescribeGroups: () =>
        Effect.sync(() => {
          const errorCode = ++calls < 5 ? ErrorCode.NOT_COORDINATOR : ErrorCode.GROUP_AUTHORIZATION_FAILED;
          return {
            throttleTimeMs: 0,
            groups: [{ errorCode, groupId: "g", state: "", protocolType: "", protocolName: "", members: [] }],
          };
        }),
    });
    const result = yield* within(10_000, admin.describeGroup("g"));
    assert(result._tag === "Failure");
    assertStringIncludes(
      result.failure.message,
      "group g: GROUP_AUTHORIZATION_FAILED: give this client's user the right",
    );
    assert(calls > 5);
  })));

Deno.test("resetOffsets says that the group has members where they have come between its look and its commit", () =>
  virtual(Effect.gen(function* () {
    const { admin } = yield* makeWorld({
      Metadata: () => Effect.succeed(metadata([1], { orders: [1] })),
      FindCoordinator: () =>
        Effect.succeed({
          throttleTimeMs: 0,
          errorCode: 0,
          errorMessage: null,
          nodeId: 1,
          host: "broker-1",
          port: 9092,
        }),
      DescribeGroups: () =>
        Effect.succeed({
          throttleTimeMs: 0,
          groups: [{ errorCode: 0, groupId: "g", state: "Empty", protocolType: "", protocolName: "", members: [] }],
        }),
      OffsetFetch: () => Effect.succeed({ throttleTimeMs: 0, errorCode: 0, topics: [] }),
      ListOffsets: ({ topics }) =>
        Effect.succeed({
          throttleTimeMs: 0,
          topics: topics.map(({ name, partitions }) => ({
            name,
            partitions: partitions.map(({ partition }) => ({ partition, errorCode: 0, timestamp: -1, offset: 3 })),
          })),
        }),
      OffsetCommit: ({ generationId, memberId }) =>
        Effect.sync(() => {
          assertEquals([generationId, memberId], [-1, ""]);
          const partitions = [{ partition: 0, errorCode: ErrorCode.UNKNOWN_MEMBER_ID }];
          return { throttleTimeMs: 0, topics: [{ name: "orders", partitions }] };
        }),
    });
    const result = yield* within(5_000, admin.resetOffsets("g", { to: "latest", of: ["orders"] }));
    assert(result._tag === "Failure");
    assertStringIncludes(
      result.failure.message,
      "group g: NON_EMPTY_GROUP: UNKNOWN_MEMBER_ID; offsets are reset while",
    );
  })));

Deno.test("a Kafka that is away is waited for, and named at the deadline", () =>
  virtual(Effect.gen(function* () {
    const link = scriptedLink({ Metadata: () => Effect.succeed(metadata([1], {})) });
    link.down.add(1);
    const broker: Broker = { kind: "broker", name: "scripted", open: Effect.succeed(link) };
    const failed = yield* within(5_000, Effect.scoped(makeAdministration(broker, { timeout: 2_000 })));
    assert(failed._tag === "Failure" && failed.failure instanceof ConnectionError);
    assertStringIncludes(failed.failure.message, "broker-1:9092: refused");
    const late = Effect.andThen(Effect.sleep(3_000), Effect.sync(() => link.down.clear()));
    yield* Effect.forkChild(late);
    const made = yield* within(6_000, Effect.scoped(Effect.asVoid(makeAdministration(broker, { timeout: 20_000 }))));
    assertEquals(made._tag, "Success");
  })));

Deno.test("a wrong password is not tried again", () =>
  virtual(Effect.gen(function* () {
    const link = scriptedLink({
      Metadata: () => Effect.fail(new ConnectionError("broker-1:9092", "authentication", "wrong password")),
    });
    const broker: Broker = { kind: "broker", name: "scripted", open: Effect.succeed(link) };
    const failed = yield* within(1_500, Effect.scoped(makeAdministration(broker)));
    assert(failed._tag === "Failure");
    assertStringIncludes(failed.failure.message, "wrong password");
  })));

Deno.test("resetOffsets shifts once, also when the answer to its commit is lost", () =>
  virtual(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const broker: Broker = { kind: "broker", name: "embedded", open: kafka.open };
    const admin = yield* makeAdministration(broker, { timeout: 10_000 });
    const made = yield* within(1_000, admin.createTopics([{ name: "orders", partitions: 1 }]));
    assertEquals(made._tag, "Success");
    const cluster = yield* makeCluster(yield* kafka.open);
    const sender = yield* makeSender(cluster);
    for (let i = 0; i < 9; i++) {
      sender.offer({ topic: "orders", key: null, value: String(i) }, { settled: () => {} }, null);
    }
    yield* within(1_000, sender.flush);
    yield* within(1_000, admin.resetOffsets("g", { to: "latest", of: ["orders"] }));
    let lost = 0;
    kafka.intercept = ({ api }) => api === "OffsetCommit" && lost++ === 0 ? loseAnswer : null;
    const result = yield* within(5_000, admin.resetOffsets("g", { to: { shift: -2 } }));
    assertEquals(result._tag === "Success" && result.success, [{ topic: "orders", partition: 0, from: 9, to: 7 }]);
    assertEquals([lost, kafka.committed("g", "orders", 0)?.offset], [2, 7]);
  })));

Deno.test("a Kafka that says nothing at all is told of by what was to be done", () =>
  virtual(Effect.gen(function* () {
    const { admin } = yield* makeWorld({
      Metadata: ({ topics }) => topics?.length === 0 ? Effect.succeed(unknown) : Effect.never,
    }, 2_000);
    const failed = yield* within(2_100, admin.describeTopics());
    assert(failed._tag === "Failure");
    assertEquals(failed.failure.message, "broker (any): timeout: describing topics: no answer within 2000 ms");
  })));

Deno.test("describeTopics passes over a topic that is deleted while all are described, and names one that was asked for", () =>
  virtual(Effect.gen(function* () {
    const all = metadata([1], { orders: [1], letters: [1] });
    const { admin } = yield* makeWorld({
      Metadata: () => Effect.succeed(all),
      DescribeConfigs: ({ resources }) =>
        Effect.succeed({
          throttleTimeMs: 0,
          resources: resources.map(({ name, type }) => ({
            errorCode: name === "orders" ? 0 : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            errorMessage: null,
            type,
            name,
            configs: [],
          })),
        }),
    });
    const found = yield* within(1_000, admin.describeTopics());
    assertEquals(found._tag === "Success" && found.success.map(({ name }) => name), ["orders"]);
    const failed = yield* within(1_000, admin.describeTopics(["letters"]));
    assertStringIncludes(failed._tag === "Failure" ? failed.failure.message : "", "topic letters: UNKNOWN_TOPIC");
  })));
