/**
 * The life of one process in virtual time: it is started, told to stop or killed, and what it leaves behind is known.
 * @module
 */
import { Cause, Deferred, Effect, Exit, type Fiber } from "effect";
import type { EmbeddedKafka } from "../../link/embedded/embedded.ts";
import { ProcessLink } from "../process_link.ts";
import type { VirtualProcess } from "../virtual_process.ts";
import type { VirtualTime } from "../virtual_time.ts";

/** See the module. */
export class ProcessLife {
  /** What it is doing. */
  state: "running" | "stopping" | "ended" = "running";
  /** What it failed with, or null. */
  failure: unknown = null;
  /** Its connections. */
  readonly link: ProcessLink;
  readonly #process: VirtualProcess;
  readonly #stop = Deferred.makeUnsafe<void>();
  #main: Fiber.Fiber<void, unknown> | null = null;
  /** Sleeps that have not ended. */
  #sleeps = 0;
  /** What it has taken and not given back. */
  readonly #held = new Set<{ readonly what: string }>();

  /** One of the processes that share a Kafka. `told` hears of its turns, in words. */
  constructor(
    readonly name: string,
    private readonly time: VirtualTime,
    kafka: EmbeddedKafka,
    private readonly told: (line: string) => void,
  ) {
    this.link = new ProcessLink(kafka);
    this.#process = time.process();
  }

  /** Begins it; `main` ends after {@linkcode ProcessLife.stopped} has. */
  start(main: Effect.Effect<void, unknown>): void {
    this.told(`${this.name} starts`);
    this.#main = this.#process.fork(main);
    this.#main.addObserver((exit) => {
      this.state = "ended";
      if (Exit.isFailure(exit)) this.failure = Cause.squash(exit.cause);
      this.told(`${this.name} has ended`);
    });
  }

  /** Ends when it is told to stop. */
  readonly stopped: Effect.Effect<void> = Effect.suspend(() => Deferred.await(this.#stop));

  /** Tells it to drain and end, as SIGTERM does. */
  stop(): void {
    if (this.state !== "running") return;
    this.state = "stopping";
    this.told(`${this.name} is told to stop`);
    Deferred.doneUnsafe(this.#stop, Exit.void);
  }

  /** Ends it as SIGKILL does, and whatever it has left behind. */
  crash(): void {
    if (this.state !== "ended") this.told(`${this.name} is killed`);
    this.state = "ended";
    this.#held.clear();
    this.#sleeps = 0;
    this.#process.kill();
    this.link.cut();
  }

  /** Resolves after `ms` milliseconds; never, where the process is killed before. */
  sleep(ms: number): Promise<void> {
    if (this.#process.killed) return new Promise(() => {});
    const fiber = this.#process.fork(Effect.sleep(ms));
    this.#sleeps++;
    return new Promise((resolve) =>
      fiber.addObserver((exit) => {
        this.#sleeps--;
        if (Exit.isSuccess(exit)) resolve();
      })
    );
  }

  /** Notes that something was taken, until what it answers is disposed of. */
  hold(what: string): Disposable {
    const held = { what };
    if (!this.#process.killed) this.#held.add(held);
    return { [Symbol.dispose]: () => void this.#held.delete(held) };
  }

  /**
   * What an end has left behind, in words; asked when nothing can run at the present time. Where there are strays, which
   * were given up and could not be ended, the sleeps are theirs.
   */
  leftovers(strays: boolean): ReadonlyArray<string> {
    if (this.state !== "ended") return [];
    const { fibers, timers } = this.#process.alive;
    const counts = [
      [strays ? 0 : this.#sleeps, "sleep"],
      [fibers - this.#sleeps, "fiber"],
      [timers - this.#sleeps, "timer"],
      [this.link.open, "connection"],
    ] as const;
    const left = counts.filter(([count]) => count > 0).map(([count, what]) =>
      `${count} ${what}${count > 1 ? "s" : ""}`
    );
    return [...left, ...Array.from(this.#held, ({ what }) => what)];
  }
}
