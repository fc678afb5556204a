/**
 * What became of a message. A handler that returns nothing, or any other value, is done; the four outcomes here are
 * the only other answers, so there is no acknowledgement to forget.
 * @module
 */

/** Settles the message without its effect: what it published is dropped and its offset counts as resolved. */
export interface Skip {
  /** Tells the outcomes apart. */
  readonly _tag: "Skip";
  /** Why, for the log. */
  readonly reason: string;
}

/** Asks for the message again after a time; its key waits, other keys flow. Counts as an attempt, not as a failure. */
export interface RetryAfter {
  /** Tells the outcomes apart. */
  readonly _tag: "RetryAfter";
  /** Milliseconds. */
  readonly delay: number;
}

/** Sends the record to the dead-letter topic with reason `rejected`. */
export interface DeadLetter {
  /** Tells the outcomes apart. */
  readonly _tag: "DeadLetter";
  /** Why; header `dlt-error`. */
  readonly reason: string;
}

/** Leaves the message unresolved and ends the system with exit code 1. */
export interface Stop {
  /** Tells the outcomes apart. */
  readonly _tag: "Stop";
  /** Why, for the log and the exit message. */
  readonly reason: string;
}

/** The sealed set of answers other than "done". */
export type Outcome = Skip | RetryAfter | DeadLetter | Stop;

const outcomes = new WeakSet<object>();

function seal<T extends Outcome>(outcome: T): T {
  outcomes.add(outcome);
  return Object.freeze(outcome);
}

/** Whether a handler's result is one of the outcomes made here: a look-alike object is a plain value. */
export function isOutcome(value: unknown): value is Outcome {
  return typeof value === "object" && value !== null && outcomes.has(value);
}

/**
 * This message needs nothing done.
 *
 * @example
 * ```ts
 * import { skip } from "@troupe/troupe";
 * const receive = (order: { amount: number }) => order.amount === 0 ? skip("nothing to reserve") : undefined;
 * receive({ amount: 0 });
 * ```
 */
export function skip(reason = ""): Skip {
  return seal({ _tag: "Skip", reason });
}

/**
 * Not now: receive the message again after `delay` milliseconds. Throws RangeError where that is no time to wait, which
 * fails the message.
 *
 * @example
 * ```ts
 * import { retryAfter } from "@troupe/troupe";
 * const receive = (open: boolean) => open ? undefined : retryAfter(5_000);
 * receive(false);
 * ```
 */
export function retryAfter(delay: number): RetryAfter {
  if (!(delay >= 0 && delay < Infinity)) throw new RangeError(`retryAfter: expected milliseconds, got ${delay}`);
  return seal({ _tag: "RetryAfter", delay });
}

/**
 * Never: write the record to the dead-letter topic.
 *
 * @example
 * ```ts
 * import { deadLetter } from "@troupe/troupe";
 * const receive = (customer: string) => customer === "" ? deadLetter("no customer") : undefined;
 * receive("");
 * ```
 */
export function deadLetter(reason: string): DeadLetter {
  return seal({ _tag: "DeadLetter", reason });
}

/**
 * Going on would do harm: end the whole system with exit code 1 and leave this message for the next start.
 *
 * @example
 * ```ts
 * import { stop } from "@troupe/troupe";
 * const receive = (disk: { full: boolean }) => disk.full ? stop("disk full") : undefined;
 * receive({ full: true });
 * ```
 */
export function stop(reason: string): Stop {
  return seal({ _tag: "Stop", reason });
}
