import { Deferred, Effect, Schedule } from "effect";
import { actor } from "../../src/actor.ts";
import type { ActorContext } from "../../src/context.ts";
import { ContextFenced } from "../../src/errors.ts";
import { retryAfter, skip } from "../../src/outcome.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { Echo, type Gate, gate, Note, note, notes, open, turns } from "./one_partition.ts";

const quick = { initial: 100, factor: 1, jitter: false, times: 3 };

Deno.test("a plain handler's messages are received in order and resolved at once", () =>
  virtual(Effect.gen(function* () {
    const seen: number[] = [];
    const one = yield* open(actor({ name: "a", receives: [Note], receive: ({ n }) => void seen.push(n) }));
    one.deliver(notes(200, ["a", "b"]));
    one.deliver(notes(1, ["a"], 200));
    yield* turns;
    assertEquals(seen, Array.from({ length: 201 }, (_, i) => i));
    assertEquals(one.partition.position, 201);
    assertEquals([one.partition.mailbox.records, one.partition.mailbox.bytes], [0, 0]);
    assertEquals([one.counters.received, one.counters.done, one.counters.retried], [201, 201, 0]);
    assertEquals(one.partition.uncommitted(), { topic: "notes", partition: 0, offset: 201, metadata: "" });
  })));

Deno.test("a Promise holds back its own key and no other", () =>
  virtual(Effect.gen(function* () {
    const gates: Gate[] = [];
    const seen: string[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ key, n }) => {
        seen.push(`${key}${n}`);
        if (key !== "slow") return;
        gates.push(gate());
        return gates[gates.length - 1].promise;
      },
    }));
    one.deliver([note("slow", 0), note("slow", 1), note("b", 2), note("slow", 3), note("c", 4)]);
    yield* turns;
    assertEquals(seen, ["slow0", "b2", "c4"]);
    assertEquals(one.partition.position, 0);
    gates[0].open();
    yield* turns;
    assertEquals(seen.slice(3), ["slow1"]);
    assertEquals(one.partition.position, 1);
    gates[1].open();
    yield* turns;
    gates[2].open();
    yield* turns;
    assertEquals(one.partition.position, 5);
    assertEquals(one.partition.mailbox.records, 0);
  })));

Deno.test("order none lets messages of one key overtake, order partition none at all", () =>
  virtual(Effect.gen(function* () {
    for (const [order, expected] of [["none", [0, 1, 2]], ["partition", [0]]] as const) {
      const seen: number[] = [];
      const hold = gate();
      const receive = ({ n }: { n: number }) => {
        seen.push(n);
        return n === 0 ? hold.promise : undefined;
      };
      const one = yield* open(actor({ name: "a", receives: [Note], order, receive }));
      one.deliver([note("a", 0), note("a", 1), note("b", 2)]);
      yield* turns;
      assertEquals(seen, [...expected]);
      hold.open();
      yield* turns;
      assertEquals(one.partition.position, 3);
    }
  })));

Deno.test("no more messages are in flight than concurrency says; one that waits for its retry is not in flight", () =>
  virtual(Effect.gen(function* () {
    let inFlight = 0;
    let most = 0;
    const failing = new Set([0, 1, 2, 3, 4, 5]);
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      concurrency: 3,
      retry: { ...quick, initial: 10_000 },
      receive: ({ n }) =>
        Effect.gen(function* () {
          most = Math.max(most, ++inFlight);
          yield* Effect.sleep(10);
          inFlight--;
          if (failing.delete(n)) yield* Effect.fail("not yet");
        }),
    }));
    one.deliver(notes(12, keys));
    yield* advance(100);
    assertEquals(most, 3);
    assertEquals(one.counters.done, 6, "six wait for a retry, the other six are done");
    yield* advance(11_000, 50);
    assertEquals(most, 3);
    assertEquals(one.partition.position, 12);
  })));

Deno.test("a message that throws is received again by the schedule while its key waits and other keys flow", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      retry: quick,
      receive: ({ key, n }, context) => {
        seen.push(`${key}${n}#${context.attempt}`);
        if (n === 0 && context.attempt < 3) throw new Error("not yet");
      },
    }));
    one.deliver([note("a", 0), note("a", 1), note("b", 2)]);
    yield* advance(99, 3);
    assertEquals(seen, ["a0#1", "b2#1"]);
    assertEquals(one.partition.position, 0);
    yield* advance(101);
    assertEquals(seen.slice(2), ["a0#2", "a0#3", "a1#1"]);
    assertEquals(one.partition.position, 3);
    assertEquals([one.counters.failed, one.counters.retried, one.counters.done], [2, 2, 3]);
  })));

Deno.test("a retry may be any Schedule", () =>
  virtual(Effect.gen(function* () {
    let calls = 0;
    const receive = () => {
      calls++;
      throw new Error("never");
    };
    const retry = Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 }));
    const one = yield* open(actor({ name: "a", receives: [Note], retry, onFailure: "skip", receive }));
    one.deliver(notes(1));
    yield* advance(1_990, 10);
    assertEquals(calls, 2);
    yield* advance(20, 10);
    assertEquals(calls, 3);
    assertEquals([one.partition.position, one.counters.skipped], [1, 1]);
  })));

Deno.test("retryAfter() waits its time and uses up no retry", () =>
  virtual(Effect.gen(function* () {
    const attempts: number[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      retry: { ...quick, times: 1 },
      receive: (_, context) => {
        attempts.push(context.attempt);
        if (context.attempt <= 5) return retryAfter(1_000);
        if (context.attempt === 6) throw new Error("once");
      },
    }));
    one.deliver(notes(1));
    yield* advance(4_990, 10);
    assertEquals(attempts.length, 5);
    yield* advance(120, 10);
    assertEquals(attempts, [1, 2, 3, 4, 5, 6, 7]);
    assertEquals(one.partition.position, 1);
    assertEquals(one.counters.failed, 1);
  })));

Deno.test("skip() resolves the message and drops what it published", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: (_, context) => {
        context.publish(Echo, "no");
        return skip("nothing to do");
      },
    }));
    one.deliver(notes(3));
    yield* turns;
    assertEquals([one.partition.position, one.counters.skipped, one.counters.done], [3, 3, 0]);
    assertEquals(one.sender.offered.length, 0);
  })));

Deno.test("publish() is done when receive has succeeded, once, and its acknowledgement resolves the record", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      retry: quick,
      receive: ({ n }, context) => {
        context.publish(Echo, `${n}.1`);
        context.publish(Echo, `${n}.2`);
        if (context.attempt === 1) throw new Error("after publishing");
      },
    }));
    one.deliver(notes(2));
    yield* turns;
    assertEquals(one.sender.values("out"), []);
    yield* advance(250);
    assertEquals(one.sender.values("out"), ['"0.1"', '"0.2"', '"1.1"', '"1.2"']);
    assertEquals(one.partition.position, 0);
    assertEquals(one.partition.unacknowledged, 2);
    one.sender.settle(null, ({ key }) => key !== "0.2");
    assertEquals(one.partition.position, 0);
    one.sender.settle();
    assertEquals([one.partition.position, one.partition.unacknowledged], [2, 0]);
    assertEquals([one.counters.published, one.counters.done], [4, 2]);
  })));

Deno.test("a full sender stops the loop and holds the key back; what was noted goes out in order when there is room", () =>
  virtual(Effect.gen(function* () {
    const seen: number[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ key, n }, context) => {
        seen.push(n);
        context.publish(Echo, `${key}${n}.1`);
        context.publish(Echo, `${key}${n}.2`);
      },
    }));
    one.sender.capacity = 1;
    one.deliver(notes(4, ["a", "b"]));
    yield* turns;
    assertEquals(seen, [0], "nothing more is received while its publications wait");
    for (let i = 0; i < 8; i++) {
      one.sender.settle();
      yield* turns;
    }
    assertEquals(seen, [0, 1, 2, 3]);
    assertEquals(one.sender.values("out"), ["a0", "b1", "a2", "b3"].flatMap((n) => [`"${n}.1"`, `"${n}.2"`]));
    assertEquals([one.partition.position, one.partition.mailbox.records], [4, 0]);
  })));

Deno.test("a full sender that has room again lets other keys go on, whatever the one that waited does next", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const hold = gate();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ key, n }, context) => {
        seen.push(`${key}${n}`);
        if (n === 0) return hold.promise.then(() => context.publish(Echo, "a"));
        if (n === 1) return new Promise<void>(() => {});
        if (n === 2) context.publish(Echo, "b");
      },
    }));
    one.sender.capacity = 0;
    one.deliver([note("a", 0), note("a", 1), note("b", 2), note("b", 1), note("c", 3)]);
    yield* turns;
    hold.open();
    yield* turns;
    assertEquals(seen, ["a0", "b2"]);
    one.sender.capacity = Infinity;
    one.sender.makeRoom();
    yield* turns;
    assertEquals(seen.toSorted(), ["a0", "a1", "b1", "b2", "c3"]);
  })));

Deno.test("receiveTimeout aborts the signal, fences the context, counts as a failure and ignores the late result", () =>
  virtual(Effect.gen(function* () {
    const contexts: ActorContext[] = [];
    const signals: AbortSignal[] = [];
    const late = gate();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receiveTimeout: 1_000,
      retry: { ...quick, times: 1 },
      receive: (_, context) => {
        contexts.push(context);
        signals.push(context.signal);
        context.publish(Echo, `try ${context.attempt}`);
        return context.attempt === 1 ? late.promise.then(() => skip("late")) : undefined;
      },
    }));
    one.deliver(notes(1));
    yield* advance(1_050);
    assert(signals[0].aborted);
    assert(signals[0].reason instanceof ContextFenced);
    assertThrows(() => contexts[0].publish(Echo, "too late"), ContextFenced, "notes/0@0");
    assertEquals([one.counters.failed, one.sender.offered.length], [1, 0]);
    yield* advance(60);
    late.open();
    yield* turns;
    assertEquals(one.sender.values("out"), ['"try 2"']);
    assert(!signals[1].aborted);
    one.sender.settle();
    assertEquals([one.partition.position, one.counters.skipped, one.counters.done], [1, 0, 1]);
  })));

Deno.test("receiveTimeout interrupts an Effect and does not wait for one that won't stop", () =>
  virtual(Effect.gen(function* () {
    let interrupted = 0;
    const stubborn = yield* Deferred.make<void>();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receiveTimeout: 100,
      retry: { ...quick, times: 1 },
      receive: ({ n }, { attempt }) =>
        attempt > 1
          ? Effect.void
          : n === 0
          ? Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
          : Effect.uninterruptible(Deferred.await(stubborn)),
    }));
    one.deliver(notes(2));
    yield* advance(500);
    assertEquals([interrupted, one.counters.failed], [1, 2]);
    assertEquals(one.partition.position, 2);
    yield* Deferred.succeed(stubborn, undefined);
    yield* turns;
    assertEquals(one.partition.position, 2);
  })));

Deno.test("an Effect that has timed out for good is interrupted before the next message of its key begins", () =>
  virtual(Effect.gen(function* () {
    const events: string[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receiveTimeout: 100,
      retry: { ...quick, times: 0 },
      onFailure: "skip",
      receive: ({ n }) => {
        events.push(`begin ${n}`);
        return n > 0
          ? Effect.void
          : Effect.onInterrupt(Effect.never, () => Effect.sync(() => events.push("interrupted")));
      },
    }));
    one.deliver(notes(2));
    yield* advance(500);
    assertEquals(events, ["begin 0", "interrupted", "begin 1"]);
  })));

Deno.test("what an Effect acquires for one message is released with it", () =>
  virtual(Effect.gen(function* () {
    const events: string[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ n }) =>
        Effect.asVoid(Effect.acquireRelease(
          Effect.sync(() => events.push(`acquire ${n}`)),
          () => Effect.sync(() => events.push(`release ${n}`)),
        )),
    }));
    one.deliver(notes(2));
    yield* turns;
    assertEquals(events, ["acquire 0", "release 0", "acquire 1", "release 1"]);
  })));

Deno.test("an event the actor does not receive is passed over", () =>
  virtual(Effect.gen(function* () {
    const seen: number[] = [];
    const text = new TextEncoder();
    const Other = { ...Note, name: "Other" };
    const one = yield* open(
      actor({ name: "a", receives: [Note], receive: ({ n }) => void seen.push(n) }),
      { events: [Note, Other] },
    );
    const typed = (type: string, n: number) => note("a", n, [["type", text.encode(type)]]);
    one.deliver([typed("Other", 0), typed("Note", 1), typed("Other", 2)]);
    yield* turns;
    assertEquals(seen, [1]);
    assertEquals([one.partition.position, one.counters.ignored, one.counters.done], [3, 2, 1]);
  })));

Deno.test("what the offset map names resolved is not received again, and counts on in attempts and failures", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const map = { attempts: 7, failures: 2, deaths: 0, resolved: [{ from: 6, to: 8 }, { from: 9, to: 11 }] };
    const one = yield* open(
      actor({
        name: "a",
        receives: [Note],
        retry: { ...quick, times: 3 },
        receive: ({ n }, context) => {
          seen.push(`${n}#${context.attempt}`);
          if (n === 5) throw new Error("still not");
        },
      }),
      { position: 5, map },
    );
    one.deliver(notes(3, ["a", "b"], 5));
    one.deliver(notes(4, ["a", "b"], 8));
    assertEquals(one.partition.mailbox.records, 7);
    yield* turns;
    assertEquals(seen, ["5#8", "11#1"], "8 has the key of 5");
    assertEquals([one.counters.knownResolved, one.partition.mailbox.records], [4, 2]);
    yield* advance(150);
    assertEquals(seen.slice(2), ["5#9", "8#1"]);
    yield* turns;
    assertEquals(one.sender.offered.map(({ record }) => record.topic), ["notes.dlt"], "two more failures of three");
  })));
