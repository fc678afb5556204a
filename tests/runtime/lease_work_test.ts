/** An actor at work under a lease: what begins while it is in doubt whose a partition is, and what handlers are told. */
import { Clock, Effect, type Scope } from "effect";
import { actor } from "../../src/actor.ts";
import { renew } from "../../src/client/group/group_deadline.ts";
import type { Lease } from "../../src/context.ts";
import { LeaseLost } from "../../src/errors.ts";
import { monotonicMs } from "../../src/fiber/monotonic.ts";
import { assert, assertEquals } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { type FrozenClock, frozenClock } from "./frozen_clock.ts";
import { Echo, ended, gate, Note, note, notes, type OnePartition, open, turns } from "./one_partition.ts";

const quick = { initial: 100, factor: 1, jitter: false, times: 3 };
const session = 1_000;

/** The group counts the member in, from now on for a session. */
function beat({ membership }: OnePartition, clock: Clock.Clock): void {
  membership.deadline = -Infinity; // a test's begins without end
  renew(membership, monotonicMs(clock) + session);
}

/** An actor in a process that can be frozen. */
interface Process extends FrozenClock {
  readonly start: typeof open;
}

function frozen(body: (process: Process) => Effect.Effect<void, unknown, Scope.Scope>): Promise<void> {
  return virtual(Effect.gen(function* () {
    const process = frozenClock(yield* Clock.Clock);
    const start: typeof open = (definition) => Effect.provideService(open(definition), Clock.Clock, process.clock);
    yield* body({ ...process, start });
  }));
}

/** Keys of their own for `count` messages. */
function apart(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${i}`);
}

Deno.test("nothing is taken up while a lease is in doubt; it goes on with its renewal, at once", () =>
  virtual(Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const seen: number[] = [];
    const one = yield* open(actor({ name: "a", receives: [Note], receive: ({ n }) => void seen.push(n) }));
    one.membership.deadline = monotonicMs(clock) + session;
    one.deliver(notes(2));
    yield* turns;
    yield* advance(session);
    one.deliver(notes(300, ["a", "b"], 2));
    yield* turns;
    assertEquals(seen, [0, 1]);
    assertEquals(one.partition.standing(), null, "it waits as it should");
    yield* advance(60_000, 1_000);
    assertEquals([seen.length, ended(one)], [2, false]);
    beat(one, clock);
    yield* turns;
    assertEquals(seen, Array.from({ length: 302 }, (_, i) => i));
  })));

Deno.test("a process that is frozen between two messages begins a few of the quick ones when it wakes up, and no more", () =>
  frozen(({ clock, freeze, start }) =>
    Effect.gen(function* () {
      const seen: number[] = [];
      const one = yield* start(actor({
        name: "a",
        receives: [Note],
        receive: ({ n }) => {
          seen.push(n);
          if (n === 100) freeze(2 * session);
        },
      }));
      beat(one, clock);
      one.deliver(notes(5_000));
      yield* turns;
      assert(seen.length > 100 && seen.length <= 117, `${seen.length} begun`);
      yield* advance(5_000, 100);
      assert(seen.length <= 117, `${seen.length} begun`);
      beat(one, clock);
      yield* turns;
      assertEquals(seen, Array.from({ length: 5_000 }, (_, i) => i));
    })
  ));

Deno.test("slow handlers are looked at one by one: no message begins after the one that blocked the process", () =>
  frozen(({ clock, freeze, start }) =>
    Effect.gen(function* () {
      const seen: number[] = [];
      const one = yield* start(actor({
        name: "a",
        receives: [Note],
        receive: ({ n }) => {
          seen.push(n);
          freeze(n === 10 ? 2 * session : 1);
        },
      }));
      beat(one, clock);
      one.deliver(notes(50));
      yield* turns;
      assertEquals(seen.at(-1), 10);
    })
  ));

Deno.test("a batch is not taken up either", () =>
  frozen(({ clock, freeze, start }) =>
    Effect.gen(function* () {
      const seen: number[] = [];
      const one = yield* start(actor({
        name: "a",
        receives: [Note],
        batchSize: 3,
        receiveBatch: (batch) => {
          seen.push(batch.length);
          if (seen.length === 2) freeze(2 * session);
        },
      }));
      beat(one, clock);
      one.deliver(notes(9));
      yield* turns;
      assertEquals(seen, [3, 3]);
      beat(one, clock);
      yield* turns;
      assertEquals(seen, [3, 3, 3]);
    })
  ));

Deno.test("a retry, and what waits behind it, does not begin while the lease is in doubt", () =>
  frozen(({ clock, freeze, start }) =>
    Effect.gen(function* () {
      const seen: string[] = [];
      const one = yield* start(actor({
        name: "a",
        receives: [Note],
        retry: quick,
        receive: ({ n }, { attempt }) => {
          seen.push(`${n}#${attempt}`);
          if (n === 0 && attempt === 1) throw new Error("not yet");
        },
      }));
      beat(one, clock);
      one.deliver(notes(3));
      yield* turns;
      assertEquals(seen, ["0#1"]);
      freeze(2 * session);
      yield* advance(5_000, 100);
      assertEquals(seen, ["0#1"]);
      beat(one, clock);
      yield* turns;
      assertEquals(seen, ["0#1", "0#2", "1#1", "2#1"]);
      assertEquals([one.counters.failed, one.partition.position], [1, 3]);
    })
  ));

Deno.test("what waits behind a Promise of its key does not begin while the lease is in doubt, and a drain does not wait for it", () =>
  frozen(({ clock, freeze, start }) =>
    Effect.gen(function* () {
      for (const renewed of [true, false]) {
        const hold = gate();
        const seen: number[] = [];
        const one = yield* start(actor({
          name: "a",
          receives: [Note],
          receive: ({ n }) => {
            seen.push(n);
            if (n === 0) return hold.promise;
          },
        }));
        beat(one, clock);
        one.deliver(notes(2));
        yield* turns;
        freeze(2 * session);
        hold.open();
        yield* turns;
        assertEquals([seen, one.partition.position], [[0], 1]);
        if (renewed) beat(one, clock);
        else one.partition.drain();
        yield* turns;
        assertEquals([seen, ended(one)], renewed ? [[0, 1], false] : [[0], true]);
      }
    })
  ));

Deno.test("what a handler published before the process was frozen goes under its lease, also a dead letter", () =>
  frozen(({ clock, freeze, start }) =>
    Effect.gen(function* () {
      const one = yield* start(actor({
        name: "a",
        receives: [Note],
        retry: { times: 0 },
        receive: ({ n }, context) => {
          freeze(2 * session);
          if (n === 1) throw new Error("never");
          context.publish(Echo, "late");
        },
      }));
      for (const n of [0, 1]) {
        beat(one, clock);
        one.deliver([note("a", n)]);
        yield* turns;
      }
      assertEquals(one.sender.offered.map(({ record }) => record.topic), ["out", "notes.dlt"]);
      for (const { lease } of one.sender.offered) assertEquals(lease?.state(monotonicMs(clock)), "expired");
    })
  ));

/** What a handler does: in time at its second attempt. */
type Look = (lease: Lease, late: () => void) => unknown;

const looks: ReadonlyArray<readonly [name: string, look: Look]> = [
  ["a plain function", (lease, late) => {
    late();
    lease.ensure();
  }],
  ["an async function", async (lease, late) => {
    await Promise.resolve();
    late();
    lease.ensure();
  }],
  ["an Effect that dies of it", (lease, late) =>
    Effect.gen(function* () {
      yield* Effect.yieldNow;
      late();
      lease.ensure();
    })],
  ["an Effect that fails with it", (lease, late) =>
    Effect.suspend(() => {
      late();
      return Effect.try({ try: lease.ensure, catch: (error) => error as LeaseLost });
    })],
];

for (const [name, look] of looks) {
  Deno.test(`a handler that finds its lease out of date is no failure, and is called again when it is renewed: ${name}`, () =>
    frozen(({ clock, freeze, start }) =>
      Effect.gen(function* () {
        const seen: string[] = [];
        const effects: number[] = [];
        const one = yield* start(actor({
          name: "a",
          receives: [Note],
          retry: { times: 0 },
          receive: ({ n }, { lease, attempt }) => {
            seen.push(`${n}#${attempt}`);
            const late = () => seen.length === 1 && freeze(2 * session);
            const looked = look(lease, () => void late());
            const then = () => void effects.push(n);
            if (Effect.isEffect(looked)) return Effect.map(looked as Effect.Effect<unknown, unknown>, then);
            return looked instanceof Promise ? looked.then(then) : then();
          },
        }));
        beat(one, clock);
        one.deliver(notes(2));
        yield* advance(2_000, 50);
        assertEquals([seen.length, effects], [1, []]);
        beat(one, clock);
        yield* advance(100);
        assertEquals([effects, one.counters.failed, one.counters.restarts], [[0, 1], 0, 0]);
        assertEquals([one.sender.offered.length, one.partition.position], [0, 2]);
      })
    ));
}

Deno.test("LeaseLost thrown although the lease is held is a failure like any other", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      retry: { times: 1, initial: 100 },
      receive: () => {
        throw new LeaseLost("elsewhere", 0, 1);
      },
    }));
    one.deliver(notes(1));
    yield* advance(1_000);
    assertEquals([one.counters.failed, one.sender.offered.map(({ record }) => record.topic)], [2, ["notes.dlt"]]);
  })));

Deno.test("a handler whose lease is fenced leaves its message to the next owner", () =>
  virtual(Effect.gen(function* () {
    const hold = gate();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      retry: { times: 0 },
      receive: async (_, { lease }) => {
        await hold.promise;
        lease.ensure();
      },
    }));
    one.deliver(notes(1, apart(1)));
    yield* turns;
    one.lease.fence();
    hold.open();
    yield* turns;
    assertEquals([one.counters.failed, one.sender.offered.length, one.partition.position], [0, 0, 0]);
  })));
