/** Key lanes: beside a plain list of who is behind whom, and at work in a partition. */
import { Effect } from "effect";
import fc from "fast-check";
import { actor, type Order } from "../../src/actor.ts";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { Segment } from "../../src/runtime/frontier.ts";
import type { Lane } from "../../src/runtime/lane.ts";
import { Lanes } from "../../src/runtime/lanes.ts";
import type { Item } from "../../src/runtime/partition.ts";
import { assert, assertEquals } from "../assert.ts";
import { batchBytes } from "../codec/batch_bytes.ts";
import { advance, virtual } from "../client/virtual.ts";
import { ended, Note, notes, open, turns } from "./one_partition.ts";

/** Null is not empty, and bytes that are no text are themselves. */
const keys = [null, "", "a", "b", new Uint8Array([0xc3, 0xa9]), new Uint8Array([0xff]), "\u0000"];
const spelled = keys.map((key) =>
  key === null ? "null" : String([...typeof key === "string" ? new TextEncoder().encode(key) : key])
);
const orders: ReadonlyArray<Order> = ["key", "partition", "none"];

/** What is behind what, by the model: one list per lane, of the number of each record. */
interface Model {
  readonly order: Order;
  readonly lanes: Map<string, { readonly lane: Lane; readonly parked: number[] }>;
  next: number;
}

interface Real {
  readonly lanes: Lanes;
  readonly items: ReadonlyArray<Item>;
  readonly keys: ReadonlyArray<number>;
}

/** In which lane a record belongs. */
function laneOf({ order }: Model, { keys }: Real, n: number): string {
  return order === "key" ? spelled[keys[n]] : order === "partition" ? "one" : `alone ${n}`;
}

function look(model: Model, real: Real): void {
  assertEquals(real.lanes.size, model.lanes.size);
  for (const [n, item] of real.items.entries()) {
    const expected = model.lanes.get(laneOf(model, real, n));
    assert(real.lanes.of(item) === expected?.lane, `the lane of ${n}`);
  }
  for (const { lane, parked } of model.lanes.values()) {
    assertEquals(lane.parked.map(({ item }) => real.items.indexOf(item)), parked);
  }
}

/** The next record is taken up: it goes behind the one of its key, or opens a lane if it has to wait. */
class Arrive implements fc.Command<Model, Real> {
  constructor(readonly waits: boolean, readonly pause: boolean) {}
  check = (model: Readonly<Model>) => model.next < 40;
  run(model: Model, real: Real): void {
    const n = model.next++;
    const item = real.items[n];
    const name = laneOf(model, real, n);
    const there = model.lanes.get(name);
    assertEquals(real.lanes.park(item), there !== undefined);
    there?.parked.push(n);
    if (there === undefined && this.waits) {
      const lane = real.lanes.open(item, this.pause ? { pause: 5 } : {});
      assertEquals([lane.retries, lane.waits, lane.parked.length], [this.pause, null, 0]);
      model.lanes.set(name, { lane, parked: [] });
    }
    look(model, real);
  }
  toString = () => this.waits ? "arrive and wait" : "arrive";
}

/** A lane goes on to the record behind, or closes. */
class Settle implements fc.Command<Model, Real> {
  constructor(readonly choice: number) {}
  check = (model: Readonly<Model>) => model.lanes.size > 0;
  run(model: Model, real: Real): void {
    const [name, { lane, parked }] = [...model.lanes][this.choice % model.lanes.size];
    const next = lane.parked.shift();
    assertEquals(next === undefined ? undefined : real.items.indexOf(next.item), parked.shift());
    if (next === undefined) {
      real.lanes.close(lane);
      model.lanes.delete(name);
    }
    look(model, real);
  }
  toString = () => `settle(${this.choice})`;
}

Deno.test("property: Lanes has one lane per key, partition or record, and gives each what was parked in it, in order", () => {
  const commands = fc.commands<Model, Real>([
    fc.tuple(fc.boolean(), fc.boolean()).map(([waits, pause]) => new Arrive(waits, pause)),
    fc.nat(9).map((choice) => new Settle(choice)),
  ], { maxCommands: 60, size: "max" });
  const choices = fc.array(fc.nat(keys.length - 1), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(
      fc.constantFrom(...orders),
      choices,
      fc.integer({ min: 1, max: 39 }),
      commands,
      (order, choices, cut, c) => {
        // Two segments: a record's lane does not depend on the chunk it stands in.
        const segments = [choices.slice(0, cut), choices.slice(cut)].map((part) => {
          const bytes = batchBytes({ records: part.map((choice) => ({ key: keys[choice] })) });
          return new Segment(decodeRecords(bytes, { from: 0, aborted: [] }), bytes.length, 0, part.length);
        });
        const items = choices.map((_, n): Item =>
          n < cut ? { segment: segments[0], index: n } : { segment: segments[1], index: n - cut }
        );
        fc.modelRun(() => ({
          model: { order, lanes: new Map(), next: 0 },
          real: { lanes: new Lanes(order), items, keys: choices },
        }), c);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("property: a partition has no more messages in hand than its concurrency, and no two of one lane", () => {
  const call = fc.record({
    how: fc.constantFrom("at once", "async", "effect", "fails"),
    ms: fc.integer({ min: 1, max: 30 }),
  });
  const scenario = fc.record({
    order: fc.constantFrom(...orders),
    concurrency: fc.integer({ min: 1, max: 4 }),
    chunks: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
    keys: fc.subarray(["a", "b", "c", "d"], { minLength: 1 }),
    calls: fc.array(call, { minLength: 24, maxLength: 24 }),
  });
  return fc.assert(
    fc.asyncProperty(scenario, ({ order, concurrency, chunks, keys, calls }) =>
      virtual(Effect.gen(function* () {
        const count = chunks.reduce((sum, size) => sum + size, 0);
        const inHand = new Map<number, string>();
        const failed = new Set<number>();
        const done: Array<{ readonly key: string; readonly n: number }> = [];
        /** An assertion in `receive` would only be a failure that is retried. */
        const wrong: string[] = [];
        const one = yield* open(actor({
          name: "a",
          receives: [Note],
          order,
          concurrency,
          retry: { initial: 10, jitter: false, factor: 1, times: 3 },
          receive: ({ key, n }) => {
            if (order === "key" && [...inHand.values()].includes(key)) wrong.push(`two of ${key} in hand`);
            if (order === "partition" && inHand.size > 0) wrong.push("two in hand");
            inHand.set(n, key);
            if (inHand.size > concurrency) wrong.push(`${inHand.size} in hand`);
            const end = (failure: boolean) => {
              inHand.delete(n);
              if (failure) failed.add(n);
              else done.push({ key, n });
            };
            const { how, ms } = calls[n];
            if (how === "at once") return end(false);
            const wait = Effect.sleep(ms);
            if (how === "effect") return Effect.map(wait, () => end(false));
            if (how === "async") return Promise.resolve().then(() => end(false));
            return Effect.flatMap(wait, () => {
              const again = failed.has(n);
              end(!again);
              return again ? Effect.void : Effect.fail("once");
            });
          },
        }));
        let first = 0;
        for (const size of chunks) {
          one.deliver(notes(size, keys, first));
          first += size;
          yield* advance(7);
        }
        for (let i = 0; i < 500 && one.partition.position < count; i++) yield* advance(10);
        assertEquals(wrong, []);
        assertEquals(one.partition.position, count, "all is done");
        assertEquals(done.map(({ n }) => n).toSorted((a, b) => a - b), Array.from({ length: count }, (_, n) => n));
        const inOrder = (list: ReadonlyArray<{ n: number }>) => list.every(({ n }, i) => i === 0 || list[i - 1].n < n);
        if (order === "partition") assert(inOrder(done));
        if (order === "key") keys.forEach((key) => assert(inOrder(done.filter((each) => each.key === key)), key));
        one.partition.drain();
        yield* turns;
        assert(ended(one));
      }))),
    { numRuns: 60 },
  );
});
