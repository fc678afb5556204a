/**
 * How a member's run is asked to end, and is waited for.
 * @module
 */
import { Deferred, Effect, Exit } from "effect";

/** One member's leaving. */
export class Departure {
  /** Whether it was asked for. */
  asked = false;
  readonly #asking = Deferred.makeUnsafe<void>();
  #ended: Deferred.Deferred<void> | null = null;

  /** Ends when it is asked for. */
  readonly awaited: Effect.Effect<void> = Effect.suspend(() => Deferred.await(this.#asking));

  /** Runs `loop`, then `end`, whatever has ended it; only then is anybody who leaves gone. */
  during<E>(loop: Effect.Effect<void, E>, end: Effect.Effect<void>): Effect.Effect<void, E> {
    return Effect.suspend(() => {
      const ended = this.#ended = Deferred.makeUnsafe<void>();
      return Effect.ensuring(loop, Effect.andThen(end, Deferred.done(ended, Exit.void)));
    });
  }

  /** Asks for it, and waits until a run that has begun is over. `wake` is called once it is asked for. */
  ask(wake: () => void): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.asked = true;
      Deferred.doneUnsafe(this.#asking, Exit.void);
      wake();
      return this.#ended === null ? Effect.void : Deferred.await(this.#ended);
    });
  }
}
