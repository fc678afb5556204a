/** A frontier beside a plain list of offsets, through everything that may happen to a partition's records. */
import fc from "fast-check";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { Condemned, Frontier, Open, Resolved, Segment, Settled } from "../../src/runtime/frontier.ts";
import { decodeOffsetMap, encodeOffsetMap } from "../../src/runtime/offset_map.ts";
import { assert, assertEquals } from "../assert.ts";
import { batchBytes } from "../codec/batch_bytes.ts";

/** One record of the model. */
interface Place {
  readonly segment: Segment;
  readonly index: number;
  readonly offset: number;
  readonly key: string;
  state: number;
  rounds: number;
  /** Whether it was taken up: only then anything becomes of it. */
  taken: boolean;
}

/** The model: every record there ever was. */
class Model {
  readonly places: Place[] = [];
  readonly segments: Segment[] = [];
  /** Those that need not be held any more. */
  readonly given = new Set<Segment>();
  end: number;
  freed = 0;

  constructor(readonly start: number) {
    this.end = start;
  }

  of(segment: Segment): Place[] {
    return this.places.filter((place) => place.segment === segment);
  }

  /** Those of which something may become now, the oldest first. */
  get ready(): Place[] {
    return this.places.filter((place) => place.taken && place.state !== Resolved && this.isFirst(place));
  }

  /** Nothing becomes of a record before something became of the earlier ones of its key. */
  isFirst({ offset, key }: Place): boolean {
    return !this.places.some((other) => other.offset < offset && other.key === key && other.state === Open);
  }

  get position(): number {
    return this.places.find(({ state }) => state !== Resolved)?.offset ?? this.end;
  }

  /** Gives up the segments that are done with and stand behind no record that is settled only: for good. */
  reclaim(): void {
    for (const segment of this.segments) {
      const states = this.of(segment).map(({ state }) => state);
      if (states.every((state) => state === Resolved)) this.given.add(segment);
      if (states.includes(Settled)) return;
    }
  }

  /** Each offset from the position on that nobody has to receive again. */
  resolved(ordered: boolean): Set<number> {
    const offsets = new Set<number>();
    const byOffset = new Map(this.places.map((place) => [place.offset, place.state]));
    for (let offset = this.position; offset < this.end; offset++) {
      const state = byOffset.get(offset);
      if (state === Settled && ordered) break;
      if (state === Resolved) offsets.add(offset);
    }
    return offsets;
  }
}

type Command = fc.Command<Model, Frontier>;

class Push implements Command {
  constructor(readonly gaps: ReadonlyArray<number>, readonly tail: number, readonly keys: ReadonlyArray<string>) {}
  check = () => true;
  run(model: Model, frontier: Frontier): void {
    let delta = -1;
    const offsetDeltas = this.gaps.map((gap) => delta += 1 + gap);
    const records = offsetDeltas.map((offsetDelta, i) => ({ offsetDelta, key: this.keys[i], value: "v" }));
    const from = frontier.end;
    const last = delta + this.tail;
    const next = last < 0 ? from : from + last + 1;
    const bytes = last < 0
      ? new Uint8Array()
      : batchBytes({ baseOffset: from, records, lastOffsetDelta: last, count: records.length });
    const segment = new Segment(decodeRecords(bytes, { from, aborted: [] }), bytes.length, from, next);
    frontier.push(segment);
    model.end = next;
    if (records.length === 0) return; // nothing of it is held
    model.segments.push(segment);
    offsetDeltas.forEach((delta, index) =>
      model.places.push({
        segment,
        index,
        offset: from + delta,
        key: this.keys[index],
        state: Open,
        rounds: 0,
        taken: false,
      })
    );
  }
  toString = () => `push(${this.gaps.map((gap, i) => `${gap}${this.keys[i]}`)};${this.tail})`;
}

/** Takes the next records up, in order, as a partition does. */
class Take implements Command {
  constructor(readonly count: number) {}
  check = (model: Readonly<Model>) => model.places.some(({ taken }) => !taken);
  run(model: Model): void {
    for (const place of model.places.filter(({ taken }) => !taken).slice(0, this.count)) {
      place.taken = true;
      place.segment.cursor = place.index + 1;
    }
  }
  toString = () => `take(${this.count})`;
}

/** A record is done with, or several one after the other. */
class Resolve implements Command {
  constructor(readonly choice: number, readonly count: number) {}
  check = (model: Readonly<Model>) => model.ready.length > 0;
  run(model: Model, frontier: Frontier): void {
    for (let i = 0; i < this.count && model.ready.length > 0; i++) {
      const place = model.ready[this.choice % model.ready.length];
      const bytes = frontier.resolve(place.segment, place.index);
      assert(bytes >= 0);
      place.state = Resolved;
      model.freed += bytes;
      model.reclaim();
    }
  }
  toString = () => `resolve(${this.choice}, ${this.count} times)`;
}

/** Records behind one whose publications are on their way are done with: of its chunk, or of later ones alone. */
class ResolveBehind implements Command {
  constructor(readonly count: number, readonly later: boolean) {}
  check = (model: Readonly<Model>) => this.#next(model) !== undefined;
  run(model: Model, frontier: Frontier): void {
    for (let i = 0; i < this.count; i++) {
      const place = this.#next(model);
      if (place === undefined) return;
      model.freed += frontier.resolve(place.segment, place.index);
      place.state = Resolved;
      model.reclaim();
    }
  }
  #next({ places, ready }: Readonly<Model>): Place | undefined {
    const first = places.find(({ state }) => state === Settled);
    return ready.find(({ state, offset, segment }) =>
      state === Open && first !== undefined && offset > first.offset && (!this.later || segment !== first.segment)
    );
  }
  toString = () => `resolve behind(${this.count}${this.later ? ", later" : ""})`;
}

/** It is said twice: as an acknowledgement that comes late. */
class ResolveAgain implements Command {
  constructor(readonly choice: number) {}
  check = (model: Readonly<Model>) => model.places.some(({ state }) => state === Resolved);
  run(model: Model, frontier: Frontier): void {
    const resolved = model.places.filter(({ state }) => state === Resolved);
    const { segment, index } = resolved[this.choice % resolved.length];
    assertEquals(frontier.resolve(segment, index), -1);
  }
  toString = () => `resolve again(${this.choice})`;
}

class Mark implements Command {
  constructor(readonly choice: number, readonly state: typeof Settled | typeof Condemned) {}
  check = (model: Readonly<Model>) => model.ready.some(({ state }) => state === Open);
  run(model: Model): void {
    const open = model.ready.filter(({ state }) => state === Open);
    const place = open[this.choice % open.length];
    place.segment.mark(place.index, this.state);
    place.state = this.state;
  }
  toString = () => `${this.state === Settled ? "settle" : "condemn"}(${this.choice})`;
}

/** A publication failed: its record is received again, and what followed it of its key. */
class Reopen implements Command {
  constructor(readonly choice: number) {}
  check = (model: Readonly<Model>) => model.places.some(({ state }) => state === Settled);
  run(model: Model, frontier: Frontier): void {
    const settled = model.places.filter(({ state }) => state === Settled);
    const first = settled[this.choice % settled.length];
    const again = model.places.filter((place) =>
      place === first || (place.offset > first.offset && place.taken && place.key === first.key &&
        (place.state === Settled || place.state === Resolved))
    );
    const came = frontier.reopen(
      first.segment,
      first.index,
      (segment, index) => segment.records.keyId(index) === first.key,
    );
    model.freed += came.bytes;
    assertEquals(came.unacknowledged, again.filter(({ state }) => state === Settled).length);
    assertEquals(came.resolved, again.filter(({ state }) => state === Resolved).length);
    for (const place of again) {
      place.state = Open;
      place.rounds++;
    }
    model.reclaim();
  }
  toString = () => `reopen(${this.choice})`;
}

/** Everything that can be asked. */
class Look implements Command {
  check = () => true;
  run(model: Model, frontier: Frontier): void {
    assertEquals(frontier.position, model.position);
    assertEquals(frontier.end, model.end);
    for (const { segment, index, offset, state, rounds } of model.places) {
      assertEquals(segment.state(index), state, `state of ${offset}`);
      assertEquals(segment.round(index), rounds, `rounds of ${offset}`);
    }
    for (const segment of model.segments) {
      const states = model.of(segment).map(({ state }) => state);
      assertEquals(segment.remaining, states.filter((state) => state !== Resolved).length);
      assertEquals(segment.settled, states.filter((state) => state === Settled).length);
    }
    assertEquals(
      [...frontier.segments()].map(({ from }) => from),
      model.segments.filter(({ remaining }) => remaining > 0).map(({ from }) => from),
    );
    assertEquals(model.freed, [...model.given].reduce((sum, { bytes }) => sum + bytes, 0), "bytes given back");
    for (const ordered of [true, false]) this.#runs(model, frontier, ordered);
  }

  /** Runs hold the resolved records and no other, and survive the way through a commit. */
  #runs(model: Model, frontier: Frontier, ordered: boolean): void {
    const runs = [...frontier.resolvedRuns(ordered)];
    const resolved = model.resolved(ordered);
    const named = new Set<number>();
    let last = frontier.position;
    for (const { from, to } of runs) {
      assert(from > last && to > from && to <= model.end, "in order, apart, above the position, not beyond the end");
      last = to;
      for (let offset = from; offset < to; offset++) named.add(offset);
    }
    for (const { offset, state } of model.places) {
      assertEquals(named.has(offset), resolved.has(offset), `${offset} in state ${state}, ordered: ${ordered}`);
    }
    const counts = { attempts: 0, failures: 0, deaths: 0 };
    const { position } = frontier;
    assertEquals(decodeOffsetMap(position, encodeOffsetMap(position, counts, runs)).resolved, runs);
  }
  toString = () => "look";
}

const key = fc.constantFrom("a", "b", "c");
const choice = fc.nat(20);
const commands = fc.commands<Model, Frontier>([
  fc.array(fc.tuple(fc.constantFrom(0, 0, 0, 1, 3), key), { maxLength: 6 }).chain((records) =>
    fc.nat(2).map((tail) => new Push(records.map(([gap]) => gap), tail, records.map(([, key]) => key)))
  ),
  fc.integer({ min: 1, max: 8 }).map((count) => new Take(count)),
  fc.tuple(choice, fc.constantFrom(1, 2, 5)).map(([choice, count]) => new Resolve(choice, count)),
  fc.constantFrom(1, 4, 20).map((count) => new Resolve(0, count)),
  fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()).map(([count, later]) => new ResolveBehind(count, later)),
  choice.map((choice) => new ResolveAgain(choice)),
  fc.tuple(choice, fc.constantFrom(Settled, Settled, Condemned)).map(([choice, state]) => new Mark(choice, state)),
  choice.map((choice) => new Reopen(choice)),
  fc.constant(new Look()),
], { maxCommands: 120, size: "max" });

Deno.test("property: Frontier does what a list of offsets does, through gaps, retries, dead letters and later chunks", () =>
  fc.assert(
    fc.property(fc.constantFrom(0, 7, 2 ** 45), commands, (start, commands) => {
      fc.modelRun(() => ({ model: new Model(start), real: new Frontier(start) }), [...commands, new Look()]);
    }),
    { numRuns: 300 },
  ));
