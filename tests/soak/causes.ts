/**
 * Why tasks were handled twice: whose hands they were in, and what happened to them in between.
 * @module
 */
import { decodeOffsetMap } from "../../src/runtime/offset_map.ts";
import type { Run } from "./journal.ts";
import type { Ledger, Place } from "./ledger.ts";
import type { Span } from "./process.ts";
import type { Committed } from "./stage.ts";

/** What has happened to a worker. */
export interface Fate {
  /** When it was killed, and what the group had committed just after, if that is known. */
  readonly killed: { readonly at: number; readonly committed: ReadonlyArray<Committed> | null } | null;
  readonly frozen: ReadonlyArray<Span>;
  /** When it stood still, by our hand or not. */
  readonly stalls: ReadonlyArray<Span>;
}

/** All that was done. */
export interface History {
  readonly ledger: Ledger;
  /** All runs of a worker. */
  readonly runs: (worker: number) => Iterable<Run>;
  /** By the workers' numbers. */
  readonly fates: ReadonlyArray<Fate>;
  readonly outages: ReadonlyArray<Span>;
  /** When the broker answered nobody although it was there. */
  readonly slow: ReadonlyArray<Span>;
  readonly sessionTimeout: number;
}

/** Tasks begun again, each time counted, by what can have led to it. */
export interface Repeats {
  /** Nothing but that the partition moved: must not be. */
  handOver: number;
  kill: number;
  freeze: number;
  /** Of these, what has more than one answer on the log. */
  freezeAnswered: number;
  broker: number;
  /** A process, or the broker, or the whole machine, stood still by itself. */
  stall: number;
  /** Answers on the log beyond the number of times that their tasks were begun. */
  surplus: number;
  /** Some of those without a cause. */
  readonly examples: Array<string>;
  readonly perKill: ReadonlyArray<KillFigures>;
}

/** Of one SIGKILL. */
export interface KillFigures {
  /** Whether the broker was there, and had been for a while. */
  readonly calm: boolean;
  /** What the killed one had begun with, and the group's commit did not cover. */
  open: number;
  /** What was begun again because of it. */
  again: number;
  /** Of these, what had no answer yet: it was in hand. */
  inHand: number;
  /** Of these, what lay below the committed offset: must not be. */
  beyond: number;
  /** Of these, what the offset map had: it saves repeats, but nobody relies on it, as an owner that died in between. */
  forgotten: number;
  /** What lay above the committed offset, and the offset map had. */
  saved: number;
}

// Milliseconds in which what happened to a member, or to the broker, may still have its consequences.
const aftermath = 10_000;

/** Looks for the cause of each repeat. */
export function findCauses(history: History): Repeats {
  const { ledger, runs, fates } = history;
  const counts = new Map<number, number>();
  const begun = new Counts();
  for (const worker of fates.keys()) for (const { id } of runs(worker)) if (begun.add(id) > 1) counts.set(id, 0);
  const again = new Map<number, Array<Run>>();
  const perKill = new Map<number, KillFigures & { readonly covers: (place: Place) => "commit" | "map" | null }>();
  for (const [worker, { killed }] of fates.entries()) {
    const figures = killed?.committed
      ? {
        calm: !history.outages.some(({ from, to }) => from <= killed.at && to + aftermath >= killed.at),
        open: 0,
        again: 0,
        inHand: 0,
        beyond: 0,
        forgotten: 0,
        saved: 0,
        covers: covered(killed.committed),
      }
      : null;
    if (figures) perKill.set(worker, figures);
    for (const run of runs(worker)) {
      if (counts.has(run.id)) again.set(run.id, [...again.get(run.id) ?? [], run]);
      const place = figures && ledger.place(run.id);
      if (!figures || !place) continue;
      const by = figures.covers(place);
      if (by === null) figures.open++;
      else if (by === "map") figures.saved++;
    }
  }
  const repeats = {
    handOver: 0,
    kill: 0,
    freeze: 0,
    freezeAnswered: 0,
    broker: 0,
    stall: 0,
    surplus: 0,
    examples: new Array<string>(),
  };
  for (const [id, found] of again) {
    const sorted = found.toSorted((a, b) => a.at - b.at);
    for (const [i, run] of sorted.slice(1).entries()) {
      const cause = causeOf(history, sorted[i], run);
      repeats[cause]++;
      if (cause === "freeze" && ledger.copies(id) > 1) repeats.freezeAnswered++;
      if (cause === "handOver" && repeats.examples.length < 20) {
        repeats.examples.push(`task ${id}: ${said(sorted[i])}, then ${said(run)}`);
      }
      const figures = cause === "kill" ? perKill.get(sorted[i].worker) : undefined;
      const place = ledger.place(id);
      if (figures === undefined || place === null) continue;
      figures.again++;
      if (ledger.copies(id) < sorted.length) figures.inHand++;
      const by = figures.covers(place);
      if (by === "commit") figures.beyond++;
      else if (by === "map") figures.forgotten++;
    }
  }
  for (const [id, times] of begun.entries()) repeats.surplus += Math.max(0, ledger.copies(id) - times);
  return { ...repeats, perKill: Array.from(perKill.values(), ({ covers: _, ...figures }) => figures) };
}

function said({ worker, life, at }: Run): string {
  return `worker ${worker} (life ${life}) at ${new Date(at).toISOString()}`;
}

type Cause = "handOver" | "kill" | "freeze" | "broker" | "stall";

function causeOf({ fates, outages, slow, sessionTimeout }: History, first: Run, again: Run): Cause {
  const { killed } = fates[first.worker];
  // Who was frozen before the other had it, and is late, would have begun again in any case.
  const late = fates[again.worker].frozen.some(({ from, to }) => from <= first.at && to + aftermath >= again.at);
  if (killed !== null && first.worker !== again.worker && again.at >= killed.at && !late) return "kill";
  const within = (span: Span, after: number) => span.from <= again.at && span.to + after >= first.at;
  const both = [fates[first.worker], fates[again.worker]];
  if (both.some(({ frozen }) => frozen.some((span) => within(span, sessionTimeout + aftermath)))) return "freeze";
  // A commit may be a second old, and another second under way.
  if (outages.some((span) => span.from <= again.at && span.to + aftermath >= first.at - 2_000)) return "broker";
  const long = ({ from, to }: Span) => to - from > sessionTimeout * 0.8;
  if (both.some(({ stalls }) => stalls.some((span) => long(span) && within(span, aftermath)))) return "stall";
  if (slow.some((span) => within(span, aftermath))) return "stall";
  return "handOver";
}

/** Tells of any task whether the group's commit covers it: by its offset, or by its offset map. */
function covered(committed: ReadonlyArray<Committed>): (place: Place) => "commit" | "map" | null {
  const maps = committed.map(({ offset, metadata }) => decodeOffsetMap(offset, metadata).resolved);
  return ({ partition, offset }) => {
    if (offset < committed[partition].offset) return "commit";
    return maps[partition].some(({ from, to }) => from <= offset && offset < to) ? "map" : null;
  };
}

/** How often each number came, up to 255. */
class Counts {
  #counts = new Uint8Array(1 << 16);

  add(id: number): number {
    if (id >= this.#counts.length) {
      const larger = new Uint8Array(Math.max(id + 1, this.#counts.length * 2));
      larger.set(this.#counts);
      this.#counts = larger;
    }
    if (this.#counts[id] < 255) this.#counts[id]++;
    return this.#counts[id];
  }

  entries(): IterableIterator<[number, number]> {
    return this.#counts.entries();
  }
}
