import { Effect, Fiber, Logger } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeFetcher } from "../../src/client/fetch/fetcher.ts";
import { makeMember } from "../../src/client/group/member.ts";
import { makeOffsets } from "../../src/client/offsets/offsets.ts";
import { makeSender } from "../../src/client/produce/sender.ts";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { delay, error, late, loseAnswer, refuse } from "../../src/link/embedded/faults.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { TopicPartition } from "../../src/record.ts";
import { assert, assertEquals } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";

/** A cluster on a new Kafka with one topic. */
const makeWorld = Effect.fnUntraced(function* (kafka: EmbeddedKafka, topic: string, partitions: number) {
  const cluster = yield* makeCluster(yield* kafka.open);
  const admin = yield* cluster.anyConnection("admin");
  yield* admin.call("CreateTopics", {
    timeoutMs: 1_000,
    validateOnly: false,
    topics: [{ name: topic, numPartitions: partitions, replicationFactor: -1, configs: {} }],
  });
  // Two lost answers in a row are the caller's to deal with.
  yield* Effect.retry(cluster.refresh([topic]), { times: 20 });
  return cluster;
});

/** Publishes values and reads them all back. */
const roundTrip = Effect.fnUntraced(function* (kafka: EmbeddedKafka, count: number) {
  const cluster = yield* makeWorld(kafka, "orders", 2);
  const sender = yield* makeSender(cluster, { linger: 1, batchRecords: 10 });
  const fetcher = yield* makeFetcher(cluster, { maxWait: 50 });
  const seen: Array<Array<string>> = [[], []];
  for (const partition of [0, 1]) {
    fetcher.add({ topic: "orders", partition }, 0, {
      deliver: ({ bytes, from, aborted }) => {
        const records = decodeRecords(bytes, { from, aborted });
        for (let i = 0; i < records.length; i++) {
          seen[partition].push(new TextDecoder().decode(records.value(i) ?? new Uint8Array()));
        }
      },
      idle: () => {},
      failed: (error) => assertEquals(error, undefined as unknown as typeof error),
    }, "fail");
  }
  const sent: Array<Array<string>> = [[], []];
  let acknowledged = 0;
  for (let i = 0; i < count; i++) {
    const partition = i % 2;
    sent[partition].push(`v${i}`);
    const observer = { settled: (error: unknown) => void (error === null && acknowledged++) };
    assert(sender.offer({ topic: "orders", partition, key: null, value: `v${i}` }, observer, null));
  }
  yield* sender.flush;
  assertEquals(acknowledged, count);
  for (let tries = 0; seen[0].length + seen[1].length < count && tries < 1_000; tries++) yield* Effect.sleep(1);
  assertEquals(seen, sent);
  return kafka.log("orders", 0)?.endOffset;
});

Deno.test("the client publishes and reads on the embedded Kafka", async () => {
  assertEquals(await Effect.runPromise(Effect.scoped(roundTrip(new EmbeddedKafka(), 101))), 51);
});

Deno.test("the same seed gives the same run, other seeds others, and all the same result", () => {
  const traces = new Set<string>();
  const run = (seed: number) => {
    const time = new VirtualTime(seed);
    const kafka = new EmbeddedKafka();
    const trace: Array<string> = [];
    kafka.intercept = ({ api, connection }) => {
      trace.push(`${time.now} ${connection} ${api}`);
      return null;
    };
    assertEquals(time.run(Effect.scoped(roundTrip(kafka, 31))), 16);
    return trace.join();
  };
  for (let seed = 0; seed < 20; seed++) {
    const trace = run(seed);
    assertEquals(run(seed), trace);
    traces.add(trace);
  }
  assert(traces.size > 1, `${traces.size} different runs`);
});

Deno.test("what is published arrives once and in order, whatever happens on the way", () => {
  const happened = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const time = new VirtualTime(seed);
    const kafka = new EmbeddedKafka();
    kafka.intercept = ({ api }) => {
      if (api === "CreateTopics" || time.random() < 0.7) return null;
      const faults = [refuse, loseAnswer, delay(20), late(20), error(ErrorCode.NOT_LEADER_OR_FOLLOWER)];
      const fault = faults[Math.floor(time.random() * (api === "InitProducerId" ? 4 : 5))];
      happened.add(`${api} ${fault._tag}`);
      return fault;
    };
    assertEquals(time.run(Effect.scoped(Effect.provide(roundTrip(kafka, 101), Logger.layer([])))), 51);
  }
  for (const fault of ["Refuse", "LoseAnswer", "Delay", "Late", "ErrorAnswer"]) {
    for (const api of ["Produce", "Fetch"]) assert(happened.has(`${api} ${fault}`), `${api} ${fault}`);
  }
});

Deno.test("members share partitions, hand them over, and commit", () =>
  virtual(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const cluster = yield* makeWorld(kafka, "orders", 4);
    const offsets = yield* makeOffsets(cluster);
    const holders = new Map<number, string>();
    const start = Effect.fnUntraced(function* (name: string) {
      const gone = (partitions: ReadonlyArray<TopicPartition>) =>
        Effect.sync(() => partitions.forEach(({ partition }) => holders.delete(partition)));
      const member = yield* makeMember(cluster, { groupId: "g", topics: ["orders"], heartbeatInterval: 100 }, {
        assigned: (partitions) =>
          Effect.sync(() =>
            partitions.forEach(({ partition }) => {
              assert(!holders.has(partition), `${partition} has two holders`);
              holders.set(partition, name);
            })
          ),
        revoked: gone,
        lost: gone,
      });
      return { member, run: yield* Effect.forkScoped(member.run) };
    });
    const loads = (name: string) => [...holders.values()].filter((holder) => holder === name).length;
    const a = yield* start("a");
    yield* advance(500);
    assertEquals(loads("a"), 4);
    const b = yield* start("b");
    yield* advance(1_000);
    assertEquals([loads("a"), loads("b")], [2, 2]);
    yield* offsets.commit(a.member.membership, [{ topic: "orders", partition: 0, offset: 7, metadata: "m" }]);
    assertEquals(kafka.committed("g", "orders", 0), { offset: 7, metadata: "m" });
    yield* b.member.leave.pipe(Effect.forkScoped);
    yield* advance(1_000);
    assertEquals(loads("a"), 4);
    yield* Fiber.interrupt(a.run);
    assertEquals(kafka.members("g").length, 1);
    const c = yield* start("c");
    yield* advance(500);
    holders.clear();
    yield* advance(12_000);
    assertEquals(loads("c"), 4);
    assertEquals(kafka.members("g").map(({ memberId }) => memberId), [c.member.membership.memberId]);
  })));
