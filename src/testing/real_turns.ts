/**
 * Virtual time for programs with Promises: they have their turn before the clock goes on.
 * @module
 */
import { setImmediate } from "node:timers";
import type { VirtualTime } from "./virtual_time.ts";

/** More tasks than this without the clock going on is a program that never rests. */
const RESTLESS = 5_000_000;

/** One turn of the event loop: every Promise that does not wait for input or output settles within it. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Runs all that can run at the present virtual time. */
export async function settle(time: VirtualTime): Promise<void> {
  let tasks = 0;
  do {
    while (time.runOne()) {
      if (++tasks > RESTLESS) throw new Error(`at ${time.now} ms, seed ${time.seed}: the program never comes to rest`);
    }
    await turn();
  } while (!time.idle);
}

/**
 * Lets virtual time pass until `done`, which is asked whenever nothing can run at the present time; at most `within`
 * milliseconds. Answers whether it was done.
 */
export async function passTime(time: VirtualTime, done: () => boolean, within: number): Promise<boolean> {
  let over = false;
  const alarm = { at: time.now + within, fire: () => void (over = true) };
  if (within < Infinity) time.arm(alarm);
  try {
    for (;;) {
      await settle(time);
      if (done()) return true;
      if (over || !time.moveOn()) return false;
    }
  } finally {
    time.disarm(alarm);
  }
}
