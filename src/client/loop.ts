/**
 * Background loops that nobody awaits.
 * @module
 */
import { Cause, Effect, type Fiber, type Scope } from "effect";

/**
 * Forks a loop that ends with `scope`. A defect in it would be reported nowhere and leave the client alive and deaf: it
 * is logged, and the loop starts again a second later.
 */
export function forkLoop(
  name: string,
  loop: Effect.Effect<unknown, unknown>,
  scope: Scope.Scope,
): Effect.Effect<Fiber.Fiber<void>> {
  const guarded: Effect.Effect<void> = Effect.asVoid(loop).pipe(
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.andThen(Effect.logError(`${name} failed and starts again`, cause), Effect.sleep(1_000)).pipe(
          Effect.andThen(Effect.suspend(() => guarded)),
        )
    ),
  );
  return Effect.forkIn(guarded, scope);
}
