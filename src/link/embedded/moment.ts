/**
 * The time and the chance a request is applied with: those of the fiber that called it, so that one program with one
 * seed always runs the same way.
 * @module
 */
import { Clock, type Fiber, Random } from "effect";

/** When a request is applied, and its source of randomness. */
export interface Moment {
  /** Milliseconds of the clock that never goes back: for deadlines. */
  readonly monotonic: number;
  /** Milliseconds since 1970: for timestamps. */
  readonly wall: number;
  /** The next number in [0, 1). */
  readonly random: () => number;
}

/** Now, for this fiber. */
export function momentOf(fiber: Fiber.Fiber<unknown, unknown>): Moment {
  const clock = fiber.getRef(Clock.Clock);
  const random = fiber.getRef(Random.Random);
  return {
    monotonic: Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
    wall: clock.currentTimeMillisUnsafe(),
    random: () => random.nextDoubleUnsafe(),
  };
}

/** An id nobody has had: 32 hex digits. */
export function randomId(now: Moment): string {
  let id = "";
  for (let i = 0; i < 4; i++) id += Math.floor(now.random() * 0x1_0000_0000).toString(16).padStart(8, "0");
  return id;
}
