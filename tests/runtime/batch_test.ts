import { Effect, Fiber } from "effect";
import { actor, type BatchOutcome } from "../../src/actor.ts";
import type { Envelope } from "../../src/context.ts";
import { ContextFenced } from "../../src/errors.ts";
import { deadLetter, retryAfter, skip } from "../../src/outcome.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { Echo, ended, gate, Note, note, notes, open, turns } from "./one_partition.ts";

type Batch = ReadonlyArray<Envelope<{ key: string; n: number }>>;
const quick = { initial: 100, factor: 1, jitter: false, times: 3 };
const numbers = (batch: Batch) => batch.map(({ message }) => message.n);

function batching(receiveBatch: (batch: Batch, signal: AbortSignal) => unknown, settings: object = {}) {
  return actor({
    name: "a",
    receives: [Note],
    retry: quick,
    ...settings,
    receiveBatch: (batch, { signal }) => receiveBatch(batch, signal) as BatchOutcome,
  });
}

Deno.test("receiveBatch is given up to batchSize records of one partition, in order, one batch at a time", () =>
  virtual(Effect.gen(function* () {
    const seen: number[][] = [];
    const gates = [gate(), gate(), gate()];
    const one = yield* open(batching((batch) => {
      seen.push(numbers(batch));
      return gates[seen.length - 1].promise;
    }, { batchSize: 4 }));
    one.deliver(notes(6, ["a", "b"]));
    one.deliver(notes(4, ["a", "b"], 6));
    yield* turns;
    assertEquals(seen, [[0, 1, 2, 3]]);
    for (const { open } of gates) {
      open();
      yield* turns;
    }
    assertEquals(seen, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
    assertEquals([one.partition.position, one.partition.mailbox.records], [10, 0]);
  })));

Deno.test("receiveBatch's outcomes settle record by record", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(batching((batch) => {
      for (const { message, context } of batch) context.publish(Echo, `${message.n}`);
      return [undefined, skip(), deadLetter("no"), undefined];
    }));
    one.deliver(notes(4, ["a", "b", "c", "a"]));
    yield* turns;
    assertEquals(one.sender.values("out"), ['"0"', '"3"'], "a record that is skipped publishes nothing");
    assertEquals(one.sender.values("notes.dlt").length, 1);
    one.sender.settle();
    assertEquals(one.partition.position, 4);
    assertEquals([one.counters.done, one.counters.skipped, one.counters.deadLetters.rejected], [2, 1, 1]);
    assertEquals(one.counters.received, 4);
  })));

Deno.test("one outcome for all, or none, settles all", () =>
  virtual(Effect.gen(function* () {
    for (const answer of [skip(), undefined, "whatever", Effect.succeed(skip()), Promise.resolve(skip())]) {
      const one = yield* open(batching(() => answer));
      one.deliver(notes(3));
      yield* turns;
      assertEquals(one.partition.position, 3);
    }
  })));

Deno.test("a record that is to be received again makes the later ones of its key wait and be received again, after it", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const one = yield* open(batching((batch) => {
      for (const { message: { key, n }, context } of batch) {
        seen.push(`${key}${n}#${context.attempt}`);
        context.publish(Echo, `${key}${n}`);
      }
      return batch.map(({ message, context }) => message.n === 1 && context.attempt < 3 ? retryAfter(100) : undefined);
    }));
    one.deliver([note("a", 0), note("a", 1), note("b", 2), note("a", 3), note("a", 4)]);
    yield* turns;
    assertEquals(seen, ["a0#1", "a1#1", "b2#1", "a3#1", "a4#1"]);
    assertEquals(one.sender.values("out"), ['"a0"', '"b2"']);
    yield* advance(110);
    one.deliver([note("a", 5), note("b", 6)]);
    yield* turns;
    assertEquals(seen.slice(5), ["a1#2", "b6#1"]);
    yield* advance(110);
    assertEquals(seen.slice(7), ["a1#3", "a3#2", "a4#2", "a5#1"]);
    assertEquals(one.sender.values("out").slice(2), ["b6", "a1", "a3", "a4", "a5"].map((text) => `"${text}"`));
    one.sender.settle();
    assertEquals([one.partition.position, one.partition.mailbox.records], [7, 0]);
  })));

Deno.test("a batch that throws is received again record by record, and only the one to blame fails", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const one = yield* open(batching((batch) => {
      seen.push(numbers(batch).join());
      if (batch.some(({ message }) => message.n === 2)) throw new Error("two");
      for (const { message, context } of batch) context.publish(Echo, `${message.n}`);
    }, { retry: { ...quick, times: 1 } }));
    one.deliver(notes(5, ["a", "b", "c"]));
    yield* turns;
    assertEquals(seen, ["0,1,2,3,4", "0", "1", "2", "3", "4"]);
    one.sender.settle();
    assertEquals(one.partition.position, 2);
    yield* advance(110);
    assertEquals(seen.slice(6), ["2"]);
    assertEquals(one.sender.values("notes.dlt").length, 1);
    one.sender.settle();
    assertEquals(one.partition.position, 5);
    const letter = one.sender.offered.find(({ record }) => record.topic === "notes.dlt");
    const attempts = letter?.record.headers?.find(([name]) => name === "dlt-attempts")?.[1];
    assertEquals(new TextDecoder().decode(attempts ?? undefined), "3");
  })));

Deno.test("a batch that failed keeps to concurrency when its records are received alone", () =>
  virtual(Effect.gen(function* () {
    let inFlight = 0;
    let most = 0;
    const one = yield* open(batching((batch) => {
      if (batch.length > 1) return Promise.reject(new Error("together"));
      most = Math.max(most, ++inFlight);
      return Effect.map(Effect.sleep(10), () => void inFlight--);
    }, { concurrency: 3 }));
    one.deliver(notes(9, Array.from({ length: 9 }, (_, i) => `k${i}`)));
    yield* advance(100);
    assertEquals([most, one.partition.position], [3, 9]);
  })));

Deno.test("a defect of a batch blames no record; alone, the one to blame is found", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(batching(
      (batch) => batch.some(({ message }) => message.n === 2) ? Effect.die(new Error("two")) : undefined,
      { restart: { killedAfter: 1, max: 2, initial: 10 } },
    ));
    one.deliver(notes(4));
    yield* advance(1_000);
    assertEquals([one.partition.position, one.counters.restarts], [2, 2]);
    assertEquals(one.sender.offered.length, 1);
    one.sender.settle();
    assertEquals([one.partition.position, one.counters.deadLetters["killed-actor"]], [4, 1]);
  })));

Deno.test("an answer that fits no batch is a defect, alone as well", () =>
  virtual(Effect.gen(function* () {
    for (const answer of [[undefined, undefined, undefined], ["a", "b"]]) {
      const log: string[] = [];
      const one = yield* open(batching((batch) => {
        log.push(`${batch.length}`);
        return batch.length === 2 ? answer : [undefined, undefined];
      }, { restart: { max: 1 } }));
      one.deliver(notes(2));
      yield* advance(500);
      assert(ended(one));
      assertEquals(log, ["2", "1"]);
      assertEquals(one.partition.position, 0);
    }
  })));

Deno.test("poison and events of others are not in the batch", () =>
  virtual(Effect.gen(function* () {
    const seen: number[][] = [];
    const one = yield* open(batching((batch) => void seen.push(numbers(batch))));
    one.deliver([note("a", 0), { key: "a", value: "{" }, note("a", 2)]);
    yield* turns;
    assertEquals(seen, [[0, 2]]);
    assertEquals(one.partition.position, 1);
    one.sender.settle();
    assertEquals([one.partition.position, one.counters.deadLetters.decode], [3, 1]);
  })));

Deno.test("a batch's publications that wait for room are settled in order, and nothing is received twice", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const one = yield* open(batching((batch) => {
      seen.push(numbers(batch).join());
      for (const { message, context } of batch) context.publish(Echo, `${message.n}`);
    }));
    one.sender.capacity = 1;
    one.deliver(notes(5, ["a", "a", "b"]));
    for (let i = 0; i < 6; i++) {
      yield* turns;
      one.sender.settle();
    }
    assertEquals(seen, ["0,1,2,3,4"]);
    const published = one.sender.values("out").map((text) => Number(JSON.parse(text)));
    assertEquals(published.toSorted(), [0, 1, 2, 3, 4]);
    assertEquals(published.filter((n) => n !== 2), [0, 1, 3, 4], "the key's order stands");
    assertEquals([one.partition.position, one.partition.mailbox.records], [5, 0]);
  })));

Deno.test("receiveTimeout of a batch aborts its signal and fences its contexts; so does an interruption", () =>
  virtual(Effect.gen(function* () {
    const signals: AbortSignal[] = [];
    const contexts: Batch[number]["context"][] = [];
    const one = yield* open(batching((batch, signal) => {
      signals.push(signal);
      contexts.push(batch[0].context);
      return new Promise(() => {});
    }, { receiveTimeout: 1_000 }));
    one.deliver(notes(2));
    yield* advance(1_010, 10);
    assertEquals(signals.length, 2, "the first record is received alone now");
    assert(signals[0].aborted);
    assertThrows(() => contexts[0].publish(Echo, "late"), ContextFenced);
    yield* Fiber.interrupt(one.fiber);
    assertThrows(() => contexts[1].publish(Echo, "late"), ContextFenced);
    assertEquals(one.partition.position, 0);
  })));

Deno.test("drain() waits for the batch in flight and begins no other", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const hold = gate();
    const one = yield* open(batching((batch) => {
      seen.push(numbers(batch).join());
      return hold.promise;
    }, { batchSize: 2 }));
    one.deliver(notes(4));
    yield* turns;
    one.partition.drain();
    yield* turns;
    assert(!ended(one));
    hold.open();
    yield* turns;
    assert(ended(one));
    assertEquals([seen, one.partition.position], [["0,1"], 2]);
  })));
