/**
 * A soak: tasks at full load, workers and a broker to which things happen, and the count of what came of it.
 * @module
 */
import { findCauses, type Repeats } from "./causes.ts";
import { Director, type Move, round } from "./director.ts";
import { type Job, sleep, type Slow } from "./job.ts";
import { readJournal } from "./journal.ts";
import { Ledger } from "./ledger.ts";
import { Observer } from "./observer.ts";
import { Process } from "./process.ts";
import { Stage } from "./stage.ts";

/** What is run. */
export interface SoakOptions {
  readonly client: "ours" | "kafkajs";
  /** How long things happen; or how many rounds of them, or how many clean hand-overs instead. */
  readonly length: { readonly minutes: number } | { readonly rounds: number } | { readonly handOvers: number };
  readonly seed: number;
  readonly groupProtocol: Job["groupProtocol"];
  readonly order: Job["order"];
  readonly slow: Slow;
  /** Milliseconds. */
  readonly sessionTimeout: number;
  /** Tasks a second, at most. */
  readonly rate: number;
  /** Tasks that wait for their answers, at most; as many there are unless the rate is less. */
  readonly window: number;
  /** Milliseconds between two moves. */
  readonly pause: readonly [least: number, most: number];
  readonly signal: AbortSignal;
  /** Told how it goes. */
  readonly log: (line: string) => void;
  /** Told what the processes say. */
  readonly heard: (line: string) => void;
}

/** What came of it. */
export interface SoakReport {
  readonly client: SoakOptions["client"];
  readonly groupProtocol: Job["groupProtocol"];
  readonly order: Job["order"];
  readonly seed: number;
  /** Minutes in which things happened. */
  readonly minutes: number;
  /** Tasks that were published. */
  readonly records: number;
  readonly moves: Readonly<Record<Move, number>>;
  /** Acknowledged, but not on the log; or on the log, but never answered. */
  readonly lost: number;
  /** Tasks whose publication was given up. */
  readonly failed: number;
  /** Tasks or first answers behind later ones of their key, answers of an incarnation behind its own later ones. */
  readonly misplaced: number;
  /** Tasks that stand twice. */
  readonly tasksTwice: number;
  /** Answers that stand twice, whyever. */
  readonly answersTwice: number;
  readonly repeats: Repeats;
  /** The longest time in which the broker was there and answered nobody, in ms; 0 where it was less than 2 s. */
  readonly slowest: number;
  /** What has to be looked at, in words. */
  readonly notes: ReadonlyArray<string>;
}

/** How long it may take until the next answer comes once nothing happens any more, in ms. */
const patience = 120_000;

/** Runs one. Nothing of it is left when this resolves or rejects; null where it was aborted. */
export async function soak(options: SoakOptions): Promise<SoakReport | null> {
  const folder = await Deno.makeTempDir({ prefix: "troupe-soak-" });
  try {
    await using stage = await Stage.start(folder, options.sessionTimeout, options.signal);
    return await run(options, stage);
  } catch (cause) {
    if (options.signal.aborted) return null;
    throw cause;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(options: SoakOptions, stage: Stage): Promise<SoakReport | null> {
  const { signal, log, heard, sessionTimeout, groupProtocol, order, slow, length } = options;
  const { brokers, tasks, answers } = stage;
  const ledger = new Ledger();
  await using observer = await Observer.open(stage, ledger);
  await using load = new Process(-1, "./load.ts", { brokers, tasks }, heard);
  await using director = new Director({
    stage,
    program: options.client === "ours" ? "./ours.ts" : "./stock.ts",
    job: { brokers, tasks, answers, group: "soak", groupProtocol, sessionTimeout, order, slow },
    seed: options.seed,
    pause: options.pause,
    workers: { start: 3, least: 2, most: 5 },
    signal,
    heard,
    log: (line) => log(`${clock(begun)} ${line}; ${ledger.answered} answered, ${ledger.answersTwice} of them again`),
  });
  let begun = Date.now();
  await director.begin();
  if (!await load.isReady()) throw new Error(`the load does not start: ${load.lines.join("\n")}`);
  begun = Date.now();
  using _ = allow(load, () => Math.min(ledger.answered + options.window, options.rate * (Date.now() - begun) / 1_000));
  while (ledger.answered < Math.min(1_000, options.rate) && !signal.aborted) await sleep(20);
  const moves = "rounds" in length ? length.rounds * round : "handOvers" in length ? length.handOvers : Infinity;
  const end = "minutes" in length ? begun + length.minutes * 60_000 : Infinity;
  for (let move = 0; move < moves && Date.now() < end && !signal.aborted; move++) {
    if ("handOvers" in length) {
      const before = ledger.answered;
      await director.handOver((worker) => ledger.answersOf(worker) > 0);
      // The next one finds a group at work.
      while (ledger.answered < before + 2_000 && !signal.aborted) await sleep(20);
    } else await director.next();
  }
  const minutes = (Date.now() - begun) / 60_000;
  if (signal.aborted) return null;
  await director.settle();
  await load.closeInput();
  await load.ends(300_000);
  const published = readPublished(load);
  const failed = Object.keys(published.failed).length;
  await advancing(() => ledger.answered, () => ledger.answered >= published.handed - failed, signal);
  await director.end();
  await advancing(() => observer.read, () => observer.complete(), signal);
  if (signal.aborted) return null;
  const repeats = findCauses({
    ledger,
    runs: (worker) => readJournal(director.journal(worker), worker),
    fates: director.workers.map(({ number, killedAt, frozen, stalls }) => ({
      killed: killedAt === null ? null : { at: killedAt, committed: director.committed.get(number) ?? null },
      frozen,
      stalls,
    })),
    outages: stage.outages,
    slow: stage.slow,
    sessionTimeout,
  });
  const unpublished = Array.from({ length: published.handed }, (_, id) => id)
    .filter((id) => ledger.place(id) === null && published.failed[id] === undefined).length;
  return {
    client: options.client,
    groupProtocol,
    order,
    seed: options.seed,
    minutes,
    records: published.handed,
    moves: director.done,
    lost: unpublished + ledger.tasks - ledger.answered,
    failed,
    misplaced: ledger.tasksMisplaced + ledger.misplaced + ledger.backwards,
    tasksTwice: ledger.tasksTwice,
    answersTwice: ledger.answersTwice,
    repeats,
    slowest: slowest(stage),
    notes: [...observer.faults.slice(0, 5), ...ledger.examples, ...repeats.examples, ...director.broken],
  };
}

function slowest({ slow, outages }: Stage): number {
  const apart = slow.filter((span) => !outages.some(({ from, to }) => from <= span.to && span.from <= to));
  return Math.max(0, ...apart.map(({ from, to }) => to - from));
}

/** Tells the load ten times a second what it is allowed to publish. */
function allow(load: Process, limit: () => number): Disposable {
  const timer = setInterval(() => load.write(`limit ${Math.floor(limit())}`), 100);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Waits until it is enough, as long as there is more from time to time. */
async function advancing(
  count: () => number,
  enough: () => boolean | Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  let last = count();
  for (let at = Date.now(); Date.now() - at < patience && !signal.aborted; await sleep(100)) {
    if (await enough()) return;
    if (count() > last) [last, at] = [count(), Date.now()];
  }
}

function readPublished(load: Process): { readonly handed: number; readonly failed: Readonly<Record<number, string>> } {
  const line = load.lines.find((line) => line.startsWith("published "));
  if (line === undefined) throw new Error(`the load did not say how it went: ${load.lines.slice(-5).join("\n")}`);
  return JSON.parse(line.slice("published ".length));
}

function clock(begun: number): string {
  const seconds = Math.round((Date.now() - begun) / 1_000);
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}
