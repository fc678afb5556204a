/**
 * Virtual time and a seed: everything that could happen in one order or another happens in an order the seed has chosen,
 * and the clock goes on only when nothing else can.
 * @module
 */
import { Effect, Exit } from "effect";
import { seededRandom } from "./seeded_random.ts";
import { VirtualProcess } from "./virtual_process.ts";

/** Something that happens at a time. */
export interface Timer {
  /** Virtual milliseconds. */
  readonly at: number;
  /** What happens then. */
  readonly fire: () => void;
}

/** Settings of a {@linkcode VirtualTime}. */
export interface VirtualTimeOptions {
  /** How often, on average, a fiber is preempted between two operations: from 0 (never) to 1. Default 0.02. */
  readonly preemption?: number;
}

/** What is to run next of one fiber, in order. */
export type Tasks = Array<() => void>;

/**
 * A world in virtual time. Programs run in it as {@linkcode VirtualProcess}es; which of their fibers goes next, and where
 * one is preempted, comes from the seed, so the same seed gives the same run.
 *
 * @example
 * ```ts
 * import { VirtualTime } from "@troupe/troupe/testing";
 * import { Effect } from "effect";
 *
 * const time = new VirtualTime(1);
 * time.run(Effect.sleep("1 hour"));
 * console.log(time.now); // 3600000
 * ```
 */
export class VirtualTime {
  /** Milliseconds since the beginning. */
  now = 0;
  readonly #ready: Tasks[] = [];
  readonly #timers = new Set<Timer>();
  /** Operations until a fiber is preempted. */
  #undisturbed: number;

  /** How often, on average, a fiber is preempted between two operations. */
  readonly preemption: number;

  /** Begins at 0 ms. */
  constructor(
    /** What all choices come from. */
    readonly seed: number,
    options: VirtualTimeOptions = {},
  ) {
    this.random = seededRandom(seed);
    this.preemption = options.preemption ?? 0.02;
    this.#undisturbed = this.#drawUndisturbed();
  }

  /** The next number of the seed's, in [0, 1). */
  readonly random: () => number;

  /** Whether a fiber is preempted before its next operation. */
  preempts(): boolean {
    if (--this.#undisturbed > 0) return false;
    this.#undisturbed = this.#drawUndisturbed();
    return true;
  }

  /** As many as there would be if each operation drew for itself, in one draw. */
  #drawUndisturbed(): number {
    const { preemption } = this;
    if (preemption <= 0) return Infinity;
    return preemption >= 1 ? 1 : Math.floor(Math.log(1 - this.random()) / Math.log(1 - preemption)) + 1;
  }

  /** A new process in this world. */
  process(): VirtualProcess {
    return new VirtualProcess(this);
  }

  /** Whether nothing can run before the clock goes on. */
  get idle(): boolean {
    return this.#ready.length === 0;
  }

  /** Whether nothing will ever run again by itself. */
  get over(): boolean {
    return this.#ready.length === 0 && this.#timers.size === 0;
  }

  /** Runs one task, chosen by the seed; false where there is none. */
  runOne(): boolean {
    const ready = this.#ready;
    if (ready.length === 0) return false;
    const at = ready.length === 1 ? 0 : Math.floor(this.random() * ready.length);
    const tasks = ready[at];
    const task = tasks.shift();
    if (tasks.length === 0) this.#drop(at);
    task?.();
    return true;
  }

  /** Moves the clock to the next timer, and fires all that are due; false where there is none. */
  moveOn(): boolean {
    let next = Infinity;
    for (const { at } of this.#timers) if (at < next) next = at;
    if (next === Infinity) return false;
    this.now = next;
    const due: Timer[] = [];
    for (const timer of this.#timers) if (timer.at === next) due.push(timer);
    // One that fires may disarm another.
    for (const timer of due) if (this.#timers.delete(timer)) timer.fire();
    return true;
  }

  /** One step: a task, or the next timer. False when nothing is left to happen. */
  step(): boolean {
    return this.runOne() || this.moveOn();
  }

  /**
   * Runs a program to its end in one synchronous call and gives its result. Throws what the program fails with, and where
   * it waits for something that never comes, such as a Promise.
   */
  run<A, E>(program: Effect.Effect<A, E>): A {
    const fiber = this.process().fork(program);
    for (let exit = fiber.pollUnsafe();; exit = fiber.pollUnsafe()) {
      if (exit !== undefined) {
        return Effect.runSync(Exit.isSuccess(exit) ? Effect.succeed(exit.value) : Effect.failCause(exit.cause));
      }
      if (!this.step()) throw new Error(`deadlock at ${this.now} ms, seed ${this.seed}: everything waits for ever`);
    }
  }

  /** Adds what a process has to do. */
  schedule(tasks: Tasks): void {
    this.#ready.push(tasks);
  }

  /** Takes it back. */
  unschedule(tasks: Tasks): void {
    const at = this.#ready.indexOf(tasks);
    if (at >= 0) this.#drop(at);
  }

  /** Adds a timer. */
  arm(timer: Timer): void {
    this.#timers.add(timer);
  }

  /** Takes it back. */
  disarm(timer: Timer): void {
    this.#timers.delete(timer);
  }

  // The order within the list means nothing: the seed chooses from it.
  #drop(at: number): void {
    const last = this.#ready.pop();
    if (last !== undefined && at < this.#ready.length) this.#ready[at] = last;
  }
}
