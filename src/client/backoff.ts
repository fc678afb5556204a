/**
 * Pauses between attempts.
 * @module
 */
import { Effect, Random } from "effect";

/** The `attempt`-th pause (from 0): doubles from `first` up to `cap` milliseconds, less up to a quarter at random. */
export function pause(attempt: number, first: number, cap: number): Effect.Effect<void> {
  const full = Math.min(cap, first * 2 ** Math.min(attempt, 30));
  return Effect.flatMap(Random.next, (random) => Effect.sleep(Math.max(1, Math.round(full * (1 - random / 4)))));
}
