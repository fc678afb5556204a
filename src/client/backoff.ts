/**
 * Pauses between attempts.
 * @module
 */
import { Effect, Random } from "effect";

/** Longer than any quota makes a client wait: what goes beyond is a damaged number, and the broker itself holds back. */
const longestThrottle = 60_000;

/** How long to leave a broker alone that asks for `throttleTimeMs`. */
export function throttled(throttleTimeMs: number): number {
  return Math.min(throttleTimeMs, longestThrottle);
}

/** The `attempt`-th pause (from 0): doubles from `first` up to `cap` milliseconds, less up to a quarter at random. */
export function pause(attempt: number, first: number, cap: number): Effect.Effect<void> {
  const full = Math.min(cap, first * 2 ** Math.min(attempt, 30));
  return Effect.flatMap(Random.next, (random) => Effect.sleep(Math.max(1, Math.round(full * (1 - random / 4)))));
}
