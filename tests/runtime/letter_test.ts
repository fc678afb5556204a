import { Effect, Fiber } from "effect";
import { actor } from "../../src/actor.ts";
import { ActorFailed } from "../../src/errors.ts";
import { deadLetter } from "../../src/outcome.ts";
import type { ProducerRecord } from "../../src/record.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { publishError } from "./fake_sender.ts";
import { ended, failureOf, gate, Note, note, open, turns } from "./one_partition.ts";

const text = new TextDecoder();

function header(record: ProducerRecord, name: string): string | undefined {
  const found = record.headers?.find(([key]) => key === name)?.[1];
  return found === undefined || found === null ? undefined : text.decode(found);
}

/** Rejects the key `bad`. */
const rejecting = (seen: string[] = []) =>
  actor({
    name: "a",
    receives: [Note],
    receive: ({ key, n }) => {
      seen.push(`${key}${n}`);
      return key === "bad" ? deadLetter("not ours") : undefined;
    },
  });

const refused = publishError("TOPIC_AUTHORIZATION_FAILED", "notes.dlt");

Deno.test("a dead letter goes to the source's partition under its lease; its acknowledgement resolves the record", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const one = yield* open(rejecting(seen));
    one.deliver([note("bad", 0), note("bad", 1), note("b", 2)]);
    yield* turns;
    assertEquals(seen, ["bad0", "bad1", "b2"], "neither its key nor another waits");
    const [{ record, lease }] = one.sender.offered;
    assertEquals([record.topic, record.partition, lease], ["notes.dlt", 0, one.lease]);
    assertEquals(["dlt-reason", "dlt-error", "dlt-attempts"].map((name) => header(record, name)), [
      "rejected",
      "not ours",
      "1",
    ]);
    assertEquals([one.partition.position, one.partition.unacknowledged], [0, 2]);
    one.sender.settle(null, (letter) => header(letter, "dlt-offset") === "1");
    assertEquals(one.partition.position, 0);
    one.sender.settle();
    assertEquals([one.partition.position, one.partition.unacknowledged], [3, 0]);
    assertEquals([one.counters.deadLetters.rejected, one.counters.done, one.counters.published], [2, 1, 0]);
    assertEquals([one.partition.mailbox.records, one.partition.mailbox.bytes], [0, 0]);
  })));

Deno.test("a dead letter that can't be written is written again for ever, and shows as waiting meanwhile", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(rejecting());
    one.deliver([note("bad", 0), note("b", 1)]);
    yield* turns;
    for (let i = 1; i <= 20; i++) {
      assertEquals(one.sender.offered.length, i);
      one.sender.settle(refused);
      yield* turns;
      assertEquals([one.counters.deadLettersWaiting, one.partition.position], [1, 0]);
      assertEquals(one.sender.offered.length, i, "not at once again");
      yield* advance(1_000, 100);
    }
    one.sender.settle();
    assertEquals([one.counters.deadLettersWaiting, one.partition.position], [0, 2]);
    assertEquals(one.counters.restarts, 0);
  })));

Deno.test("a dead letter that waits to be written survives a restart, and its record is not received again", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const bug = gate();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ key, n }, { attempt }) => {
        seen.push(`${key}${n}#${attempt}`);
        if (key === "bad") return deadLetter("not ours");
        return attempt === 1 ? bug.promise.then(() => Effect.die("a bug") as never) : undefined;
      },
    }));
    one.deliver([note("bad", 0), note("bug", 1)]);
    yield* turns;
    one.sender.settle(refused);
    bug.open();
    yield* advance(2_000);
    assertEquals(seen, ["bad0#1", "bug1#1", "bug1#2"]);
    assertEquals([one.counters.restarts, one.sender.offered.length], [1, 2]);
    one.sender.settle();
    assertEquals([one.partition.position, one.counters.deadLettersWaiting], [2, 0]);
  })));

Deno.test("drain() leaves a dead letter that waits to be written to the next owner, and waits for one on its way", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(rejecting());
    one.deliver([note("bad", 0), note("worse", 1), note("bad", 2)]);
    yield* turns;
    one.sender.settle(refused, (letter) => header(letter, "dlt-offset") === "0");
    one.partition.drain();
    yield* turns;
    assert(!ended(one));
    assertEquals(one.counters.deadLettersWaiting, 0);
    one.sender.settle();
    yield* turns;
    assert(ended(one));
    assertEquals([one.partition.position, one.sender.offered.length], [0, 2]);
    assert(one.partition.uncommitted()?.metadata !== "", "offsets 1 and 2 are known to be resolved");
  })));

Deno.test("a partition that ends with a dead letter waiting is no longer counted as waiting", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(rejecting());
    one.deliver([note("bad", 0)]);
    yield* turns;
    one.sender.settle(refused);
    assertEquals(one.counters.deadLettersWaiting, 1);
    yield* Fiber.interrupt(one.fiber);
    assertEquals(one.counters.deadLettersWaiting, 0);
  })));

Deno.test("a dead letter waits for room in the sender, and holds up nothing", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const one = yield* open(rejecting(seen));
    one.sender.capacity = 0;
    one.deliver([note("bad", 0), note("b", 1)]);
    yield* turns;
    assertEquals(seen, ["bad0", "b1"]);
    one.sender.capacity = 1;
    one.sender.makeRoom();
    yield* turns;
    one.sender.settle();
    assertEquals(one.partition.position, 2);
  })));

Deno.test("a dead letter that is too large is written without its error text; if that is too large the system stops", () =>
  virtual(Effect.gen(function* () {
    for (const reason of ["RECORD_TOO_LARGE", "MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]) {
      const one = yield* open(rejecting());
      one.deliver([note("bad", 0), note("b", 1)]);
      yield* turns;
      one.sender.settle(publishError(reason, "notes.dlt"));
      yield* turns;
      assertEquals(one.sender.offered.map(({ record }) => header(record, "dlt-error")), ["not ours", ""]);
      assertEquals([one.partition.position, one.counters.deadLettersWaiting], [0, 0]);
      one.sender.settle(publishError(reason, "notes.dlt"));
      const error = yield* failureOf(one);
      assert(error instanceof ActorFailed);
      assertStringIncludes(error.message, "a on notes/0@0: its dead letter is too large");
      assertStringIncludes(error.message, "raise max.message.bytes");
      assertEquals(one.partition.position, 0);
    }
  })));

Deno.test("a dead letter refused as too large in the very call of offer is written bare", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(rejecting());
    one.sender.refuses = (letter) =>
      header(letter, "dlt-error") === "" ? null : publishError("RECORD_TOO_LARGE", "notes.dlt");
    one.deliver([note("bad", 0)]);
    yield* turns;
    one.sender.settle();
    assertEquals(one.partition.position, 1);
  })));

Deno.test("a dead-letter topic with fewer partitions takes the letter by its key", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(rejecting());
    one.deliver([note("bad", 0)]);
    yield* turns;
    one.sender.settle(publishError("UNKNOWN_PARTITION", "notes.dlt"));
    yield* turns;
    assertEquals(one.sender.offered.map(({ record }) => record.partition), [0, undefined]);
    one.sender.settle(publishError("UNKNOWN_PARTITION", "notes.dlt"));
    yield* turns;
    assertEquals([one.sender.offered.length, one.counters.deadLettersWaiting], [2, 1]);
    yield* advance(1_000, 100);
    one.sender.settle();
    assertEquals([one.partition.position, one.counters.deadLettersWaiting], [1, 0]);
  })));

Deno.test("a dead letter's lost lease ends the partition quietly", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(rejecting());
    one.deliver([note("bad", 0)]);
    yield* turns;
    one.sender.settle(refused);
    yield* advance(1_000, 100);
    one.sender.settle(one.lease.lost());
    yield* Fiber.join(one.fiber);
    assertEquals([one.partition.position, one.counters.deadLettersWaiting, one.counters.restarts], [0, 0, 0]);
  })));

Deno.test("a dead letter that is told of its lost lease after its partition has ended leaves no trace in the counters", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(rejecting());
    one.deliver([note("bad", 0)]);
    yield* turns;
    one.sender.settle(refused);
    yield* advance(1_100, 100);
    assertEquals([one.counters.deadLettersWaiting, one.sender.waiting.length], [1, 1]);
    one.lease.fence();
    one.partition.drain();
    yield* Fiber.interrupt(one.fiber);
    assertEquals(one.counters.deadLettersWaiting, 0);
    one.sender.settle(one.lease.lost());
    assertEquals(one.counters.deadLettersWaiting, 0);
  })));

Deno.test("a dead letter that a bug keeps from being sent is sent by the next incarnation", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(rejecting());
    let bugs = 1;
    one.sender.refuses = () => {
      if (bugs-- > 0) throw new Error("a bug");
      return null;
    };
    one.deliver([note("bad", 0)]);
    yield* advance(1_000, 50);
    assertEquals([one.sender.waiting.length, one.counters.restarts], [1, 1]);
    one.sender.settle(refused);
    bugs = 1;
    yield* advance(2_000, 50); // it comes when the letter is tried again
    assertEquals([one.sender.waiting.length, one.counters.restarts], [1, 2]);
    one.sender.settle();
    assertEquals([one.partition.position, one.partition.unacknowledged, one.counters.deadLettersWaiting], [1, 0, 0]);
  })));
