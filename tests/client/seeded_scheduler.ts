/**
 * Runs a program under a virtual clock and a scheduler that takes its decisions from a seed.
 * @module
 */
import { Clock, Duration, Effect, Exit, type Fiber, Random, type Scheduler } from "effect";

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** Which fiber goes next, and where one is preempted, come from the seed; the clock goes on when nothing else can. */
export class SeededScheduler implements Scheduler.Scheduler {
  readonly executionMode = "async";
  now = 0;
  #state: number;
  readonly #ready: Array<Array<() => void>> = [];
  #timers: Array<Timer> = [];

  constructor(readonly seed: number) {
    this.#state = seed;
  }

  /** The next number of the seed's, in [0, 1). */
  random(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    return fiber.currentOpCount >= 2_048 || this.random() < 0.02;
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    const tasks: Array<() => void> = [];
    return {
      scheduleTask: (task) => {
        if (tasks.push(task) === 1) this.#ready.push(tasks);
      },
      flush: () => {
        for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
      },
    };
  }

  readonly clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => this.now,
    currentTimeMillis: Effect.sync(() => this.now),
    currentTimeNanosUnsafe: () => BigInt(this.now) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(this.now) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => BigInt(this.now) * 1_000_000n,
    monotonicTimeNanos: Effect.sync(() => BigInt(this.now) * 1_000_000n),
    sleep: (duration) => {
      const ms = Math.ceil(Duration.toMillis(duration));
      if (ms <= 0) return Effect.yieldNow;
      if (!Number.isFinite(ms)) return Effect.never;
      return Effect.callback<void>((resume) => {
        const timer = { at: this.now + ms, fire: () => resume(Effect.yieldNow) };
        this.#timers.push(timer);
        return Effect.sync(() => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        });
      });
    },
  };

  /** Runs to the end in one synchronous call and gives the result; throws what the program fails with. */
  run<A, E>(program: Effect.Effect<A, E>): A {
    const seeded = program.pipe(Effect.provideService(Clock.Clock, this.clock), Random.withSeed(this.seed));
    const fiber = Effect.runFork(seeded, { scheduler: this });
    for (let exit = fiber.pollUnsafe();; exit = fiber.pollUnsafe()) {
      if (exit === undefined) this.#step();
      else return Effect.runSync(Exit.isSuccess(exit) ? Effect.succeed(exit.value) : Effect.failCause(exit.cause));
    }
  }

  #step(): void {
    if (this.#ready.length > 0) {
      const at = Math.floor(this.random() * this.#ready.length);
      const tasks = this.#ready[at];
      const task = tasks.shift();
      if (tasks.length === 0) this.#ready.splice(at, 1);
      return task?.();
    }
    if (this.#timers.length === 0) throw new Error(`deadlock at ${this.now} ms, seed ${this.seed}`);
    this.now = this.#timers.reduce((least, { at }) => Math.min(least, at), Infinity);
    const due = this.#timers.filter(({ at }) => at <= this.now);
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
    for (const { fire } of due) fire();
  }
}
