/**
 * A clock that goes on while nothing runs, as for a process that was frozen: timers are late, and only who asks knows.
 * @module
 */
import { type Clock, Effect } from "effect";

/** See the module. */
export interface FrozenClock {
  readonly clock: Clock.Clock;
  /** So much time has passed at once, in milliseconds. */
  readonly freeze: (ms: number) => void;
}

/** Over another clock, whose timers it has. */
export function frozenClock(base: Clock.Clock): FrozenClock {
  let ahead = 0;
  const millis = () => base.currentTimeMillisUnsafe() + ahead;
  const nanos = () => base.currentTimeNanosUnsafe() + BigInt(ahead) * 1_000_000n;
  const monotonic = () => base.monotonicTimeNanosUnsafe() + BigInt(ahead) * 1_000_000n;
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) => base.sleep(duration),
  };
  return { clock, freeze: (ms) => ahead += ms };
}
