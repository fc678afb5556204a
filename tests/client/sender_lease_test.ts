/** What is published under a lease: when it is sent, and what becomes of it when the lease is in doubt, or lost. */
import { Effect } from "effect";
import type { PublishLease } from "../../src/client/port.ts";
import { LeaseLost } from "../../src/errors.ts";
import { assertEquals } from "../assert.ts";
import { Outcomes, record, sending, sent } from "./sending.ts";
import { SmallKafka } from "./small_kafka.ts";
import { advance } from "./virtual.ts";

type LeaseState = ReturnType<PublishLease["state"]>;

interface TestLease extends PublishLease {
  now: LeaseState;
  /** What it says before that, one look after the other. */
  states: Array<LeaseState>;
}

function lease(state: LeaseState): TestLease {
  return {
    now: state,
    states: [],
    state() {
      return this.states.shift() ?? this.now;
    },
    lost: () => new LeaseLost("source", 0, 1),
  };
}

Deno.test("all batches of a lease that is fenced settle at once, with nobody else at work", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return sending(kafka, { batchRecords: 2 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const one = lease("expired");
      for (const name of ["a", "b", "c", "d", "e"]) sender.offer(record(name), outcomes.of(name), one);
      yield* advance(1_000);
      assertEquals(sender.pending(), 5);
      one.now = "fenced";
      yield* advance(60);
      assertEquals([sender.pending(), outcomes.settled.length], [0, 5]);
    }));
});

Deno.test("an expired lease holds a batch back, a fenced one takes its records out", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return sending(kafka, {}, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const [one, two] = [lease("expired"), lease("valid")];
      sender.offer(record("a", { headers: [["h", new Uint8Array([1])]], key: "k" }), outcomes.of("a"), null);
      sender.offer(record("b"), outcomes.of("b"), one);
      sender.offer(record("c"), outcomes.of("c"), two);
      sender.offer(record("d"), outcomes.of("d"), one);
      yield* advance(1_000);
      assertEquals(outcomes.settled, []);
      one.now = "valid";
      yield* advance(60);
      assertEquals(outcomes.settled, ["a", "b", "c", "d"]);
      sender.offer(record("e"), outcomes.of("e"), one);
      sender.offer(record("f"), outcomes.of("f"), two);
      sender.offer(record("g"), outcomes.of("g"), null);
      one.now = "fenced";
      yield* sender.flush;
      assertEquals(outcomes.settled.slice(4), ["e:LeaseLost", "f", "g"]);
      sender.offer(record("h"), outcomes.of("h"), one);
      yield* sender.flush;
      assertEquals(outcomes.settled.at(-1), "h:LeaseLost");
      assertEquals(kafka.log("orders", 0).values(), ["a", "b", "c", "d", "f", "g"]);
      assertEquals(sender.pending(), 0);
    }));
});

/** A Kafka that, while it is told to, gives no answers: it has stored what it was sent, or not. */
class Deaf {
  deaf = false;
  stores = false;
  readonly kafka: SmallKafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) =>
      Effect.suspend(() => {
        if (!this.deaf) return kafka.script.Produce(request, node, role);
        return Effect.andThen(this.stores ? kafka.script.Produce(request, node, role) : Effect.void, Effect.never);
      }),
  }));
  constructor() {
    this.kafka.lead("orders", [1]);
  }
}

const impatient = { requestTimeout: 1_000 };

for (const stores of [false, true]) {
  const title = stores ? "that is stored" : "that is not stored";
  Deno.test(`a batch ${title} and has no answer is not sent again once its lease is fenced; what follows is stored, once`, () => {
    const world = new Deaf();
    const { kafka } = world;
    return sending(kafka, impatient, (sender) =>
      Effect.gen(function* () {
        const outcomes = new Outcomes();
        const [one, two] = [lease("valid"), lease("valid")];
        sender.offer(record("a"), outcomes.of("a"), one);
        yield* sender.flush;
        world.deaf = true;
        world.stores = stores;
        sender.offer(record("b"), outcomes.of("b"), one);
        yield* advance(200);
        const before = sent(kafka).length;
        one.now = "fenced";
        yield* advance(3_000, 50);
        assertEquals(sent(kafka).length, before, "nothing was sent any more");
        assertEquals(outcomes.settled, ["a", "b:LeaseLost"]);
        world.deaf = false;
        sender.offer(record("c"), outcomes.of("c"), two);
        sender.offer(record("d"), outcomes.of("d"), null);
        yield* advance(2_000, 50);
        assertEquals(outcomes.settled, ["a", "b:LeaseLost", "c", "d"]);
        assertEquals(kafka.log("orders", 0).values(), stores ? ["a", "b", "c", "d"] : ["a", "c", "d"]);
        assertEquals(sender.pending(), 0);
      }));
  });
}

Deno.test("a batch without an answer is not sent again while its lease is in doubt, and is when it holds again", () => {
  const world = new Deaf();
  const { kafka } = world;
  return sending(kafka, impatient, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const one = lease("valid");
      world.deaf = world.stores = true;
      sender.offer(record("a"), outcomes.of("a"), one);
      yield* advance(200);
      one.now = "expired";
      world.deaf = false;
      yield* advance(10_000, 50);
      assertEquals([outcomes.settled, sent(kafka).length], [[], 1]);
      one.now = "valid";
      yield* advance(200);
      assertEquals(outcomes.settled, ["a"]);
      assertEquals(kafka.log("orders", 0).values(), ["a"]);
    }));
});

Deno.test("a batch without an answer goes again as a whole where another's records are in it", () => {
  const world = new Deaf();
  const { kafka } = world;
  return sending(kafka, impatient, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const [one, two] = [lease("valid"), lease("valid")];
      for (const [name, other] of [["a", null], ["b", two]] as const) {
        one.now = "valid";
        world.deaf = true;
        sender.offer(record(name), outcomes.of(name), one);
        sender.offer(record(`${name}2`), outcomes.of(`${name}2`), other);
        yield* advance(200);
        one.now = "fenced";
        world.deaf = false;
        yield* advance(3_000, 50);
      }
      assertEquals(outcomes.settled, ["a", "a2", "b", "b2"]);
      assertEquals(kafka.log("orders", 0).values(), ["a", "a2", "b", "b2"]);
    }));
});

Deno.test("what is numbered anew, as it is surely not stored, goes without the records whose lease is lost", () => {
  const one = lease("valid");
  let forgotten = false;
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) =>
      Effect.flatMap(Effect.sleep(5), () => {
        if (forgotten) one.now = "fenced";
        return kafka.script.Produce(request, node, role);
      }),
  }));
  kafka.lead("orders", [1]);
  return sending(kafka, { batchRecords: 3, linger: 50 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      sender.offer(record("a"), outcomes.of("a"), null);
      yield* Effect.forkScoped(sender.flush);
      yield* advance(20);
      // As after an unclean election: the broker knows other numbers than it has acknowledged.
      for (const producer of kafka.log("orders", 0).producers.values()) producer.next = 1_000;
      forgotten = true;
      const offer = (name: string, under: PublishLease | null) => sender.offer(record(name), outcomes.of(name), under);
      for (const name of ["b", "c", "d"]) offer(name, name === "c" ? one : null);
      for (const name of ["e", "f", "g"]) offer(name, one);
      for (const name of ["h", "i", "j"]) offer(name, name === "i" ? one : null);
      yield* advance(2_000);
      assertEquals(kafka.log("orders", 0).values(), ["a", "b", "d", "h", "j"]);
      assertEquals(
        outcomes.settled.toSorted(),
        ["a", "b", "c:LeaseLost", "d", "e:LeaseLost", "f:LeaseLost", "g:LeaseLost", "h", "i:LeaseLost", "j"],
      );
      const last = sent(kafka).slice(-2);
      assertEquals(last.map(({ count, baseSequence }) => [count, baseSequence]), [[2, 0], [2, 2]]);
    }));
});

Deno.test("a lease that runs out while a batch is compressed is seen before it is sent, and leaves no hole", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return sending(kafka, { compression: "gzip" }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const one = lease("valid");
      sender.offer(record("a"), outcomes.of("a"), null);
      yield* sender.flush;
      sender.offer(record("b"), outcomes.of("b"), one);
      sender.offer(record("c"), outcomes.of("c"), null);
      // It is asked twice until the batch is sealed, and held up for a while after that.
      one.states = ["valid", "valid"];
      one.now = "expired";
      yield* advance(1_000);
      assertEquals([one.states, outcomes.settled, sent(kafka).length], [[], ["a"], 1]);
      one.now = "fenced";
      sender.offer(record("d"), outcomes.of("d"), null);
      yield* advance(200);
      assertEquals(outcomes.settled, ["a", "b:LeaseLost", "c", "d"]);
      assertEquals(kafka.log("orders", 0).values(), ["a", "c", "d"]);
      assertEquals(sent(kafka).map(({ baseSequence }) => baseSequence), [0, 1, 2]);
    }));
});
