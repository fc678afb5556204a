/**
 * A program in virtual time that can be killed as an operating system does it.
 * @module
 */
import { Clock, Duration, Effect, type Fiber, Random, type Scheduler } from "effect";
import type { Tasks, Timer, VirtualTime } from "./virtual_time.ts";

/** After how many operations a fiber gives way at the latest. */
const MOST_OPERATIONS = 2_048;

/**
 * The fibers that are started here, and all those they start, take their turns and their time from a
 * {@linkcode VirtualTime}.
 *
 * @example
 * ```ts
 * import { VirtualTime } from "@troupe/troupe/testing";
 * import { Effect } from "effect";
 *
 * const time = new VirtualTime(1);
 * const process = time.process();
 * process.fork(Effect.ensuring(Effect.sleep(1_000), Effect.sync(() => console.log("never said"))));
 * process.kill();
 * console.log(time.over); // true
 * ```
 */
export class VirtualProcess implements Scheduler.Scheduler {
  /** See Effect's Scheduler. */
  readonly executionMode: "async" = "async" as const;
  readonly #timers = new Set<Timer>();
  readonly #waiting = new Set<Tasks>();
  readonly #fibers = new Set<Fiber.Fiber<unknown, unknown>>();
  /** Who was asked last: it is known already. */
  #last: Fiber.Fiber<unknown, unknown> | null = null;
  #killed = false;
  #frozen = false;

  /** Milliseconds by which its wall clock is ahead of the world's. A clock that is set jumps: change it at any time. */
  clockAhead = 0;

  /** Made by {@linkcode VirtualTime.process}. */
  constructor(
    /** The world it runs in. */
    readonly time: VirtualTime,
  ) {}

  /** Whether {@linkcode VirtualProcess.kill} was called. */
  get killed(): boolean {
    return this.#killed;
  }

  /** Whether it is frozen. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** What has not ended: fibers that wait or run, and timers. */
  get alive(): { readonly fibers: number; readonly timers: number } {
    return { fibers: this.#fibers.size, timers: this.#timers.size };
  }

  /** Starts a program in this process. */
  fork<A, E>(program: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    const seed = Math.floor(this.time.random() * 2 ** 32);
    const here = program.pipe(Effect.provideService(Clock.Clock, this.clock), Random.withSeed(seed));
    return Effect.runFork(Effect.andThen(Effect.yieldNow, here), { scheduler: this });
  }

  /** Ends it between two operations, as SIGKILL would: no finalizer runs, nothing of it ever goes on. */
  kill(): void {
    this.#killed = true;
    for (const timer of this.#timers) this.time.disarm(timer);
    for (const tasks of this.#waiting) this.time.unschedule(tasks);
    this.#timers.clear();
    this.#waiting.clear();
    this.#fibers.clear();
    this.#last = null;
  }

  /**
   * Stops it where it is, as SIGSTOP does: nothing of it runs and no timer of its own rings, while time passes for all
   * others, until {@linkcode VirtualProcess.thaw}.
   */
  freeze(): void {
    if (this.#frozen || this.#killed) return;
    this.#frozen = true;
    for (const tasks of this.#waiting) this.time.unschedule(tasks);
    for (const timer of this.#timers) this.time.disarm(timer);
  }

  /** Lets it go on, as SIGCONT does: timers that are overdue ring at once. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    for (const tasks of this.#waiting) this.time.schedule(tasks);
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.time.now) this.time.arm(timer);
      else if (this.#timers.has(timer)) timer.fire();
    }
  }

  /** See Effect's Scheduler. */
  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    // What a Promise resumes does not come by the dispatcher: it ends here.
    if (this.#killed) return true;
    if (fiber !== this.#last) {
      this.#last = fiber;
      if (!this.#fibers.has(fiber)) {
        this.#fibers.add(fiber);
        fiber.addObserver(() => this.#fibers.delete(fiber));
      }
    }
    // Never before the first operation: what resumes a fiber, or interrupts it, would be lost to what resumes it next.
    if (fiber.currentOpCount <= 1) return false;
    return fiber.currentOpCount >= MOST_OPERATIONS || this.time.preempts();
  }

  /** See Effect's Scheduler: the tasks of one fiber keep their order. */
  makeDispatcher(): Scheduler.SchedulerDispatcher {
    const tasks: Tasks = [];
    return {
      scheduleTask: (task) => {
        if (this.#killed) return;
        if (tasks.length === 0) {
          this.#waiting.add(tasks);
          if (!this.#frozen) this.time.schedule(tasks);
        }
        tasks.push(() => {
          if (tasks.length === 0) this.#waiting.delete(tasks);
          task();
        });
      },
      flush: () => {
        this.time.unschedule(tasks);
        for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
      },
    };
  }

  /** The time of this process. */
  readonly clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => this.time.now + this.clockAhead,
    currentTimeMillis: Effect.sync(() => this.time.now + this.clockAhead),
    currentTimeNanosUnsafe: () => BigInt(this.time.now + this.clockAhead) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(this.time.now + this.clockAhead) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => BigInt(this.time.now) * 1_000_000n,
    monotonicTimeNanos: Effect.sync(() => BigInt(this.time.now) * 1_000_000n),
    sleep: (duration) => {
      const ms = Math.ceil(Duration.toMillis(duration));
      if (ms <= 0) return Effect.yieldNow;
      if (!Number.isFinite(ms)) return Effect.never;
      return Effect.callback<void>((resume) => {
        // By way of the scheduler: the seed orders those that wake at the same time.
        const timer = this.#arm(ms, () => resume(Effect.yieldNow));
        return Effect.sync(() => this.#disarm(timer));
      });
    },
  };

  #arm(ms: number, ring: () => void): Timer {
    const timer: Timer = {
      at: this.time.now + ms,
      fire: () => {
        this.#timers.delete(timer);
        ring();
      },
    };
    if (this.#killed) return timer;
    this.#timers.add(timer);
    if (!this.#frozen) this.time.arm(timer);
    return timer;
  }

  #disarm(timer: Timer): void {
    this.#timers.delete(timer);
    this.time.disarm(timer);
  }
}
