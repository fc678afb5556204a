/**
 * Lets a simulation get on, task by task, and Promises have their turns.
 * @module
 */
import { setImmediate } from "node:timers";
import type { VirtualTime } from "../virtual_time.ts";

/** A schedule that does not come to its end. */
export class Hopeless extends Error {}

/** More tasks than this without the clock going on is a program that never rests. */
const RESTLESS = 1_000_000;

/** See the module. */
export class Clockwork {
  /** Tasks so far. */
  steps = 0;

  /** `look` is called after each task. */
  constructor(private readonly time: VirtualTime, private readonly look: () => void) {}

  /**
   * Lets everything happen until `done`, which is asked when nothing can run at the present time. Throws
   * {@linkcode Hopeless} when it has not come to that after `patience` virtual milliseconds, or never will.
   */
  async until(done: () => boolean, patience: number, hopeless: () => string): Promise<void> {
    const { time } = this;
    const limit = time.now + patience;
    for (;;) {
      await this.#settle();
      if (done()) return;
      if (time.now > limit) throw new Hopeless(`${patience} ms later still not: ${hopeless()}`);
      if (!time.moveOn()) throw new Hopeless(`nothing will ever happen again, but not: ${hopeless()}`);
      this.look();
    }
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const end = Math.ceil(this.time.now + Math.max(0, ms));
    this.time.arm({ at: end, fire: () => {} });
    await this.until(() => this.time.now >= end, Infinity, () => "time passes");
  }

  /** Runs all that can run now. */
  async #settle(): Promise<void> {
    const { time } = this;
    for (let tasks = 0;;) {
      while (time.runOne()) {
        this.steps++;
        this.look();
        if (++tasks > RESTLESS) {
          throw new Hopeless("the actors never come to rest: the clock can't go on, and not: rest");
        }
      }
      // One turn of the event loop: every Promise that waits for nothing outside settles within it.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      if (time.idle) return;
    }
  }
}
