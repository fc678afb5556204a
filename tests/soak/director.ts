/**
 * What happens to the workers and their broker, drawn from a seed.
 * @module
 */
import type { Committed, Stage } from "./stage.ts";
import { type Job, sleep } from "./job.ts";
import { Process } from "./process.ts";

/** Something that is done to them. */
export type Move = "kill" | "replace" | "freeze" | "join" | "leave" | "broker";

/** So many of each in a round; then the next begins, in another order. */
const deck: ReadonlyArray<Move> = [
  ...["kill", "kill", "kill", "kill", "replace", "replace", "freeze", "freeze", "join", "leave", "broker"] as const,
];

/** How many moves a round has. */
export const round = deck.length;

/** What is to be directed. */
export interface Direction {
  readonly stage: Stage;
  readonly program: "./ours.ts" | "./stock.ts";
  readonly job: Omit<Job, "worker" | "journal">;
  readonly seed: number;
  /** Milliseconds between two moves: least and most. */
  readonly pause: readonly [least: number, most: number];
  /** How many workers there are at the start, and at least and at most. */
  readonly workers: { readonly start: number; readonly least: number; readonly most: number };
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** Told what workers say. */
  readonly heard: (line: string) => void;
}

/** Has the workers, and does to them what is drawn. */
export class Director implements AsyncDisposable {
  /** All there have ever been, by their numbers. */
  readonly workers: Array<Process> = [];
  /** What the group had committed when a worker was killed, by its number. */
  readonly committed = new Map<number, ReadonlyArray<Committed>>();
  /** How often each was done. */
  readonly done: Record<Move, number> = { kill: 0, replace: 0, freeze: 0, join: 0, leave: 0, broker: 0 };
  /** Workers that have ended without being asked to, or otherwise than asked. */
  readonly broken: Array<string> = [];
  readonly #random: () => number;
  #cards: Array<Move> = [];
  /** What goes on beside the moves. */
  readonly #beside = new Set<Promise<void>>();
  readonly #seen = new Set<Process>();

  constructor(readonly direction: Direction) {
    this.#random = mulberry32(direction.seed);
  }

  /** Those that are there. */
  get live(): ReadonlyArray<Process> {
    return this.workers.filter(({ live }) => live);
  }

  /** Starts one more. */
  start(): Process {
    const { job, program, heard } = this.direction;
    const worker = this.workers.length;
    const process = new Process(worker, program, { ...job, worker, journal: this.journal(worker) }, heard);
    this.workers.push(process);
    return process;
  }

  /** The file of a worker's journal. */
  journal(worker: number): string {
    return `${this.direction.stage.folder}/${worker}.journal`;
  }

  /** Starts the first, and waits until they work. */
  async begin(): Promise<void> {
    const first = Array.from({ length: this.direction.workers.start }, () => this.start());
    for (const worker of first) {
      if (!await worker.isReady()) throw new Error(`a worker does not start: ${worker.lines.join("\n")}`);
    }
  }

  /** Draws the next move, waits for its time, and makes it. */
  async next(): Promise<void> {
    const { pause: [least, most], signal } = this.direction;
    await sleepUntilAborted(least + this.#random() * (most - least), signal);
    if (signal.aborted) return;
    this.#lookAtTheDead();
    if (this.#cards.length === 0) this.#cards = shuffled(deck, this.#random);
    await this.#make(this.#fitting(this.#cards.shift() ?? "kill"));
  }

  /** A clean hand-over: one joins, or one leaves; ends when that is done. `took` tells whether a worker has work. */
  async handOver(took: (worker: number) => boolean): Promise<void> {
    const { workers: { least, most }, signal } = this.direction;
    const count = this.live.length;
    if (count <= least || (count < most && this.#random() < 0.5)) {
      const process = this.start();
      this.#count("join", process);
      while (!signal.aborted && process.live && !took(process.number)) await sleep(50);
    } else {
      const process = this.#any();
      this.#count("leave", process);
      process.ask();
      await process.ends(120_000);
    }
    this.#lookAtTheDead();
  }

  /** Ends what goes on beside, and gives all a chance to end by themselves. */
  async settle(): Promise<void> {
    for (const process of this.workers) process.thaw();
    await Promise.all(this.#beside);
    if (this.direction.stage.away) await this.direction.stage.restart();
    while (this.live.length < this.direction.workers.least) await this.start().isReady();
    this.#lookAtTheDead();
  }

  /** Asks all to end, and waits. */
  async end(): Promise<void> {
    const last = this.live;
    for (const process of last) process.ask();
    for (const process of this.workers) {
      if (!await process.ends(120_000)) this.broken.push(`worker ${process.number} does not end`);
    }
    this.#lookAtTheDead();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((process) => process[Symbol.asyncDispose]()));
    await Promise.allSettled(this.#beside);
  }

  /** A move that can't be made now gives way to one that can. */
  #fitting(move: Move): Move {
    const { least, most } = this.direction.workers;
    const awake = this.live.filter(({ isFrozen }) => !isFrozen).length;
    if (move === "broker") return this.direction.stage.away ? "replace" : move;
    if (move === "freeze" && (awake <= 1 || awake < this.live.length)) return "kill";
    if (move === "leave" && awake <= least) return "join";
    if (move === "join" && this.live.length >= most) return "leave";
    return move;
  }

  async #make(move: Move): Promise<void> {
    const { stage, job } = this.direction;
    const later = this.#random();
    if (move === "broker") {
      this.#count(move);
      await stage.kill();
      this.#doBeside((async () => {
        await sleepUntilAborted(later * 4_000, this.direction.signal);
        await stage.restart();
        this.direction.log("the broker is back");
      })());
      return;
    }
    if (move === "join") return this.#count(move, this.start());
    const process = this.#any();
    this.#count(move, process);
    if (move === "leave") return process.ask();
    if (move === "replace") {
      // The new one is there before the old one goes, or after.
      const next = later < 0.5 ? this.start() : null;
      for (let tries = 0; next?.live && !next.ready && tries < 400; tries++) await sleep(50);
      process.ask();
      if (later >= 0.5) this.start();
      return;
    }
    if (move === "freeze") {
      process.freeze();
      this.#doBeside(
        sleepUntilAborted(job.sessionTimeout + 1_000 + later * 5_000, this.direction.signal).then(() => process.thaw()),
      );
      return;
    }
    await process.kill();
    // Where the broker is away this waits for it: nobody else commits before it is back.
    this.#doBeside(stage.committed(job.group).then((committed) => void this.committed.set(process.number, committed)));
    this.#doBeside(sleepUntilAborted(later * 2_000, this.direction.signal).then(() => void this.start()));
  }

  #doBeside(task: Promise<void>): void {
    const running: Promise<void> = task.catch((error) => void this.broken.push(`${error}`))
      .finally(() => this.#beside.delete(running));
    this.#beside.add(running);
  }

  #count(move: Move, process?: Process): void {
    this.done[move]++;
    this.direction.log(process === undefined ? move : `${move} ${process.number}, of ${this.live.length}`);
  }

  /** One that works and is not frozen. */
  #any(): Process {
    const live = this.live.filter(({ isFrozen }) => !isFrozen);
    const working = live.filter(({ ready }) => ready);
    const choice = working.length > 0 ? working : live;
    if (choice.length === 0) return this.start();
    return choice[Math.floor(this.#random() * choice.length)];
  }

  /** Notes who has ended otherwise than it should, and starts others. */
  #lookAtTheDead(): void {
    for (const process of this.workers) {
      if (process.code === null || process.killedAt !== null || this.#seen.has(process)) continue;
      this.#seen.add(process);
      if (process.askedAt !== null && process.code === 0) continue;
      const how = process.askedAt === null ? "without being asked" : "after SIGTERM";
      this.broken.push(
        `worker ${process.number} ended ${how} with ${process.code}: ${process.lines.slice(-3).join(" | ")}`,
      );
      if (process.askedAt === null) this.start();
    }
  }
}

/** Waits, but not for an end that has been asked for. */
export async function sleepUntilAborted(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = () => resolve();
  signal.addEventListener("abort", end);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}

function shuffled<A>(values: ReadonlyArray<A>, random: () => number): Array<A> {
  const left = [...values];
  return Array.from(values, () => left.splice(Math.floor(random() * left.length), 1)[0]);
}

/** Numbers from 0 to 1, the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}
