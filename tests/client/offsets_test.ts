import { Clock, Effect, Fiber } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeOffsets } from "../../src/client/offsets/offsets.ts";
import type { Membership } from "../../src/client/port.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { encodeSubscription } from "../../src/client/group/subscription.ts";
import { assert, assertEquals } from "../assert.ts";
import { metadata, type Script } from "./scripted_link.ts";
import { SmallCoordinator } from "./small_coordinator.ts";
import { advance, virtual } from "./virtual.ts";

const t0 = { topic: "t", partition: 0 };
const t1 = { topic: "t", partition: 1 };
const u0 = { topic: "u", partition: 0 };

/** A group of one member, joined by hand, and the offsets under test. */
const makeWorld = Effect.fnUntraced(function* (script: Script = {}) {
  const kafka = new SmallCoordinator(yield* Clock.Clock, script);
  Object.assign(kafka.topics, { t: 2, u: 1 });
  const cluster = yield* makeCluster(kafka.link);
  const offsets = yield* makeOffsets(cluster);
  const address = yield* cluster.coordinator("g");
  const connection = yield* cluster.connect(address.nodeId, "group");
  const ask = { groupId: "g", sessionTimeoutMs: 1e9, rebalanceTimeoutMs: 1_000, groupInstanceId: null };
  const protocols = [{
    name: "range",
    metadata: encodeSubscription({ topics: [], owned: new Map(), generation: -1 }),
  }];
  const join = (memberId: string) =>
    connection.call("JoinGroup", { ...ask, memberId, protocolType: "consumer", protocols });
  const { memberId } = yield* join("");
  const { generationId } = yield* join(memberId);
  const identity = { groupId: "g", memberId, groupInstanceId: null, generationId };
  yield* connection.call("SyncGroup", { ...identity, assignments: [] });
  const membership: Membership = {
    groupId: "g",
    memberId,
    groupInstanceId: null,
    generation: generationId,
    deadline: Infinity,
  };
  return { kafka, cluster, offsets, membership };
});

Deno.test("committed tells what commit wrote, and -1 where nothing is", () =>
  virtual(Effect.gen(function* () {
    const { kafka, offsets, membership } = yield* makeWorld();
    const before = kafka.link.requests.length;
    yield* offsets.commit(membership, [{ ...t0, offset: 5, metadata: "map" }, { ...u0, offset: 7, metadata: "" }]);
    assertEquals(kafka.link.requests.slice(before).filter(({ api }) => api === "OffsetCommit").length, 1);
    assertEquals(yield* offsets.committed("g", [u0, t1, t0]), [
      { ...u0, offset: 7, metadata: "" },
      { ...t1, offset: -1, metadata: "" },
      { ...t0, offset: 5, metadata: "map" },
    ]);
    assertEquals(yield* offsets.committed("g", []), []);
  })));

Deno.test("committed asks for stable offsets and waits for those that are not, alone", () =>
  virtual(Effect.gen(function* () {
    const { kafka, offsets, membership } = yield* makeWorld();
    yield* offsets.commit(membership, [{ ...t0, offset: 5, metadata: "" }, { ...t1, offset: 6, metadata: "" }]);
    for (let i = 0; i < 5; i++) kafka.refuse("OffsetFetch", ErrorCode.UNSTABLE_OFFSET_COMMIT);
    const fiber = yield* Effect.forkScoped(offsets.committed("g", [t0, t1]));
    yield* advance(400);
    assertEquals((yield* Fiber.join(fiber)).map(({ offset }) => offset), [5, 6]);
    const asked = kafka.link.requests.filter(({ api }) => api === "OffsetFetch");
    assertEquals(asked.length, 4);
    assertEquals(asked[3].request, {
      groupId: "g",
      requireStable: true,
      topics: [{ name: "t", partitions: [0] }],
    });
  })));

Deno.test("committed and commit follow the coordinator when it moves, loads or hangs up", () =>
  virtual(Effect.gen(function* () {
    const { kafka, offsets, membership } = yield* makeWorld();
    yield* offsets.commit(membership, [{ ...t0, offset: 5, metadata: "" }]);
    kafka.node = 2;
    const moved = yield* Effect.forkScoped(offsets.commit(membership, [{ ...t0, offset: 6, metadata: "" }]));
    yield* advance(200);
    yield* Fiber.join(moved);
    assertEquals(kafka.offsets.get("t/0")?.offset, 6);
    kafka.link.cut(2);
    kafka.refuse("OffsetCommit", ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    const loading = yield* Effect.forkScoped(offsets.commit(membership, [{ ...t0, offset: 7, metadata: "" }]));
    yield* advance(300);
    yield* Fiber.join(loading);
    assertEquals(kafka.offsets.get("t/0")?.offset, 7);
    kafka.node = 1;
    const fetched = yield* Effect.forkScoped(offsets.committed("g", [t0]));
    yield* advance(300);
    assertEquals((yield* Fiber.join(fetched))[0].offset, 7);
  })));

Deno.test("commit tries again for the refused partitions only, and fails with the first error that is for good", () =>
  virtual(Effect.gen(function* () {
    const { kafka, offsets, membership } = yield* makeWorld();
    kafka.refuse("OffsetCommit", ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    const both = [{ ...t0, offset: 5, metadata: "" }, { ...t1, offset: 6, metadata: "" }];
    const fiber = yield* Effect.forkScoped(offsets.commit(membership, both));
    yield* advance(200);
    yield* Fiber.join(fiber);
    const asked = kafka.link.requests.filter(({ api }) => api === "OffsetCommit");
    assertEquals((asked[1].request as { topics: unknown }).topics, [{
      name: "t",
      partitions: [{ partition: 0, committedOffset: 5, committedMetadata: "" }],
    }]);
    kafka.refuse("OffsetCommit", ErrorCode.OFFSET_METADATA_TOO_LARGE);
    const error = yield* Effect.flip(offsets.commit(membership, both));
    assertEquals([error.code, error.api], [ErrorCode.OFFSET_METADATA_TOO_LARGE, "OffsetCommit"]);
  })));

Deno.test("commit leaves out metadata that is too long for the broker, says so once, and does not try again with it", () => {
  const log: Array<string> = [];
  return virtual(
    Effect.gen(function* () {
      const { kafka, offsets, membership } = yield* makeWorld();
      const limit = 10;
      kafka.metadataLimit = limit;
      const sent = () => kafka.link.requests.filter(({ api }) => api === "OffsetCommit").length;
      const both = [{ ...t0, offset: 5, metadata: "x".repeat(30) }, { ...t1, offset: 6, metadata: "y".repeat(20) }];
      yield* offsets.commit(membership, both).pipe(Effect.raceFirst(advance(500)));
      assertEquals([...kafka.offsets.values()].map(({ metadata }) => metadata), ["", ""]);
      assertEquals(sent(), 2);
      yield* offsets.commit(membership, [both[0], { ...both[1], metadata: "short" }]);
      assertEquals([...kafka.offsets.values()].map(({ metadata }) => metadata), ["", "short"]);
      assertEquals(sent(), 3);
      assertEquals(log.filter((line) => line.includes("offset.metadata.max.bytes")).length, 1);
    }),
    log,
  );
});

Deno.test("commit writes what can be written where another partition is refused for good", () =>
  virtual(Effect.gen(function* () {
    const { kafka, offsets, membership } = yield* makeWorld();
    kafka.refuse("OffsetCommit", ErrorCode.TOPIC_AUTHORIZATION_FAILED);
    const both = [{ ...t0, offset: 5, metadata: "" }, { ...t1, offset: 6, metadata: "" }];
    const error = yield* Effect.flip(offsets.commit(membership, both));
    assertEquals(error.type, "TOPIC_AUTHORIZATION_FAILED");
    assertEquals([...kafka.offsets.values()].map(({ offset }) => offset), [6]);
  })));

Deno.test("commit fails as the coordinator refuses: rebalance, generation, member", () =>
  virtual(Effect.gen(function* () {
    const { kafka, offsets, membership } = yield* makeWorld();
    const one = [{ ...t0, offset: 5, metadata: "" }];
    const type = () => Effect.map(Effect.flip(offsets.commit(membership, one)), (error) => error.type);
    kafka.state = "completing";
    assertEquals(yield* type(), "REBALANCE_IN_PROGRESS");
    kafka.state = "stable";
    kafka.generation++;
    assertEquals(yield* type(), "ILLEGAL_GENERATION");
    kafka.remove(membership.memberId);
    assertEquals(yield* type(), "UNKNOWN_MEMBER_ID");
    assertEquals(kafka.offsets.size, 0);
  })));

Deno.test("commit sends nothing for a membership that is over, not even as nobody to an empty group", () =>
  virtual(Effect.gen(function* () {
    const { kafka, offsets, membership } = yield* makeWorld();
    const before = kafka.link.requests.length;
    membership.generation = -1;
    membership.memberId = "";
    const error = yield* Effect.flip(offsets.commit(membership, [{ ...t0, offset: 5, metadata: "" }]));
    assertEquals(error.type, "ILLEGAL_GENERATION");
    assertEquals(kafka.link.requests.length, before);
  })));

Deno.test("commit gives up trying again once the generation it began in is over", () =>
  virtual(Effect.gen(function* () {
    const { kafka, offsets, membership } = yield* makeWorld();
    kafka.link.down.add(1);
    kafka.link.cut(1);
    const fiber = yield* Effect.forkScoped(
      Effect.flip(offsets.commit(membership, [{ ...t0, offset: 5, metadata: "" }])),
    );
    yield* advance(5_000);
    assertEquals(fiber.pollUnsafe(), undefined);
    membership.generation++;
    kafka.link.down.clear();
    yield* advance(3_000);
    assertEquals((yield* Fiber.join(fiber)).type, "ILLEGAL_GENERATION");
    assertEquals(kafka.offsets.size, 0);
  })));

Deno.test("commit waits some time for a coordinator to hear of a new topic, then fails", () =>
  virtual(Effect.gen(function* () {
    const { kafka, offsets, membership } = yield* makeWorld();
    const one = [{ ...t0, offset: 5, metadata: "" }];
    for (let i = 0; i < 3; i++) kafka.refuse("OffsetCommit", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    const some = yield* Effect.forkScoped(offsets.commit(membership, one));
    yield* advance(500);
    yield* Fiber.join(some);
    for (let i = 0; i < 50; i++) kafka.refuse("OffsetCommit", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    const fiber = yield* Effect.forkScoped(Effect.flip(offsets.commit(membership, one)));
    yield* advance(30_000, 20);
    assertEquals((yield* Fiber.join(fiber)).type, "UNKNOWN_TOPIC_OR_PARTITION");
  })));

Deno.test("list asks each leader once, and again after a leader has moved", () =>
  virtual(Effect.gen(function* () {
    let moved = false;
    const { kafka, offsets } = yield* makeWorld({
      Metadata: () => Effect.sync(() => metadata([1, 2], { t: [1, moved ? 1 : 2], u: [1] }, moved ? 1 : 0)),
      ListOffsets: ({ topics }, node) =>
        Effect.sync(() => ({
          throttleTimeMs: 0,
          topics: topics.map(({ name, partitions }) => ({
            name,
            partitions: partitions.map(({ partition, timestamp }) => {
              const leads = name === "t" && partition === 1 && !moved ? 2 : 1;
              return {
                partition,
                errorCode: node === leads ? 0 : ErrorCode.NOT_LEADER_OR_FOLLOWER,
                timestamp: -1,
                offset: timestamp === -2 ? 0 : 100 + partition,
              };
            }),
          })),
        })),
    });
    const first = yield* Effect.forkScoped(offsets.list([t1, u0, t0], -1));
    yield* advance(100);
    const expected = [{ ...t1, offset: 101 }, { ...u0, offset: 100 }, { ...t0, offset: 100 }];
    assertEquals(yield* Fiber.join(first), expected);
    assertEquals(kafka.link.requests.filter(({ api }) => api === "ListOffsets").length, 2);
    moved = true;
    const second = yield* Effect.forkScoped(offsets.list([t1, u0, t0], -1));
    yield* advance(200);
    assertEquals(yield* Fiber.join(second), expected);
    kafka.link.cut(1);
    const third = yield* Effect.forkScoped(offsets.list([t1], -2));
    yield* advance(200);
    assertEquals(yield* Fiber.join(third), [{ ...t1, offset: 0 }]);
  })));

Deno.test("list fails for what is refused for good and waits for a topic that has no leader yet", () =>
  virtual(Effect.gen(function* () {
    let leader = -1;
    let errorCode: number = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
    const { offsets } = yield* makeWorld({
      Metadata: () => Effect.sync(() => metadata([1], { t: [leader] })),
      ListOffsets: () =>
        Effect.sync(() => ({
          throttleTimeMs: 0,
          topics: [{ name: "t", partitions: [{ partition: 0, errorCode, timestamp: -1, offset: 3 }] }],
        })),
    });
    const fiber = yield* Effect.forkScoped(Effect.flip(offsets.list([t0], -1)));
    yield* advance(3_000);
    assertEquals(fiber.pollUnsafe(), undefined);
    leader = 1;
    yield* advance(3_000);
    const error = yield* Fiber.join(fiber);
    assertEquals([error.type, error.api], ["TOPIC_AUTHORIZATION_FAILED", "ListOffsets"]);
    errorCode = 0;
    assertEquals(yield* offsets.list([t0], -1), [{ ...t0, offset: 3 }]);
  })));

Deno.test("offsets leave no connection open behind their scope", () =>
  virtual(Effect.gen(function* () {
    const kafka = new SmallCoordinator(yield* Clock.Clock);
    const before = yield* Effect.scoped(Effect.gen(function* () {
      const cluster = yield* makeCluster(kafka.link);
      const offsets = yield* makeOffsets(cluster);
      yield* offsets.committed("g", [t0]);
      return kafka.link.open();
    }));
    assert(before > 0);
    assertEquals(kafka.link.open(), 0);
  })));
