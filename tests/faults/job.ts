/**
 * The job that goes on while faults happen: a publisher that counts what is acknowledged, and consumers that say what they
 * handled. Two programs do it, ours.ts and stock.ts, both by what stands here.
 * @module
 */

/** What a program is told, as JSON in its first argument. */
export interface Job {
  readonly role: "publish" | "consume";
  readonly brokers: string;
  readonly topic: string;
  readonly group: string;
  /** How ours is a member of it. */
  readonly groupProtocol: "classic" | "consumer";
  /** Records a second. */
  readonly rate: number;
  /** Bytes of each record's value, about. */
  readonly size: number;
}

/** How many keys there are; record `id` has the key `id % keys`. */
export const keys = 60;

/** What a publisher says when it ends. */
export interface Published {
  /** Ids 0 to this, less one, were handed over for publishing. */
  readonly handed: number;
  /** Those that were acknowledged, by runs of ids: first, last. */
  readonly acknowledged: ReadonlyArray<readonly [number, number]>;
  /** Those that were given up, and why. */
  readonly failed: Readonly<Record<string, number>>;
  /** Those of which nothing had been heard in the end. */
  readonly open: number;
  /** The longest time from handing over to the acknowledgement, or to the end, in ms. */
  readonly slowest: number;
}

/** The job as a program gets it. */
export function readJob(): Job {
  return JSON.parse(Deno.args[0]);
}

const encoder = new TextEncoder();

/** Writes a line at once: a killed process must not take it along. */
export function say(line: string): void {
  const bytes = encoder.encode(`${line}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** One record was handled. */
export function sayHandled(partition: number, offset: number | string, id: number): void {
  say(`h ${partition} ${offset} ${id} ${Date.now()}`);
}

/** Resolves with SIGTERM. */
export function asked(): Promise<void> {
  return new Promise((resolve) => Deno.addSignalListener("SIGTERM", resolve));
}

/** Counts SIGTERMs: the first asks for the end of publishing, the second for that of waiting. */
function countSignals(): () => number {
  let count = 0;
  Deno.addSignalListener("SIGTERM", () => count++);
  return () => count;
}

/** Hands records over at a rate and counts what becomes of each. */
export class Counter {
  readonly #acknowledged = new Set<number>();
  readonly #failed: Record<string, number> = {};
  readonly #since = new Map<number, number>();
  #slowest = 0;
  #open = 0;
  #handed = 0;

  constructor(readonly job: Job, readonly publish: (key: string, value: string, id: number) => Promise<unknown>) {}

  /** Publishes until SIGTERM comes, waits for all that is open, until another comes, and says how it went. */
  async run(): Promise<void> {
    const pad = "x".repeat(Math.max(0, this.job.size - 12));
    const signals = countSignals();
    const begun = performance.now();
    const told = setInterval(() => say(`acknowledged ${this.#acknowledged.size}`), 100);
    // A program that can't get rid of its records takes no more in after a while.
    const most = Math.max(2_000, this.job.rate * 30);
    while (signals() === 0) {
      const due = (performance.now() - begun) * this.job.rate / 1_000;
      while (this.#handed < due && this.#open < most) this.#hand(pad);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    while (this.#open > 0 && signals() === 1) await new Promise((resolve) => setTimeout(resolve, 5));
    clearInterval(told);
    const published: Published = {
      handed: this.#handed,
      acknowledged: runs(this.#acknowledged),
      failed: this.#failed,
      open: this.#open,
      slowest: Math.round(Math.max(this.#slowest, ...[...this.#since.values()].map((at) => performance.now() - at))),
    };
    say(`published ${JSON.stringify(published)}`);
  }

  #hand(pad: string): void {
    const id = this.#handed++;
    const at = performance.now();
    this.#open++;
    this.#since.set(id, at);
    this.publish(`k-${id % keys}`, JSON.stringify({ id, pad }), id).then(
      () => {
        this.#acknowledged.add(id);
        this.#slowest = Math.max(this.#slowest, performance.now() - at);
      },
      (error: Error) => {
        const why = error.message.slice(0, 120);
        this.#failed[why] = (this.#failed[why] ?? 0) + 1;
      },
    ).finally(() => {
      this.#open--;
      this.#since.delete(id);
    });
  }
}

/** Ascending runs of numbers. */
function runs(numbers: ReadonlySet<number>): ReadonlyArray<readonly [number, number]> {
  const found: Array<[number, number]> = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}
