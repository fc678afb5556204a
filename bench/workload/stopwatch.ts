/**
 * Time, processor time and memory of a benchmark process, from its first record to its last.
 * @module
 */
import process from "node:process";
import { LoopDelay } from "./loop_delay.ts";

/** Measures once. */
export class Stopwatch {
  /** Memory of the process before it had anything to do, in KiB. */
  readonly #idle = residentKib();
  readonly #delays = new LoopDelay();
  #begun = 0;
  #cpu = 0;

  /** Runs from now on; again: nothing. Call it at the first record. */
  start(): void {
    if (this.#begun > 0) return;
    this.#begun = performance.now();
    this.#cpu = processorMicros();
    this.#delays.start();
  }

  /** Time and processor time since the start. */
  lap(): { readonly ms: number; readonly cpu_us: number } {
    return { ms: performance.now() - this.#begun, cpu_us: processorMicros() - this.#cpu };
  }

  /** Prints what was measured of `n` records as one line of JSON, and ends the process. */
  finish(n: number, more: Readonly<Record<string, unknown>> = {}): never {
    const took = this.lap();
    const result = {
      n,
      ...took,
      cpu_total_us: processorMicros(),
      rss_kb: peakKib(),
      idle_kb: this.#idle,
      // From the start of the process: loading code, connecting, joining the group.
      first_ms: this.#begun,
      delay_p99_ms: this.#delays.p99(),
      ...more,
    };
    console.log(JSON.stringify(result));
    Deno.exit(0);
  }
}

function processorMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function residentKib(): number {
  return Math.round(Deno.memoryUsage().rss / 1_024);
}

/** The most memory this process ever had: what Linux says, or what it has now. */
function peakKib(): number {
  try {
    const peak = /VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"));
    if (peak !== null) return Number(peak[1]);
  } catch {
    // No Linux.
  }
  return residentKib();
}
