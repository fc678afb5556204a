/**
 * Pauses of the event loop, by a timer that comes late: while a handler computes, heartbeats, HTTP and signals wait.
 * @module
 */

/** How often the loop is looked at, in milliseconds. */
const interval = 200;
/** For how long a pause that was too long is held against the process, in milliseconds. */
const remembered = 10_000;

/** Watches the event loop of this process, in real time, until it is disposed of. */
export class EventLoopWatch implements Disposable {
  /** The longest pause since the start, in milliseconds. */
  longest = 0;
  /** How many were too long. */
  stalls = 0;
  #due = performance.now() + interval;
  #last: { readonly at: number; readonly ms: number } | null = null;
  readonly #timer: ReturnType<typeof setInterval>;

  /** `stalled` is told of each pause of `limit` milliseconds or more, once it is over. */
  constructor(private readonly limit: number, private readonly stalled: (ms: number) => void) {
    this.#timer = setInterval(() => this.#look(), interval);
    // Whether a process lives on is not for a watch to say.
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** What is wrong with the loop, in words. */
  trouble(): ReadonlyArray<string> {
    if (this.#last === null || performance.now() - this.#last.at > remembered) return [];
    return [`the event loop stood still for ${this.#last.ms} ms, shortly before`];
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    const late = Math.max(0, Math.round(now - this.#due));
    this.#due = now + interval;
    this.longest = Math.max(this.longest, late);
    if (late < this.limit) return;
    this.stalls++;
    this.#last = { at: now, ms: late };
    this.stalled(late);
  }
}
