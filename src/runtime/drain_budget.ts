/**
 * How long a partition that moves may take to finish what is in flight: as long as its handlers were measured to take,
 * within what the rest of the group can wait.
 * @module
 */

/** What it is made from, in milliseconds. */
export interface DrainTimes {
  /** What a system that stops has, and a partition that moves always has. */
  readonly drainTimeout: number;
  /** After that the group goes on without this member. */
  readonly rebalanceTimeout: number;
}

// Of the rebalance time-out: for what is cut short to end, and for the last commit, in milliseconds.
const RESERVE = 10_000;
// The next handlers may be slower than those that were measured, and what they publish is to be acknowledged.
const MARGIN = 1.5;
const ACKNOWLEDGED = 1_000;

/** The longest that a partition that moves can be given, in milliseconds. */
function longestDrain({ drainTimeout, rebalanceTimeout }: DrainTimes): number {
  return Math.max(drainTimeout, rebalanceTimeout - RESERVE);
}

/** What partitions that move are given beyond `drainTimeout`; `slowest` are the slowest handlers of late. */
export function extraDrain(times: DrainTimes, slowest: ReadonlyArray<number>): number {
  const wanted = Math.max(0, ...slowest) * MARGIN + ACKNOWLEDGED;
  return Math.max(0, Math.min(longestDrain(times), wanted) - times.drainTimeout);
}

/** What a handler of that many milliseconds needs, and does not have; null where it has. */
export function tooShort(times: DrainTimes, ms: number): string | null {
  const { drainTimeout } = times;
  if (ms <= drainTimeout) return null;
  const longest = longestDrain(times);
  const moves = ms <= longest
    ? ""
    : ` and ${longest} ms (rebalanceTimeout, less ${RESERVE / 1_000} s) when its partition moves`;
  const also = moves === "" ? "" : ` and rebalanceTimeout to ${ms + RESERVE}`;
  return `but has only ${drainTimeout} ms (drainTimeout) when the system stops${moves}; what is cut short then is done ` +
    `again: set drainTimeout to ${ms}${also} or more`;
}
