import { Effect, Fiber } from "effect";
import { makeOffsets } from "../../src/client/offsets/offsets.ts";
import type { OffsetToCommit } from "../../src/client/port.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Request } from "../../src/link/protocol.ts";
import { assertEquals } from "../assert.ts";
import { makeConsumerWorld } from "./group_world.ts";
import { advance, virtual } from "./virtual.ts";

const offset = (partition: number, at: number): OffsetToCommit => ({
  topic: "orders",
  partition,
  offset: at,
  metadata: "",
});

const commits = (requests: ReadonlyArray<{ readonly api: string; readonly request: unknown }>) =>
  requests.flatMap(({ api, request }) => api === "OffsetCommit" ? [request as Request<"OffsetCommit">] : []);

Deno.test("a commit under an epoch that has risen is made again under the new one, for what is still held", () =>
  virtual(Effect.gen(function* () {
    const { kafka, cluster, start } = yield* makeConsumerWorld({ orders: 4 });
    const { member: { membership } } = yield* start("a");
    const offsets = yield* makeOffsets(cluster);
    yield* advance(2_100);
    const old = membership.generation;
    // The coordinator is ahead: the member hears of it with its next heartbeat.
    for (let i = 0; i < 6; i++) kafka.refuse("OffsetCommit", ErrorCode.STALE_MEMBER_EPOCH);
    kafka.share();
    const held = new Set([0, 1]);
    const commit = offsets.commit(membership, [offset(0, 5), offset(1, 6)], ({ partition }) => held.has(partition));
    const fiber = yield* Effect.forkScoped(commit);
    yield* advance(10);
    held.delete(1);
    yield* advance(4_000);
    yield* Fiber.join(fiber);
    assertEquals([membership.generation, kafka.offsets.get("orders/0")], [old + 1, 5]);
    assertEquals(kafka.offsets.has("orders/1"), false);
    const asked = commits(kafka.link.requests);
    assertEquals([asked[0].generationId, asked.at(-1)?.generationId], [old, old + 1]);
    assertEquals([asked[0], asked.at(-1)].map((each) => each?.topics[0].partitions.length), [2, 1]);
  })));

Deno.test("a commit that waits for a connection is sent as it stands then: the present epoch, and what is held", () =>
  virtual(Effect.gen(function* () {
    const { kafka, cluster, start } = yield* makeConsumerWorld({ orders: 4 });
    const { member: { membership } } = yield* start("a");
    const offsets = yield* makeOffsets(cluster);
    yield* advance(2_100);
    kafka.link.down.add(1);
    const held = new Set([0, 1]);
    const fiber = yield* Effect.forkScoped(
      offsets.commit(membership, [offset(0, 5), offset(1, 6)], ({ partition }) => held.has(partition)),
    );
    yield* advance(500);
    kafka.share();
    held.delete(1);
    yield* advance(1_000);
    kafka.link.down.clear();
    yield* advance(3_000);
    yield* Fiber.join(fiber);
    assertEquals([...kafka.offsets], [["orders/0", 5]]);
  })));

Deno.test("a commit for nothing that is held any more asks nobody", () =>
  virtual(Effect.gen(function* () {
    const { kafka, cluster, start } = yield* makeConsumerWorld({ orders: 4 });
    const { member: { membership } } = yield* start("a");
    const offsets = yield* makeOffsets(cluster);
    yield* advance(1_000);
    yield* offsets.commit(membership, [offset(0, 5)], () => false);
    assertEquals(commits(kafka.link.requests), []);
  })));

Deno.test("a commit fails when everything was lost meanwhile, though the member has joined anew, and when its epoch stays stale", () =>
  virtual(Effect.gen(function* () {
    const { kafka, cluster, start } = yield* makeConsumerWorld({ orders: 4 });
    const { member: { membership } } = yield* start("a");
    const offsets = yield* makeOffsets(cluster);
    yield* advance(1_000);
    kafka.refuse("OffsetCommit", ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    for (let i = 0; i < 7; i++) kafka.refuse("OffsetCommit", ErrorCode.STALE_MEMBER_EPOCH);
    const lost = yield* Effect.forkScoped(Effect.flip(offsets.commit(membership, [offset(0, 5)])));
    yield* advance(10);
    kafka.remove(membership.memberId);
    yield* advance(5_000);
    assertEquals((yield* Fiber.join(lost)).code, ErrorCode.ILLEGAL_GENERATION);
    assertEquals([membership.losses, membership.generation], [1, kafka.epoch]);
    for (let i = 0; i < 40; i++) kafka.refuse("OffsetCommit", ErrorCode.STALE_MEMBER_EPOCH);
    const stale = yield* Effect.forkScoped(Effect.flip(offsets.commit(membership, [offset(0, 5)])));
    yield* advance(20_000, 20);
    assertEquals((yield* Fiber.join(stale)).code, ErrorCode.STALE_MEMBER_EPOCH);
    assertEquals(kafka.offsets.size, 0);
  })));
