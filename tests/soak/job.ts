/**
 * The work of the soak: numbered tasks, each of which gets one answer. Two programs do it, ours.ts and stock.ts, both by
 * what stands here.
 *
 * It has the shape of the shop's inventory, but is not that program: a task of which a key has many, each with a number, and
 * an answer that says who gave it, is what can be counted. The shop answers an order's key once, and signs nothing.
 * @module
 */

/** What a worker is told, as JSON in its first argument. */
export interface Job {
  readonly brokers: string;
  readonly tasks: string;
  readonly answers: string;
  readonly group: string;
  /** Its number, which stands in each of its answers. */
  readonly worker: number;
  /** The file in which it notes what it begins with. */
  readonly journal: string;
  readonly groupProtocol: "classic" | "consumer";
  /** Milliseconds. */
  readonly sessionTimeout: number;
  readonly order: "key" | "partition";
  /** This share of the tasks takes so many milliseconds; the rest takes none. */
  readonly slow: Slow;
}

/** How many tasks are slow, and how slow. */
export interface Slow {
  /** 0 to 1. */
  readonly share: number;
  readonly ms: number;
}

/** What the publisher of the tasks is told. */
export type Load = Pick<Job, "brokers" | "tasks">;

/** Task `id` is number `id / keys` of the key `id % keys`. */
export const keys = 600;

/** Of both topics, so that an answer is written to the partition of its task. */
export const partitions = 12;

/** A task's key. */
export function keyOf(id: number): string {
  return `k-${id % keys}`;
}

/** Whether a task is one of the slow ones: the same for whoever does it, and again. */
export function isSlow(id: number, { share }: Slow): boolean {
  return Math.imul(id + 1, 0x9e3779b1) >>> 0 < share * 2 ** 32;
}

/** Waits. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Tells when this process stood still for two seconds or more: it may have lost its partitions by that. */
export function watchStalls(say: (line: string) => void): Disposable {
  let last = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - last > 2_000) say(`stall ${last} ${now}`);
    last = now;
  }, 200);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
