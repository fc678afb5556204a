/**
 * What a failure turns into: one test per row of the table in DESIGN.md that the partition's side decides.
 */
import { Effect, Fiber } from "effect";
import { actor } from "../../src/actor.ts";
import { ActorFailed } from "../../src/errors.ts";
import { decodeOffsetMap } from "../../src/runtime/offset_map.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { utf8 } from "../codec/batch_bytes.ts";
import { publishError } from "./fake_sender.ts";
import { Echo, ended, failureOf, Note, note, notes, type OnePartition, open, turns } from "./one_partition.ts";

const decoder = new TextDecoder();

/** `dlt-reason` and `dlt-attempts` of the dead letters, in order. */
function letters({ sender }: OnePartition): string[][] {
  return sender.offered.filter(({ record }) => record.topic === "notes.dlt").map(({ record: { headers = [] } }) =>
    ["dlt-reason", "dlt-attempts"].map((name) =>
      decoder.decode(headers.find(([other]) => other === name)?.[1] ?? undefined)
    )
  );
}

Deno.test("failure table: poison becomes a dead letter at once, and the next record goes on", () =>
  virtual(Effect.gen(function* () {
    const seen: number[] = [];
    const one = yield* open(actor({ name: "a", receives: [Note], receive: ({ n }) => void seen.push(n) }));
    one.deliver([
      { key: "a", value: "not JSON" },
      { key: "a", value: '{"key":"a"}' },
      { key: "a", value: null },
      { key: "a", value: '{"key":"a","n":3}', headers: [["type", utf8("Unheard")]] },
      note("a", 4),
    ]);
    yield* turns;
    assertEquals(seen, [4]);
    assertEquals(letters(one), Array.from({ length: 4 }, () => ["decode", "0"]));
    assertEquals(one.partition.position, 0);
    one.sender.settle();
    assertEquals([one.partition.position, one.counters.failed], [5, 0]);
  })));

Deno.test("failure table: a receive that throws, rejects or fails waits by its Schedule, then becomes a dead letter", () =>
  virtual(Effect.gen(function* () {
    const ways = [
      () => {
        throw new Error("thrown");
      },
      () => Promise.reject(new Error("rejected")),
      () => Effect.fail({ _tag: "Typed" }),
    ];
    for (const [way, error] of ways.map((way, i) => [way, ["thrown", "rejected", "Typed"][i]] as const)) {
      const at: number[] = [];
      let now = 0;
      const one = yield* open(actor({
        name: "a",
        receives: [Note],
        retry: { times: 4, initial: 100, factor: 2, max: 300, jitter: false },
        receive: ({ key }) => {
          if (key !== "fails") return;
          at.push(now);
          return way();
        },
      }));
      one.deliver([note("fails", 0), note("b", 1), note("fails", 2)]);
      for (; now < 2_000; now += 5) yield* advance(5);
      const pauses = at.slice(1, 5).map((time, i) => time - at[i]);
      pauses.forEach((pause, i) => assert(Math.abs(pause - [100, 200, 300, 300][i]) <= 10, `${pauses}`));
      assertEquals(at.length, 10, "the next of the key begins anew");
      assertEquals(letters(one), [["retries-exhausted", "5"], ["retries-exhausted", "5"]]);
      const text = one.sender.offered[0].record.headers?.find(([name]) => name === "dlt-error")?.[1];
      assertEquals(decoder.decode(text ?? undefined), error);
      assertEquals([one.partition.position, one.counters.restarts], [0, 0]);
      one.sender.settle();
      assertEquals(one.partition.position, 3);
    }
  })));

Deno.test("failure table: once retries are used up the actor may choose to skip, or to stop the system", () =>
  virtual(Effect.gen(function* () {
    const failing = (onFailure: "skip" | "stop") =>
      actor({
        name: "a",
        receives: [Note],
        retry: { times: 1, initial: 10 },
        onFailure,
        receive: () => Promise.reject(new Error("no")),
      });
    const skips = yield* open(failing("skip"));
    skips.deliver(notes(1));
    yield* advance(50);
    assertEquals([skips.partition.position, skips.counters.skipped], [1, 1]);
    const stops = yield* open(failing("stop"));
    stops.deliver(notes(1));
    yield* advance(50);
    const error = yield* failureOf(stops);
    assert(error instanceof ActorFailed);
    assertStringIncludes(error.message, "a on notes/0@0: retries exhausted: no");
    assertEquals(stops.partition.position, 0);
  })));

Deno.test("failure table: receiveTimeout counts as a failure of the message", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receiveTimeout: 100,
      retry: { times: 2, initial: 10, factor: 1 },
      receive: ({ key }) => key === "hangs" ? new Promise<void>(() => {}) : undefined,
    }));
    one.deliver([note("hangs", 0), note("b", 1)]);
    yield* advance(500);
    assertEquals(letters(one), [["retries-exhausted", "3"]]);
    const text = one.sender.offered[0].record.headers?.find(([name]) => name === "dlt-error")?.[1];
    assertStringIncludes(decoder.decode(text ?? undefined), "notes/0@0 took longer than 100 ms");
  })));

Deno.test("failure table: a defect restarts the incarnation from its last resolved offset; the record that kills becomes a dead letter", () =>
  virtual(Effect.gen(function* () {
    const starts: number[] = [];
    const seen: number[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      resources: ({ start }) => void starts.push(start),
      receive: ({ n }) => {
        seen.push(n);
        return n === 1 ? Effect.die(new Error("a bug")) : undefined;
      },
    }));
    one.deliver(notes(3));
    yield* advance(1_500, 10);
    assertEquals(seen, [0, 1, 1, 1, 2]);
    assertEquals(starts, [1, 2, 3, 4]);
    assertEquals(letters(one), [["killed-actor", "3"]]);
    one.sender.settle();
    assertEquals(one.partition.position, 3);
  })));

Deno.test("failure table: the next owner counts on from the attempts in the commit's metadata", () =>
  virtual(Effect.gen(function* () {
    const failing = actor({
      name: "a",
      receives: [Note],
      retry: { times: 3, initial: 100, factor: 1, jitter: false },
      receive: () => Promise.reject(new Error("no")),
    });
    const first = yield* open(failing);
    first.deliver(notes(1));
    yield* advance(150);
    const commit = first.partition.uncommitted();
    assert(commit !== null);
    yield* Fiber.interrupt(first.fiber);
    const map = decodeOffsetMap(commit.offset, commit.metadata);
    assertEquals([map.attempts, map.failures], [2, 2]);
    const second = yield* open(failing, { position: commit.offset, map });
    second.deliver(notes(1));
    yield* advance(150);
    assertEquals(letters(second), [["retries-exhausted", "4"]]);
  })));

Deno.test("failure table: a process that dies within a call has told of that call, if a commit came meanwhile", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({ name: "a", receives: [Note], receive: () => Effect.never }));
    one.deliver(notes(1));
    yield* turns;
    const commit = one.partition.uncommitted();
    assertEquals(decodeOffsetMap(0, commit?.metadata ?? ""), { attempts: 1, failures: 0, deaths: 0, resolved: [] });
  })));

Deno.test("failure table: nothing is committed past a dead letter that can't be written, and it is tried on", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({ name: "a", receives: [Note], receive: () => {} }));
    one.deliver([{ key: "a", value: "poison" }, note("a", 1)]);
    for (let i = 0; i < 10; i++) {
      yield* advance(1_000, 100);
      one.sender.settle(publishError("TOPIC_AUTHORIZATION_FAILED", "notes.dlt"));
      assertEquals([one.partition.uncommitted()?.offset, one.counters.deadLettersWaiting], [0, 1]);
    }
    yield* advance(1_000, 100);
    one.sender.settle();
    assertEquals([one.partition.uncommitted()?.offset, one.counters.deadLettersWaiting], [2, 0]);
    assert(!ended(one));
  })));

Deno.test("failure table: a dead letter that is too large even without our text stops the system with a reason", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({ name: "a", receives: [Note], receive: () => {} }));
    one.sender.refuses = () => publishError("RECORD_TOO_LARGE", "notes.dlt");
    one.deliver([{ key: "a", value: "poison" }]);
    yield* turns;
    const error = yield* failureOf(one);
    assert(error instanceof ActorFailed);
    assertStringIncludes(error.message, "too large");
    assertEquals(one.partition.position, 0);
  })));

Deno.test("failure table: a publish that fails for good restarts the incarnation from its last resolved offset", () =>
  virtual(Effect.gen(function* () {
    const starts: number[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      resources: ({ start }) => void starts.push(start),
      receive: ({ n }, context) => context.publish(Echo, `${n}`),
    }));
    one.deliver(notes(3));
    yield* turns;
    one.sender.settle(null, ({ key }) => key === "0");
    one.sender.settle(publishError("DELIVERY_TIMEOUT"));
    yield* advance(150);
    assertEquals(starts, [1, 2]);
    assertEquals(one.sender.values("out"), ["0", "1", "2", "1", "2"].map((n) => `"${n}"`));
    one.sender.settle();
    assertEquals(one.partition.position, 3);
  })));

Deno.test("failure table: a lost membership fences the lease, and the late one ends quietly", async () => {
  const log: string[] = [];
  await virtual(
    Effect.gen(function* () {
      const one = yield* open(actor({
        name: "a",
        receives: [Note],
        receive: ({ n }, context) => context.publish(Echo, `${n}`),
      }));
      one.deliver(notes(2));
      yield* turns;
      one.lease.fence();
      one.sender.settle(one.lease.lost());
      yield* Fiber.join(one.fiber);
      assertEquals([one.partition.position, one.counters.restarts, one.counters.done], [0, 0, 0]);
    }),
    log,
  );
  assertEquals(log, []);
});
