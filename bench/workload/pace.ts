/**
 * Sends at a steady pace and measures how long each record takes to come back.
 * @module
 */
import { orderId, type OrderRecord, orderRecord } from "./order.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Records a second. */
const pace = 500;
/** Records that are sent before any counts. */
const unmeasured = 3 * pace;

/** See the module. */
export class Pace {
  readonly #sentAt: Float64Array;
  readonly #took: Float64Array;
  #missing: number;
  readonly #all = Promise.withResolvers<void>();

  /** `count` records are measured. */
  constructor(private readonly count: number, private readonly stopwatch: Stopwatch) {
    this.#missing = count + unmeasured;
    this.#sentAt = new Float64Array(this.#missing);
    this.#took = new Float64Array(this.#missing);
  }

  /** Sends all, waits until they have come back, and ends the process. A send that fails ends it, too. */
  async run(send: (record: OrderRecord) => Promise<unknown>): Promise<never> {
    const records = Array.from({ length: this.#missing }, (_, id) => orderRecord(id, 0));
    const begun = performance.now();
    for (const [id, record] of records.entries()) {
      const wait = begun + id * 1_000 / pace - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      if (id === unmeasured) this.stopwatch.start();
      this.#sentAt[id] = performance.now();
      send(record).catch((error) => {
        console.error(error);
        Deno.exit(1);
      });
    }
    await this.#all.promise;
    const took = this.#took.subarray(unmeasured).sort();
    const at = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))];
    return this.stopwatch.finish(this.count, { p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) });
  }

  /** The record with this key has come back. */
  came(key: string): void {
    const id = orderId(key);
    if (this.#took[id] > 0) return;
    this.#took[id] = performance.now() - this.#sentAt[id];
    if (--this.#missing === 0) this.#all.resolve();
  }
}
