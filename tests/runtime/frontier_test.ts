import fc from "fast-check";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { Condemned, Frontier, Open, Resolved, Segment, Settled } from "../../src/runtime/frontier.ts";
import { assert, assertEquals } from "../assert.ts";
import { batchBytes, marker } from "../codec/batch_bytes.ts";
import { chunkOf } from "./fake_fetcher.ts";
import { notes } from "./one_partition.ts";

const at = { topic: "t", partition: 0 };

function segmentOf(from: number, count: number, keys?: ReadonlyArray<string>): Segment {
  const chunk = chunkOf(at, from, notes(count, keys));
  return new Segment(decodeRecords(chunk.bytes, chunk), 100, chunk.from, chunk.next);
}

function frontierOf(...counts: number[]): { frontier: Frontier; segments: Segment[] } {
  const frontier = new Frontier(0);
  const segments = counts.map((count) => {
    const segment = segmentOf(frontier.end, count);
    frontier.push(segment);
    segment.cursor = count;
    return segment;
  });
  return { frontier, segments };
}

const runsOf = (frontier: Frontier, ordered = true) =>
  [...frontier.resolvedRuns(ordered)].map(({ from, to }) => [from, to]);

Deno.test("position moves only when the oldest record is resolved, then past all that were", () => {
  const { frontier, segments: [first, second] } = frontierOf(3, 2);
  assertEquals(frontier.position, 0);
  frontier.resolve(first, 1);
  frontier.resolve(second, 0);
  assertEquals(frontier.position, 0);
  frontier.resolve(first, 0);
  assertEquals(frontier.position, 2);
  frontier.resolve(first, 2);
  assertEquals(frontier.position, 4);
  frontier.resolve(second, 1);
  assertEquals(frontier.position, 5);
});

Deno.test("resolve() of a resolved record answers -1 and changes nothing", () => {
  const { frontier, segments: [segment] } = frontierOf(3);
  assertEquals(frontier.resolve(segment, 1), 0);
  assertEquals(frontier.resolve(segment, 1), -1);
  assertEquals(frontier.resolve(segment, 0), 0);
  assertEquals(frontier.resolve(segment, 0), -1);
  assertEquals(segment.remaining, 1);
  assertEquals(frontier.resolve(segment, 2), 100);
  assertEquals(frontier.resolve(segment, 2), -1);
});

Deno.test("push() of a chunk without records moves the end over its offsets", () => {
  const frontier = new Frontier(5);
  const bytes = marker(5, 7n, 1);
  const records = decodeRecords(bytes, { from: 5, aborted: [] });
  frontier.push(new Segment(records, bytes.length, 5, 6));
  assertEquals(frontier.position, 6);
  const hole = batchBytes({ baseOffset: 6, count: 0, lastOffsetDelta: 9, section: new Uint8Array() });
  frontier.push(new Segment(decodeRecords(hole, { from: 6, aborted: [] }), 61, 6, 16));
  assertEquals(frontier.position, 16);
});

Deno.test("resolve() frees a chunk's bytes when its last record is resolved, wherever it stands", () => {
  const { frontier, segments: [first, second, third] } = frontierOf(2, 1, 1);
  assertEquals(frontier.resolve(second, 0), 100);
  assertEquals([...frontier.segments()].length, 2);
  assertEquals(frontier.resolve(third, 0), 100);
  assertEquals(frontier.resolve(first, 1), 0);
  assertEquals(runsOf(frontier), [[1, 4]]);
  assertEquals(frontier.resolve(first, 0), 100);
  assertEquals(frontier.position, 4);
});

Deno.test("resolve() keeps a chunk behind a settled record until that is acknowledged", () => {
  const { frontier, segments: [first, second] } = frontierOf(2, 1);
  first.mark(0, Settled);
  assertEquals(frontier.resolve(second, 0), 0);
  assertEquals(frontier.resolve(first, 0), 100, "the second chunk is free now");
  assertEquals(frontier.resolve(first, 1), 100);
});

Deno.test("resolve() frees chunks behind a dead letter that is under way", () => {
  const { frontier, segments: [first, second] } = frontierOf(2, 1);
  first.mark(0, Condemned);
  assertEquals(frontier.resolve(second, 0), 100);
});

Deno.test("reopen() opens what must follow, also what is resolved and below a later chunk's head", () => {
  const { frontier, segments: [first, second, third] } = frontierOf(2, 3, 1);
  first.mark(1, Settled);
  frontier.resolve(first, 0);
  for (let i = 0; i < 3; i++) frontier.resolve(second, i);
  third.mark(0, Settled);
  const even = (segment: Segment, index: number) => segment.records.offset(index) % 2 === 0;
  assertEquals(frontier.reopen(first, 1, even), { unacknowledged: 1, resolved: 2, bytes: 0 });
  assertEquals([0, 1].map((i) => first.state(i)), [Resolved, Open]);
  assertEquals([0, 1, 2].map((i) => second.state(i)), [Open, Resolved, Open]);
  assertEquals(third.state(0), Settled);
  assertEquals(second.remaining, 2);
  assertEquals(runsOf(frontier), [[3, 4]]);
  frontier.resolve(first, 1);
  assertEquals(frontier.position, 2);
  frontier.resolve(second, 0);
  assertEquals(frontier.position, 4, "past the one that stayed resolved");
});

Deno.test("reopen() leaves records alone that were not taken up yet, and dead letters under way", () => {
  const { frontier, segments: [first, second] } = frontierOf(3, 2);
  first.mark(0, Settled);
  first.mark(1, Condemned);
  second.cursor = 1;
  assertEquals(frontier.reopen(first, 0, () => true), { unacknowledged: 1, resolved: 0, bytes: 0 });
  assertEquals(first.state(1), Condemned);
  assertEquals(second.round(1), 0);
});

Deno.test("round() tells how often a record was opened again", () => {
  const { frontier, segments: [segment] } = frontierOf(2);
  assertEquals(segment.round(0), 0);
  segment.mark(0, Settled);
  frontier.reopen(segment, 0, () => true);
  frontier.reopen(segment, 0, () => true);
  assertEquals(segment.round(0), 1, "an open record is not opened again");
  assertEquals(segment.round(1), 0);
});

Deno.test("resolvedRuns() is empty as long as records are resolved in order", () => {
  const { frontier, segments: [first, second] } = frontierOf(3, 3);
  for (let i = 0; i < 3; i++) {
    frontier.resolve(first, i);
    assertEquals(runsOf(frontier), []);
  }
  frontier.resolve(second, 0);
  assertEquals(runsOf(frontier), []);
});

Deno.test("resolvedRuns() of ordered records ends before the first that is settled only", () => {
  const { frontier, segments: [first, second] } = frontierOf(4, 3);
  frontier.resolve(first, 1);
  first.mark(2, Condemned);
  frontier.resolve(first, 3);
  second.mark(1, Settled);
  frontier.resolve(second, 0);
  frontier.resolve(second, 2);
  assertEquals(runsOf(frontier), [[1, 2], [3, 5]]);
  assertEquals(runsOf(frontier, false), [[1, 2], [3, 5], [6, 7]]);
});

/** What may happen to a record of a model frontier. */
const step = fc.record({
  record: fc.nat(199),
  act: fc.constantFrom("resolve", "resolve", "settle", "condemn", "reopen"),
});

Deno.test("property: the position never passes an unresolved record, runs name the resolved ones, bytes are freed once", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 20 }),
    fc.array(step, { minLength: 20, maxLength: 200 }),
    (counts, steps) => {
      const frontier = new Frontier(0);
      const states: number[] = [];
      const places: Array<readonly [Segment, number]> = [];
      for (const count of counts.filter((count) => count > 0)) {
        const segment = segmentOf(frontier.end, count, ["a", "b", "c"]);
        segment.cursor = count;
        frontier.push(segment);
        for (let i = 0; i < count; i++) {
          places.push([segment, i]);
          states.push(Open);
        }
      }
      const segments = [...new Set(places.map(([segment]) => segment))];
      let freed = 0;
      for (const { record, act } of steps) {
        const at = record % Math.max(1, places.length);
        if (places.length === 0) break;
        const [segment, index] = places[at];
        const key = segment.records.keyId(index);
        // Nothing becomes of a record before something became of the earlier ones of its key.
        if (places.some(([s, i], n) => n < at && states[n] === Open && s.records.keyId(i) === key)) continue;
        if (act === "resolve") {
          const bytes = frontier.resolve(segment, index);
          assertEquals(bytes === -1, states[at] === Resolved);
          freed += Math.max(0, bytes);
          states[at] = Resolved;
        } else if (act === "settle" || act === "condemn") {
          if (states[at] !== Open) continue;
          segment.mark(index, states[at] = act === "settle" ? Settled : Condemned);
        } else if (states[at] === Settled) {
          freed += frontier.reopen(segment, index, (s, i) => s.records.keyId(i) === key).bytes;
          states[at] = Open;
          places.forEach(([s, i], later) => {
            const reopens = states[later] === Resolved || states[later] === Settled;
            if (later > at && reopens && s.records.keyId(i) === key) states[later] = Open;
          });
        }
        places.forEach(([s, i], n) => assertEquals(s.state(i), states[n]));
        const oldest = states.findIndex((state) => state !== Resolved);
        assertEquals(frontier.position, oldest < 0 ? places.length : oldest);
        const named = new Set<number>();
        let last = frontier.position;
        for (const { from, to } of frontier.resolvedRuns(false)) {
          assert(from > last && to > from, "runs are in order, apart, and above the position");
          last = to;
          for (let offset = from; offset < to; offset++) named.add(offset);
        }
        states.forEach((state, n) => assertEquals(named.has(n), n > frontier.position && state === Resolved));
        for (const s of segments) {
          assertEquals(s.remaining, places.filter(([other], n) => other === s && states[n] !== Resolved).length);
        }
        const needed = segments.filter(({ remaining }) => remaining > 0).length;
        assert(freed <= (segments.length - needed) * 100);
        if (!states.includes(Settled)) assertEquals(freed, (segments.length - needed) * 100);
      }
    },
  ));
});
