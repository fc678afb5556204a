/**
 * What a handler's call came to: a plain function's answer is there at once; a Promise or an Effect is waited for.
 * @module
 */
import { Cause, Effect, Exit, Fiber, Option } from "effect";
import { isOutcome, type Outcome } from "../outcome.ts";

/** What became of one call of a handler. */
export type Answered =
  | { readonly _tag: "Done"; readonly value: unknown }
  | { readonly _tag: "Outcome"; readonly outcome: Outcome }
  | { readonly _tag: "Failed"; readonly error: unknown }
  | { readonly _tag: "Defect"; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "TimedOut" };

const nothing: Answered = { _tag: "Done", value: undefined };

/** A failed call. */
export function failed(error: unknown): Answered {
  return { _tag: "Failed", error };
}

/** Whether there is anything to wait for: false for most results of plain functions. */
export function isPending(result: unknown): boolean {
  if (result === null || (typeof result !== "object" && typeof result !== "function")) return false;
  return typeof (result as { then?: unknown }).then === "function" || isUnfinished(result);
}

/** An Effect that is still to be run. A service's key is one, and a function. */
function isUnfinished(value: unknown): value is Effect.Effect<unknown, unknown> {
  return Effect.isEffect(value) && !Exit.isExit(value);
}

/** The answer of a result that is not pending. */
export function answered(value: unknown): Answered {
  if (value === undefined) return nothing;
  if (isOutcome(value)) return { _tag: "Outcome", outcome: value };
  if (value !== null && (typeof value === "object" || typeof value === "function")) {
    if (Exit.isExit(value)) return ofExit(value);
    if (isUnfinished(value)) {
      const detail = "a handler's Promise or Effect gave an Effect, which nobody runs: return the Effect itself";
      return { _tag: "Defect", cause: Cause.die(new TypeError(detail)) };
    }
  }
  return { _tag: "Done", value };
}

function ofExit(exit: Exit.Exit<unknown, unknown>): Answered {
  if (Exit.isSuccess(exit)) return answered(exit.value);
  const { cause } = exit;
  if (Cause.hasDies(cause)) return { _tag: "Defect", cause };
  const error = Cause.findErrorOption(cause);
  return failed(Option.isSome(error) ? error.value : new Error("the handler's Effect was interrupted"));
}

/** Handler fibers under way: interrupted, and waited for a moment, when their incarnation ends. */
export class Handlers {
  readonly #fibers = new Set<Fiber.Fiber<unknown, unknown>>();

  /**
   * Waits for a pending result, `limit` milliseconds at most. A handler that does not stop when it is told to is left
   * behind: its answer is not looked at any more.
   */
  wait(result: unknown, limit: number): Effect.Effect<Answered> {
    const answer = Effect.isEffect(result)
      ? this.#run(result as Effect.Effect<unknown, unknown>)
      : ofPromise(result as PromiseLike<unknown>);
    return Effect.map(
      Effect.timeoutOption(answer, limit),
      (value) => Option.isSome(value) ? value.value : { _tag: "TimedOut" },
    );
  }

  // In a fiber of its own, so that whoever stops waiting doesn't have to wait for the handler's finalizers; and in a
  // scope of its own: what a handler acquires for one message is released with it.
  #run(effect: Effect.Effect<unknown, unknown>): Effect.Effect<Answered> {
    return Effect.flatMap(Effect.context<never>(), (context) =>
      Effect.callback<Answered>((resume) => {
        const fiber = Effect.runForkWith(context)(Effect.scoped(effect));
        this.#fibers.add(fiber);
        fiber.addObserver((exit) => {
          this.#fibers.delete(fiber);
          resume(Effect.succeed(ofExit(exit)));
        });
        return Effect.sync(() => fiber.interruptUnsafe());
      }));
  }

  /** Waits for handlers that were interrupted, `grace` milliseconds at most. */
  settle(grace: number): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#fibers.size === 0 ? Effect.void : Effect.asVoid(
        Effect.timeoutOption(
          Effect.forEach([...this.#fibers], (fiber) => Fiber.await(fiber), { discard: true }),
          grace,
        ),
      )
    );
  }
}

function ofPromise(promise: PromiseLike<unknown>): Effect.Effect<Answered> {
  return Effect.callback<Answered>((resume) => {
    Promise.resolve(promise).then(
      (value) => resume(Effect.succeed(answered(value))),
      (error) => resume(Effect.succeed(failed(error))),
    );
  });
}
