import { Effect, Exit, Fiber } from "effect";
import { actor } from "../../src/actor.ts";
import { ActorFailed, KafkaError } from "../../src/errors.ts";
import { stop } from "../../src/outcome.ts";
import { makeActorCounters } from "../../src/telemetry/counters.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { chunkOf } from "./fake_fetcher.ts";
import { Echo, ended, failureOf, gate, Note, note, notes, open, turns } from "./one_partition.ts";

const quick = { initial: 100, factor: 1, jitter: false, times: 3 };

/** What fails `error` of the sort that is no message's fault. */
const boom = () => Effect.die(new Error("boom"));

Deno.test("runPartition() restarts after a defect, releasing resources in reverse, each exactly once", () =>
  virtual(Effect.gen(function* () {
    const events: string[] = [];
    const part = (name: string, start: number) =>
      Effect.acquireRelease(
        Effect.sync(() => void events.push(`+${name}${start}`)),
        () => Effect.sync(() => void events.push(`-${name}${start}`)),
      );
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      resources: ({ start }) => Effect.as(Effect.andThen(part("x", start), part("y", start)), start),
      receive: ({ n }, { resources }) => {
        events.push(`${n}@${resources}`);
        return n === 1 && resources === 1 ? boom() : Effect.void;
      },
    }));
    one.deliver(notes(3));
    yield* turns;
    assertEquals(events, ["+x1", "+y1", "0@1", "1@1", "-y1", "-x1"]);
    yield* advance(130);
    assertEquals(events.slice(6), ["+x2", "+y2", "1@2", "2@2"]);
    assertEquals([one.partition.position, one.counters.restarts], [3, 1]);
    one.partition.drain();
    yield* Fiber.join(one.fiber);
    assertEquals(events.slice(10), ["-y2", "-x2"]);
  })));

Deno.test("runPartition() disposes of values and promises of values, once", () =>
  virtual(Effect.gen(function* () {
    const events: string[] = [];
    const held = (name: string) => ({ [Symbol.dispose]: () => void events.push(`dispose ${name}`) });
    const later = {
      [Symbol.asyncDispose]: () => Promise.resolve().then(() => void events.push("dispose later")),
    };
    const forms: Array<() => unknown> = [() => held("plain"), () => Promise.resolve(held("promised")), () => later];
    for (const resources of forms) {
      const one = yield* open(actor({ name: "a", receives: [Note], resources, receive: () => {} }));
      one.deliver(notes(1));
      yield* turns;
      assertEquals(one.partition.position, 1);
      one.partition.drain();
      yield* Fiber.join(one.fiber);
    }
    assertEquals(events, ["dispose plain", "dispose promised", "dispose later"]);
  })));

Deno.test("runPartition() disposes of a promised resource that comes when nobody waits for it any more", () =>
  virtual(Effect.gen(function* () {
    const events: string[] = [];
    const coming = gate();
    const resource = { [Symbol.dispose]: () => void events.push("disposed") };
    const one = yield* open(
      actor({ name: "a", receives: [Note], resources: () => coming.promise.then(() => resource), receive: () => {} }),
    );
    yield* Fiber.interrupt(one.fiber);
    assertEquals(events, []);
    coming.open();
    yield* turns;
    assertEquals(events, ["disposed"]);
  })));

Deno.test("runPartition() counts a resource that can't be acquired, that throws or interrupts itself, as a defect", () =>
  virtual(Effect.gen(function* () {
    const failing = [
      () => Effect.fail("no database"),
      () => Promise.reject(new Error("no database")),
      () => {
        throw new Error("no database");
      },
      () => Effect.interrupt,
    ];
    for (const resources of failing) {
      let tries = 0;
      const one = yield* open(actor({
        name: "a",
        receives: [Note],
        restart: { max: 2 },
        resources: (incarnation) => {
          tries++;
          assertEquals(incarnation.start, tries);
          return resources() as Effect.Effect<never, string>;
        },
        receive: () => {},
      }));
      const error = yield* Effect.zipWith(
        failureOf(one),
        advance(1_000),
        (error) => error,
        { concurrent: true },
      );
      assert(error instanceof ActorFailed);
      assertEquals(tries, 3);
    }
  })));

Deno.test("runPartition() escalates when the restart intensity is used up, naming where and why", () =>
  virtual(Effect.gen(function* () {
    let calls = 0;
    const one = yield* open(actor({
      name: "billing",
      receives: [Note],
      restart: { max: 3, within: 60_000, initial: 100, killedAfter: 100 },
      receive: () => (calls++, boom()),
    }));
    one.deliver(notes(2));
    yield* advance(2_000);
    const error = yield* failureOf(one);
    assert(error instanceof ActorFailed);
    assertStringIncludes(error.message, "billing on notes/0@0: restarted 3 times within 60000 ms");
    assertStringIncludes(error.message, "boom");
    assertEquals([calls, one.counters.restarts], [4, 3]);
  })));

Deno.test("runPartition() forgets restarts that lie outside the window, and slows down within it", () =>
  virtual(Effect.gen(function* () {
    const at: number[] = [];
    let now = 0;
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      restart: { max: 3, within: 2_000, initial: 100, killedAfter: 1_000 },
      receive: ({ n }) => n >= 0 ? (at.push(now), boom()) : Effect.void,
    }));
    one.deliver(notes(1));
    for (; now < 1_000; now += 5) yield* advance(5);
    assert(ended(one), "100, 200, 400 ms: four defects in less than 2,000 ms");
    const pauses = at.map((time, i) => time - (at[i - 1] ?? 0)).slice(1);
    pauses.forEach((pause, i) => {
      const base = 100 * 2 ** i;
      assert(pause >= base * 0.8 - 5 && pause <= base * 1.2 + 15, `pause ${i} was ${pause}`);
    });

    let calls = 0;
    const slow = yield* open(actor({
      name: "a",
      receives: [Note],
      restart: { max: 3, within: 2_000, initial: 1_000, killedAfter: 1_000 },
      receive: () => (calls++, boom()),
    }));
    slow.deliver(notes(1));
    yield* advance(30_000, 50);
    assert(!ended(slow), "never four within the window");
    assert(calls > 10);
  })));

Deno.test("a record that killed the actor so often becomes a dead letter, and its attempts are counted across restarts", () =>
  virtual(Effect.gen(function* () {
    const attempts: string[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      restart: { killedAfter: 3, max: 5 },
      receive: ({ n }, { attempt }) => {
        attempts.push(`${n}#${attempt}`);
        return n === 1 ? boom() : Effect.void;
      },
    }));
    one.deliver(notes(3));
    yield* advance(2_000);
    assertEquals(attempts, ["0#1", "1#1", "1#2", "1#3", "2#1"]);
    assertEquals(one.partition.position, 1);
    const [{ record }] = one.sender.offered;
    const text = new TextDecoder();
    const headers = new Map(record.headers?.map(([name, value]) => [name, text.decode(value ?? new Uint8Array())]));
    assertEquals(record.topic, "notes.dlt");
    assertEquals([headers.get("dlt-reason"), headers.get("dlt-attempts")], ["killed-actor", "3"]);
    one.sender.settle();
    assertEquals([one.partition.position, one.counters.deadLetters["killed-actor"]], [3, 1]);
    assertEquals(one.counters.restarts, 3);
  })));

Deno.test("deaths that an earlier owner has counted are counted on", () =>
  virtual(Effect.gen(function* () {
    let calls = 0;
    const one = yield* open(
      actor({ name: "a", receives: [Note], receive: () => (calls++, boom()) }),
      { map: { attempts: 2, failures: 0, deaths: 2, resolved: [] } },
    );
    one.deliver(notes(1));
    yield* turns;
    assertEquals(calls, 1);
    const commit = one.partition.uncommitted();
    assert(commit !== null && commit.metadata !== "");
    yield* advance(200);
    assertEquals([calls, one.sender.offered.length], [1, 1]);
  })));

Deno.test("a restart ends no retry count: failures before a defect elsewhere still count", () =>
  virtual(Effect.gen(function* () {
    let calls = 0;
    const crash = gate();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      retry: { ...quick, times: 3 },
      receive: ({ key, n }, { attempt }) => {
        if (key === "fails") {
          calls++;
          return Promise.reject(new Error("always"));
        }
        return n === 1 && attempt === 1 ? crash.promise.then(() => Effect.die("a bug") as never) : undefined;
      },
    }));
    one.deliver([note("fails", 0), note("b", 1)]);
    yield* advance(150);
    assertEquals(calls, 2);
    crash.open();
    yield* advance(1_000);
    assertEquals(one.counters.restarts, 1);
    assertEquals(calls, 4, "four calls in all, three of them retries");
    assertEquals(one.sender.offered.map(({ record }) => record.topic), ["notes.dlt"]);
  })));

Deno.test("a restarted incarnation's predecessor is signalled and fenced, and its late result ignored", () =>
  virtual(Effect.gen(function* () {
    const hangs = gate();
    const signals: AbortSignal[] = [];
    const late: unknown[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ key }, context) => {
        if (key === "bug") return context.attempt === 1 ? boom() : Effect.void;
        signals.push(context.signal);
        context.publish(Echo, `attempt ${context.attempt}`);
        if (context.attempt > 1) return Promise.resolve();
        return hangs.promise.then(() => {
          try {
            context.publish(Echo, "late");
          } catch (error) {
            late.push(error);
          }
        });
      },
    }));
    one.deliver([note("hangs", 0), note("bug", 1)]);
    yield* turns;
    assert(signals[0].aborted);
    yield* advance(200);
    assertEquals(one.sender.values("out"), ['"attempt 2"']);
    hangs.open();
    yield* turns;
    assertEquals(late.map((error) => (error as Error).name), ["ContextFenced"]);
    assertEquals(one.sender.values("out"), ['"attempt 2"']);
    one.sender.settle();
    assertEquals(one.partition.position, 2);
  })));

Deno.test("stop ends the system and leaves the message, and its key, for the next start", () =>
  virtual(Effect.gen(function* () {
    const seen: number[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ n }) => {
        seen.push(n);
        return n === 1 ? Promise.resolve(stop("disk full")) : undefined;
      },
    }));
    one.deliver(notes(4));
    const error = yield* failureOf(one);
    assert(error instanceof ActorFailed);
    assertStringIncludes(error.message, "a on notes/0@1: disk full");
    assertEquals(seen, [0, 1], "nothing of the key is received after it");
    assertEquals([one.partition.position, one.counters.restarts], [1, 0]);
  })));

Deno.test("a defect lets no later message of the key be received before the restart", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ n }, { attempt }) => {
        seen.push(`${n}#${attempt}`);
        return Promise.resolve().then(() => n === 0 && attempt === 1 ? Effect.die("a bug") as never : undefined);
      },
    }));
    one.deliver(notes(3));
    yield* turns;
    assertEquals(seen, ["0#1"]);
    yield* advance(200);
    assertEquals(seen, ["0#1", "0#2", "1#1", "2#1"]);
  })));

Deno.test("fetching that has failed for good ends the system", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({ name: "a", receives: [Note], receive: () => {} }));
    one.partition.failed(new KafkaError(29, "TOPIC_AUTHORIZATION_FAILED", "Fetch", "notes/0@0"));
    const error = yield* failureOf(one);
    assert(error instanceof ActorFailed);
    assertStringIncludes(error.message, "TOPIC_AUTHORIZATION_FAILED");
  })));

Deno.test("an interrupted partition ends at once: what is in flight is signalled, resources are released", () =>
  virtual(Effect.gen(function* () {
    const events: string[] = [];
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      resources: () => ({ [Symbol.dispose]: () => void events.push("released") }),
      receive: (_, context) => {
        context.signal.addEventListener("abort", () => events.push("aborted"));
        return new Promise<void>(() => {});
      },
    }));
    one.deliver(notes(2, ["a", "b"]));
    yield* turns;
    const exit = yield* Effect.andThen(Fiber.interrupt(one.fiber), Fiber.await(one.fiber));
    assert(Exit.hasInterrupts(exit));
    assertEquals(events, ["aborted", "aborted", "released"]);
    assertEquals(one.counters.restarts, 0);
    const commit = one.partition.uncommitted();
    assert(commit !== null && commit.offset === 0 && commit.metadata !== "", "its attempt is told to the next owner");
  })));

Deno.test("drain() finishes what is in flight and leaves what waits, in the mailbox, a lane or a retry", () =>
  virtual(Effect.gen(function* () {
    const seen: string[] = [];
    const hold = gate();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      retry: { ...quick, initial: 60_000 },
      concurrency: 2,
      receive: ({ key, n }) => {
        seen.push(`${key}${n}`);
        if (key === "fails") throw new Error("for now");
        return hold.promise;
      },
    }));
    one.deliver([note("fails", 0), note("a", 1), note("a", 2), note("b", 3), note("c", 4)]);
    yield* turns;
    assertEquals(seen, ["fails0", "a1", "b3"]);
    one.partition.drain();
    yield* turns;
    assert(!ended(one), "two are in flight");
    hold.open();
    yield* turns;
    assert(ended(one), "and no time has passed for the retry");
    assertEquals(seen, ["fails0", "a1", "b3"]);
    const commit = one.partition.uncommitted();
    assertEquals(commit?.offset, 0);
    assertEquals(one.partition.mailbox.records, 3, "0, 2 and 4 are held; nothing else");
    assertEquals(one.fetcher.calls, ["add 0", "remove"]);
    one.partition.drain();
    assertEquals(one.fetcher.calls, ["add 0", "remove"], "a second drain changes nothing");
  })));

Deno.test("drain() of a partition that is paused, or waits for its restart, ends at once", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(
      actor({ name: "a", receives: [Note], restart: { initial: 60_000 }, receive: () => boom() }),
    );
    one.deliver(notes(2));
    yield* turns;
    one.partition.drain();
    yield* turns;
    assert(ended(one));
    assertEquals(one.partition.position, 0);

    const full = yield* open(
      actor({ name: "a", receives: [Note], mailboxCapacity: 2, receive: () => Effect.never }),
    );
    full.deliver(notes(4));
    assert(full.fetcher.paused);
    full.partition.drain();
    yield* turns;
    assertEquals(full.fetcher.calls, ["add 0", "pause", "remove"], "what was let go is not resumed");
    yield* Fiber.interrupt(full.fiber);
  })));

Deno.test("drain() of a partition that never had a record ends at once", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({ name: "a", receives: [Note], receive: () => {} }), { position: 7 });
    one.partition.drain();
    yield* Fiber.join(one.fiber);
    assertEquals(one.partition.position, 7);
    one.partition.deliver(chunkOf({ topic: "notes", partition: 0 }, 7, notes(3)));
    assertEquals(one.partition.mailbox.records, 0);
  })));

Deno.test("a fenced lease ends the partition quietly, and nothing more is received under it", () =>
  virtual(Effect.gen(function* () {
    const seen: number[] = [];
    const one = yield* open(actor({ name: "a", receives: [Note], receive: ({ n }) => void seen.push(n) }));
    one.lease.fence();
    one.deliver(notes(3));
    yield* turns;
    assertEquals(seen, []);
    yield* Fiber.join(one.fiber);
    assertEquals([one.partition.position, one.counters.restarts], [0, 0]);
  })));

Deno.test("uncommitted() has nothing to say before the beginning, and nothing twice", () =>
  virtual(Effect.gen(function* () {
    const counters = makeActorCounters();
    const one = yield* open(
      actor({ name: "a", receives: [Note], receive: ({ n }) => n === 0 ? Effect.never : undefined }),
      { position: 3, counters },
    );
    const fresh = one.partition.uncommitted();
    assertEquals(fresh, { topic: "notes", partition: 0, offset: 3, metadata: "" });
    one.partition.committed(fresh as NonNullable<typeof fresh>);
    assertEquals([one.partition.uncommitted(), one.partition.lastCommitted], [null, 3]);
    one.deliver([note("a", 0), note("b", 1)]);
    yield* turns;
    const map = one.partition.uncommitted();
    assert(map !== null && map.offset === 3 && map.metadata !== "");
  })));
