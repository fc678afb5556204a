/**
 * Time for measuring, not for telling.
 * @module
 */
import type { Clock } from "effect";

/** Milliseconds of the clock that never goes back. */
export function monotonicMs(clock: Clock.Clock): number {
  return Number(clock.monotonicTimeNanosUnsafe()) / 1e6;
}
