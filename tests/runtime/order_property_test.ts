/**
 * Random outcomes, random chunks, random answers of the sender: order per key, no loss and exact accounting.
 */
import { Effect, Fiber } from "effect";
import fc from "fast-check";
import { actor } from "../../src/actor.ts";
import { retryAfter, skip } from "../../src/outcome.ts";
import { decodeOffsetMap } from "../../src/runtime/offset_map.ts";
import { assert, assertEquals } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { publishError } from "./fake_sender.ts";
import { Echo, ended, Note, notes, type OnePartition, open, turns } from "./one_partition.ts";

const keys = ["a", "b", "c"];

/** How one call of `receive` goes. Each that succeeds publishes. */
const act = ["publish", "publish", "async", "effect", "throw", "reject", "fail", "retryAfter", "hang"];
const calm = fc.constantFrom("done", "skip", ...act);
// Received again after it had succeeded, a message must publish again: so all do.
const stormy = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...act) },
  { weight: 1, arbitrary: fc.constant("die") },
);

interface Scenario {
  readonly chunks: ReadonlyArray<number>;
  /** By record: how its calls go; the last one succeeds. */
  readonly script: ReadonlyArray<ReadonlyArray<string>>;
  readonly concurrency: number;
  readonly capacity: number;
  /** By publication: whether it fails for good at first. */
  readonly failures: ReadonlyArray<boolean>;
}

const scenario = (call: fc.Arbitrary<string>, failure: fc.Arbitrary<boolean>): fc.Arbitrary<Scenario> =>
  fc.record({
    chunks: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
    script: fc.array(fc.array(call, { maxLength: 3 }), { minLength: 25, maxLength: 25 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    capacity: fc.constantFrom(1, 2, Infinity),
    failures: fc.array(failure, { minLength: 60, maxLength: 60 }),
  });

interface Run {
  /** Calls of `receive`: key, number, and whether that call was to succeed. */
  readonly calls: Array<{ readonly key: string; readonly n: number; readonly last: boolean }>;
  /** What was acknowledged, in order. */
  readonly log: Array<{ readonly key: string; readonly n: number }>;
  readonly count: number;
  readonly one: OnePartition;
}

function perform(act: string): unknown {
  switch (act) {
    case "async":
      return Promise.resolve().then(() => {});
    case "effect":
      return Effect.sleep(7);
    case "skip":
      return skip();
    case "throw":
      throw new Error("thrown");
    case "reject":
      return Promise.reject(new Error("rejected"));
    case "fail":
      return Effect.andThen(Effect.sleep(3), Effect.fail("failed"));
    case "retryAfter":
      return retryAfter(15);
    case "hang":
      return new Promise<void>(() => {});
    case "die":
      return Effect.andThen(Effect.sleep(2), Effect.die(new Error("died")));
  }
}

const run = (s: Scenario): Promise<Run> =>
  virtual(Effect.gen(function* () {
    const calls: Run["calls"] = [];
    const made = new Map<number, number>();
    const skipped = new Set<number>();
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      concurrency: s.concurrency,
      receiveTimeout: 50,
      retry: { initial: 20, jitter: true, times: 20, max: 40 },
      restart: { max: 1_000, within: 40, initial: 10, killedAfter: 1_000 },
      receive: ({ key, n }, context) => {
        const script = s.script[n];
        const at = made.get(n) ?? 0;
        made.set(n, at + 1);
        const act = script[at] ?? "publish";
        const last = act === "done" || act === "publish" || act === "async" || act === "effect" || act === "skip";
        calls.push({ key, n, last });
        if (act === "skip" || act === "done") skipped.add(n);
        else context.publish(Echo, JSON.stringify({ key, n }), { key });
        return perform(act);
      },
    }));
    one.sender.capacity = s.capacity;
    const log: Run["log"] = [];
    let publication = 0;
    const answer = () => {
      const next = one.sender.waiting[0];
      if (next === undefined) return;
      const { key, n } = JSON.parse(JSON.parse(String(next.record.value)));
      const failed = s.failures[publication++] ?? false;
      if (!failed) log.push({ key, n });
      one.sender.settle(failed ? publishError("DELIVERY_TIMEOUT") : null, (record) => record === next.record);
    };
    let count = 0;
    for (const size of s.chunks) {
      one.deliver(notes(size, keys, count).map((each, i) => ({ ...each, ...at(count + i) })));
      count += size;
      yield* advance(10);
      answer();
    }
    for (let i = 0; i < 2_000 && one.partition.position < count; i++) {
      yield* advance(5);
      answer();
    }
    yield* turns;
    assertEquals(one.partition.position, count, "everything is resolved in the end");
    assertEquals([one.partition.mailbox.records, one.partition.mailbox.bytes], [0, 0]);
    assertEquals(one.partition.unacknowledged, 0);
    for (let n = 0; n < count; n++) {
      assert(skipped.has(n) || log.some((each) => each.n === n), `${n} was published and acknowledged`);
    }
    one.partition.drain();
    yield* turns;
    assert(ended(one));
    return { calls, log, count, one };
  }));

/** The key goes by the record's number, whatever chunk it stands in. */
function at(n: number): { key: string; value: string } {
  const key = keys[(n * 7) % 3];
  return { key, value: JSON.stringify({ key, n }) };
}

Deno.test("property: order per key holds through retries, waits and time-outs; nothing is published twice", async () => {
  await fc.assert(
    fc.asyncProperty(scenario(calm, fc.constant(false)), async (s) => {
      const { calls, log } = await run(s);
      for (const key of keys) {
        let previous: Run["calls"][number] | undefined;
        for (const call of calls.filter((each) => each.key === key)) {
          if (previous !== undefined) {
            if (previous.last) assert(call.n > previous.n, `${call.n} after ${previous.n}, which had succeeded`);
            else assertEquals(call.n, previous.n, "the one that failed comes again first");
          }
          previous = call;
        }
        const published = log.filter((each) => each.key === key).map(({ n }) => n);
        assertEquals(published, [...new Set(published)].toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 120 },
  );
});

Deno.test("property: through restarts and failed publishes nothing is lost, and each key's last word is in order", async () => {
  const failure = fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
  await fc.assert(
    fc.asyncProperty(scenario(stormy, failure), async (s) => {
      const { calls, log } = await run(s);
      for (const key of keys) {
        const published = log.filter((each) => each.key === key).map(({ n }) => n);
        const lasts = published.filter((n, i) => published.lastIndexOf(n) === i);
        assertEquals(lasts, lasts.toSorted((a, b) => a - b), "what a compacted reader sees is in order");
        const firsts = calls.filter((each) => each.key === key).map(({ n }) => n);
        const begun = firsts.filter((n, i) => firsts.indexOf(n) === i);
        assertEquals(begun, begun.toSorted((a, b) => a - b), "no message is begun before an earlier one of its key");
      }
    }),
    { numRuns: 120 },
  );
});

Deno.test("property: from owner to owner nothing is lost, and each key's order holds", async () => {
  const stages = fc.record({
    /** Milliseconds until each owner but the last is told to let go, and until it has to. */
    owners: fc.array(fc.record({ works: fc.integer({ min: 1, max: 12 }), drains: fc.integer({ min: 0, max: 4 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
    count: fc.integer({ min: 1, max: 25 }),
    script: fc.array(fc.array(fc.constantFrom(...act), { maxLength: 3 }), { minLength: 25, maxLength: 25 }),
    /** Every how many turns the sender acknowledges, and which key it is slow with. */
    slow: fc.constantFrom(...keys),
    acknowledges: fc.integer({ min: 1, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(stages, ({ owners, count, script, slow, acknowledges }) =>
      virtual(Effect.gen(function* () {
        const made = new Map<number, number>();
        const begun: number[] = [];
        const log: Array<{ readonly key: string; readonly n: number }> = [];
        const definition = actor({
          name: "a",
          receives: [Note],
          receiveTimeout: 20,
          retry: { initial: 10, jitter: false, factor: 1, times: 20 },
          receive: ({ key, n }, context) => {
            const call = made.get(n) ?? 0;
            made.set(n, call + 1);
            begun.push(n);
            context.publish(Echo, JSON.stringify({ key, n }), { key });
            return perform(script[n][call] ?? "publish");
          },
        });
        let commit = { offset: 0, metadata: "" };
        let turn = 0;
        const acknowledge = (one: OnePartition) =>
          one.sender.settle(null, ({ key, value }) => {
            const acks = turn % acknowledges === 0 && (key !== slow || turn % (5 * acknowledges) === 0);
            if (acks) log.push(JSON.parse(JSON.parse(String(value))));
            return acks;
          });
        const last = { works: 1_000, drains: 100 };
        for (const { works, drains } of [...owners, last]) {
          const map = decodeOffsetMap(commit.offset, commit.metadata);
          const one = yield* open(definition, { position: commit.offset, map });
          const rest = Array.from({ length: count }, (_, n) => at(n)).slice(commit.offset);
          if (rest.length > 0) one.deliver(rest);
          for (let i = 0; i < works && one.partition.position < count; i++, turn++) {
            yield* advance(5);
            acknowledge(one);
          }
          one.partition.drain();
          for (let i = 0; i < drains && !ended(one); i++, turn++) {
            yield* advance(5);
            acknowledge(one);
          }
          yield* Fiber.interrupt(one.fiber);
          const next = one.partition.uncommitted();
          if (next !== null) commit = next;
          one.lease.fence();
          one.sender.settle(one.lease.lost());
        }
        assertEquals(commit.offset, count);
        for (let n = 0; n < count; n++) assert(log.some((each) => each.n === n), `${n} was acknowledged`);
        for (const key of keys) {
          const published = log.filter((each) => each.key === key).map(({ n }) => n);
          const lasts = published.filter((n, i) => published.lastIndexOf(n) === i);
          assertEquals(lasts, lasts.toSorted((a, b) => a - b));
          const firsts = begun.filter((n, i) => at(n).key === key && begun.indexOf(n) === i);
          assertEquals(firsts, firsts.toSorted((a, b) => a - b));
        }
      }))),
    { numRuns: 120 },
  );
});
