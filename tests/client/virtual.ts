/**
 * Runs a test in virtual time.
 * @module
 */
import { Effect, Logger, type Scope } from "effect";
import { TestClock } from "effect/testing";

/** Runs `body` under a TestClock with a scope of its own; log lines go to `log`. */
export function virtual<A, E>(body: Effect.Effect<A, E, Scope.Scope>, log: Array<string> = []): Promise<A> {
  const logger = Logger.make(({ message }) => void log.push(String(message)));
  return Effect.runPromise(
    Effect.andThen(TestClock.adjust(0), body).pipe(
      Effect.scoped,
      Effect.provide(TestClock.layer()),
      Effect.provide(Logger.layer([logger])),
    ),
  );
}

/**
 * Moves virtual time on in small steps, so that what a timer sets off has its turn before the next timer is due:
 * `TestClock.adjust` alone goes straight to the end.
 */
export const advance: (ms: number, step?: number) => Effect.Effect<void> = Effect.fnUntraced(
  function* (ms: number, step = 5) {
    for (let at = 0; at < ms; at += step) {
      yield* TestClock.adjust(Math.min(step, ms - at));
      yield* Effect.yieldNow;
    }
  },
);
