import { Effect, Fiber } from "effect";
import { actor } from "../../src/actor.ts";
import type { PublishOptions } from "../../src/context.ts";
import { ActorFailed } from "../../src/errors.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { publishError } from "./fake_sender.ts";
import { Echo, ended, failureOf, gate, Note, note, notes, open, turns } from "./one_partition.ts";

const keyIs = (key: string) => (record: { readonly key: unknown }) => record.key === key;

/** An actor that publishes `key + n` for every message. */
const echoing = (seen: string[] = []) =>
  actor({
    name: "a",
    receives: [Note],
    receive: ({ key, n }, context) => {
      seen.push(`${key}${n}`);
      context.publish(Echo, `${key}${n}`);
    },
  });

Deno.test("publications go out under the partition's lease", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(echoing());
    one.deliver(notes(1));
    yield* turns;
    assert(one.sender.offered[0].lease === one.lease);
  })));

Deno.test("a publish that fails for good opens its record and the later ones of its key again, in order", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const one = yield* open(echoing(seen));
    one.deliver([note("a", 0), note("b", 1)]);
    one.deliver([note("a", 2), note("b", 3), note("a", 4)]);
    yield* turns;
    one.sender.settle(null, ({ key }) => key !== "a0");
    assertEquals([one.partition.position, one.partition.unacknowledged], [0, 1]);
    assertEquals(one.partition.mailbox.records, 1);
    assert(one.partition.mailbox.bytes > 0, "the later chunk may still be needed");
    one.sender.settle(publishError("DELIVERY_TIMEOUT"));
    assertEquals([one.partition.position, one.partition.unacknowledged], [0, 0]);
    assertEquals(one.partition.mailbox.records, 3, "a2 and a4 are held again");
    yield* advance(150);
    assertEquals(seen, ["a0", "b1", "a2", "b3", "a4", "a0", "a2", "a4"]);
    assertEquals(one.sender.values("out").slice(5), ['"a0"', '"a2"', '"a4"']);
    one.sender.settle();
    assertEquals(one.partition.position, 5);
    assertEquals([one.partition.mailbox.records, one.partition.mailbox.bytes], [0, 0]);
  })));

Deno.test("order partition: a publish that fails opens everything behind it again; order none: nothing", () =>
  virtual(Effect.gen(function* () {
    for (const [order, again] of [["partition", ["b1", "a2"]], ["none", ["b1"]]] as const) {
      const seen: string[] = [];
      const { receive: _, ...rest } = { ...echoing(seen) };
      const one = yield* open({ ...rest, receive: _, settings: { ...rest.settings, order } });
      one.deliver([note("a", 0), note("b", 1), note("a", 2)]);
      yield* turns;
      one.sender.settle(null, ({ key }) => key !== "b1");
      one.sender.settle(publishError("DELIVERY_TIMEOUT"));
      yield* advance(150);
      assertEquals(seen.slice(3), [...again]);
      one.sender.settle();
      assertEquals([one.partition.position, one.partition.mailbox.records], [3, 0]);
    }
  })));

Deno.test("the acknowledgement of what was sent before a record was opened again does not resolve it", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(echoing());
    one.deliver([note("a", 0), note("a", 1)]);
    yield* turns;
    one.sender.settle(publishError("DELIVERY_TIMEOUT"), keyIs("a0"));
    const early = one.sender.waiting.splice(0);
    yield* advance(150);
    assertEquals(one.sender.values("out"), ['"a0"', '"a1"', '"a0"', '"a1"']);
    one.sender.settle(null, keyIs("a0"));
    assertEquals(one.partition.position, 1);
    early[0].observer.settled(null, { topic: "out", partition: 0, offset: 7 });
    assertEquals([one.partition.position, one.partition.unacknowledged], [1, 1]);
    one.sender.settle(null, keyIs("a1"));
    assertEquals([one.partition.position, one.partition.unacknowledged], [2, 0]);
    assertEquals(one.counters.done, 2);
  })));

Deno.test("a failure told to a later incarnation restarts that one", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const one = yield* open(echoing(seen));
    one.deliver([note("a", 0), note("b", 1)]);
    yield* turns;
    one.sender.settle(publishError("DELIVERY_TIMEOUT"), keyIs("a0"));
    yield* advance(150);
    assertEquals(seen, ["a0", "b1", "a0"]);
    one.sender.settle(publishError("DELIVERY_TIMEOUT"), keyIs("b1"));
    yield* advance(300);
    assertEquals(seen, ["a0", "b1", "a0", "b1"]);
    one.sender.settle();
    assertEquals(one.partition.position, 2);
  })));

Deno.test("a message that is in flight when an earlier one of its key has to be published again is not settled before", () =>
  virtual(Effect.gen(function* () {
    for (const wait of [(hold: Promise<void>) => hold, (hold: Promise<void>) => Effect.promise(() => hold)]) {
      const hold = gate();
      const seen: string[] = [];
      const one = yield* open(actor({
        name: "a",
        receives: [Note],
        receive: ({ n }, context) => {
          seen.push(`${n}#${context.attempt}`);
          context.publish(Echo, `${n}`);
          return n === 1 && context.attempt === 1 ? wait(hold.promise) : undefined;
        },
      }));
      one.deliver(notes(2));
      yield* turns;
      hold.open();
      one.sender.settle(publishError("DELIVERY_TIMEOUT"));
      yield* advance(150);
      assertEquals(one.sender.values("out"), ['"0"', '"0"', '"1"']);
      assertEquals(seen, ["0#1", "1#1", "0#2", "1#2"]);
    }
  })));

Deno.test("time-outs of publishes count against neither the record nor the restart intensity", () =>
  virtual(Effect.gen(function* () {
    const echo = echoing();
    const one = yield* open({ ...echo, restart: { ...echo.restart, max: 1 } });
    one.deliver(notes(1));
    for (let i = 0; i < 12; i++) {
      yield* turns;
      one.sender.settle(publishError("DELIVERY_TIMEOUT"));
      yield* advance(13_000, 1_000);
    }
    assertEquals(one.counters.restarts, 12);
    assert(!ended(one));
    one.sender.settle();
    assertEquals([one.partition.position, one.sender.values("notes.dlt").length], [1, 0]);
  })));

Deno.test("a publish that is refused for good is the record's doing: it ends as killed-actor", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(echoing());
    one.sender.refuses = ({ topic, key }) => topic === "out" && key === "a0" ? publishError("RECORD_TOO_LARGE") : null;
    one.deliver([note("a", 0), note("a", 1)]);
    yield* advance(1_000);
    assertEquals(one.sender.waiting.map(({ record }) => record.topic), ["notes.dlt", "out"]);
    one.sender.settle();
    assertEquals([one.partition.position, one.counters.deadLetters["killed-actor"]], [2, 1]);
  })));

Deno.test("LeaseLost, or a sender that has ended, ends the partition quietly", () =>
  virtual(Effect.gen(function* () {
    for (const lost of [true, false]) {
      const one = yield* open(echoing());
      one.deliver([note("a", 0), note("b", 1)]);
      yield* turns;
      one.sender.settle(null, keyIs("b1"));
      one.sender.settle(lost ? one.lease.lost() : publishError("STOPPED"));
      yield* Fiber.join(one.fiber);
      assertEquals([one.partition.position, one.counters.restarts], [0, 0]);
    }
  })));

Deno.test("a message whose publications wait for room when its incarnation ends is open again", () =>
  virtual(Effect.gen(function* () {
    const hold = gate();
    const seen: string[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ key, n }, context) => {
        seen.push(`${key}${n}#${context.attempt}`);
        if (key === "bug") {
          return context.attempt === 1 ? hold.promise.then(() => Effect.die("a bug") as never) : undefined;
        }
        for (let i = 0; i < 3; i++) context.publish(Echo, `${key}${n}.${i}`);
      },
    }));
    one.sender.capacity = 1;
    one.deliver([note("bug", 0), note("a", 1)]);
    yield* turns;
    assertEquals([one.sender.values("out"), one.partition.unacknowledged], [['"a1.0"'], 1]);
    hold.open();
    yield* turns;
    assertEquals(one.partition.unacknowledged, 0);
    one.sender.capacity = Infinity;
    one.sender.settle();
    yield* advance(150);
    assertEquals(seen, ["bug0#1", "a1#1", "bug0#2", "a1#1"]);
    assertEquals(one.sender.values("out"), ['"a1.0"', '"a1.0"', '"a1.1"', '"a1.2"']);
    one.sender.settle();
    assertEquals([one.partition.position, one.partition.mailbox.records], [2, 0]);
  })));

Deno.test("drain() waits for acknowledgements and for room, and ends with them", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ n }, context) => {
        context.publish(Echo, `${n}.1`);
        context.publish(Echo, `${n}.2`);
      },
    }));
    one.sender.capacity = 3;
    one.deliver(notes(4, ["a", "b"]));
    yield* turns;
    one.partition.drain();
    yield* turns;
    assert(!ended(one));
    one.sender.settle();
    yield* turns;
    assert(!ended(one), "the second record of 1 is on its way");
    one.sender.settle();
    yield* turns;
    assert(ended(one));
    assertEquals(one.partition.position, 2);
    assertEquals(one.partition.mailbox.records, 2, "taken up or not: these are the next owner's");
  })));

Deno.test("drain() that finds the partition between two incarnations still waits for acknowledgements", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ key, n }, context) => {
        if (key === "bug") return Effect.die("a bug");
        context.publish(Echo, `${n}`);
      },
    }));
    one.deliver([note("a", 0), note("bug", 1)]);
    yield* turns;
    one.partition.drain();
    yield* turns;
    assert(!ended(one));
    one.sender.settle();
    yield* turns;
    assert(ended(one));
    assertEquals(one.partition.position, 1);
  })));

Deno.test("drain() ends when what it waited for fails", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(echoing());
    one.deliver(notes(2));
    yield* turns;
    one.partition.drain();
    one.sender.settle(publishError("DELIVERY_TIMEOUT"));
    yield* turns;
    assert(ended(one));
    assertEquals(one.partition.position, 0);
  })));

Deno.test("a partition that was let go, or lost, no longer touches its successor's flow", () =>
  virtual(Effect.gen(function* () {
    const settings = { mailboxCapacity: 2 };
    for (const letGo of ["drain", "fence"] as const) {
      const one = yield* open({ ...echoing(), settings: { ...echoing().settings, ...settings } });
      one.deliver(notes(3));
      yield* turns;
      assertEquals(one.fetcher.calls, ["add 0", "pause"]);
      if (letGo === "drain") one.partition.drain();
      else one.lease.fence();
      const before = [...one.fetcher.calls];
      one.sender.settle();
      assertEquals(one.partition.mailbox.records, 0);
      assertEquals(one.fetcher.calls, before);
    }
  })));

Deno.test("a sender that throws ends the incarnation, and the record is received again", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(echoing());
    let calls = 0;
    one.sender.refuses = () => {
      if (calls++ === 0) throw new RangeError("a bug of the sender's");
      return null;
    };
    one.deliver(notes(1));
    yield* turns;
    assertEquals([one.partition.unacknowledged, one.counters.restarts], [0, 1]);
    yield* advance(150);
    one.sender.settle(null, () => true);
    assertEquals([one.partition.position, one.partition.unacknowledged], [1, 0]);
  })));

Deno.test("a record that is published wrongly fails its message, not the partition", () =>
  virtual(Effect.gen(function* () {
    const errors: string[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      onFailure: "stop",
      retry: { times: 0 },
      receive: (_, context) => {
        const wrong: ReadonlyArray<PublishOptions> = [
          { timestamp: 1.5 },
          { partition: -1 },
          { key: 5 as never },
          { headers: { h: 5 as never } },
          { headers: { type: "Other" } },
        ];
        for (const options of wrong) {
          try {
            context.publish(Echo, "x", options);
          } catch (error) {
            errors.push((error as Error).message);
          }
        }
        try {
          context.publish(undefined as never, "x");
        } catch (error) {
          errors.push((error as Error).message);
        }
        context.publish(Echo, undefined as never);
      },
    }));
    one.deliver(notes(1));
    const error = yield* failureOf(one);
    assert(error instanceof ActorFailed);
    assertStringIncludes(error.message, "retries exhausted: publish Echo: message: expected what JSON can say");
    assertEquals(errors, [
      "publish Echo: timestamp: expected whole milliseconds since 1970, got 1.5",
      "publish Echo: partition: expected a partition's number, got -1",
      "publish Echo: key: expected text, bytes or null, got 5",
      "publish Echo: header h: expected text, bytes or null, got 5",
      "publish Echo: header type: expected none, as the event's name stands there, got Other",
      "publish: expected an event, got undefined",
    ]);
  })));
