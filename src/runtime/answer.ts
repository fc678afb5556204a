/**
 * What a handler's call came to: a plain function's answer is there at once; a Promise or an Effect is waited for.
 * @module
 */
import { Cause, type Context, Effect, Exit, Fiber, Option } from "effect";
import { LeaseLost } from "../errors.ts";
import { isOutcome, type Outcome } from "../outcome.ts";
import type { Deadlines } from "./deadlines.ts";

/** What became of one call of a handler. */
export type Answered =
  | { readonly _tag: "Done"; readonly value: unknown }
  | { readonly _tag: "Outcome"; readonly outcome: Outcome }
  | { readonly _tag: "Failed"; readonly error: unknown }
  | { readonly _tag: "Defect"; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "TimedOut" };

const nothing: Answered = { _tag: "Done", value: undefined };
const timedOut: Answered = { _tag: "TimedOut" };

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
  if (Cause.hasDies(cause)) {
    // What a look at the lease throws within an Effect is no bug.
    const defect = Cause.squash(cause);
    return defect instanceof LeaseLost ? failed(defect) : { _tag: "Defect", cause };
  }
  const error = Cause.findErrorOption(cause);
  return failed(Option.isSome(error) ? error.value : new Error("the handler's Effect was interrupted"));
}

/** Whether a pending result is a Promise, which needs no fiber to be waited for. */
export function isPromise(result: unknown): result is PromiseLike<unknown> {
  return !Effect.isEffect(result);
}

/** Tells once what became of a Promise. */
export function follow(promise: PromiseLike<unknown>, settled: (answer: Answered) => void): void {
  Promise.resolve(promise).then((value) => settled(answered(value)), (error) => settled(failed(error)));
}

/** Handlers under way. One that does not stop when it is told to is left behind: its answer is not looked at. */
export class Handlers {
  readonly #fibers = new Set<Fiber.Fiber<unknown, unknown>>();
  readonly #abandoned = new Set<() => void>();

  /** `took` is told how long each took that came to an end, in milliseconds. */
  constructor(private readonly deadlines: Deadlines, private readonly took: (ms: number) => void = () => {}) {}

  /** Waits for a Promise without a fiber: tells once what became of it, or calls `abandoned` at the end. */
  await(promise: PromiseLike<unknown>, settled: (answer: Answered) => void, abandoned: () => void): void {
    const settle = (answer: Answered) => {
      if (!this.#abandoned.delete(abandoned)) return; // too late
      this.deadlines.cancel(deadline);
      if (answer !== timedOut) this.took(this.deadlines.elapsed(deadline));
      settled(answer);
    };
    const deadline = this.deadlines.watch(() => settle(timedOut));
    this.#abandoned.add(abandoned);
    follow(promise, settle);
  }

  /** Waits for any pending result. */
  wait(result: unknown): Effect.Effect<Answered> {
    return Effect.flatMap(Effect.context<never>(), (context) =>
      Effect.callback<Answered>((resume) => {
        let fiber: Fiber.Fiber<unknown, unknown> | undefined;
        let over = false;
        const settle = (answer: Answered) => {
          if (over) return; // what comes of an interruption is no answer
          over = true;
          this.deadlines.cancel(deadline);
          this.took(this.deadlines.elapsed(deadline));
          resume(Effect.succeed(answer));
        };
        const stop = () => {
          over = true;
          this.deadlines.cancel(deadline);
          fiber?.interruptUnsafe();
        };
        const deadline = this.deadlines.watch(() => {
          stop(); // first: who waits goes on within the next call, and may begin with the key's next message
          resume(Effect.succeed(timedOut));
        });
        if (isPromise(result)) follow(result, settle);
        else fiber = this.#run(context, result as Effect.Effect<unknown, unknown>, settle);
        return Effect.sync(stop);
      }));
  }

  // In a fiber of its own, so that whoever stops waiting doesn't have to wait for the handler's finalizers; and in a
  // scope of its own: what a handler acquires for one message is released with it.
  #run(
    context: Context.Context<never>,
    effect: Effect.Effect<unknown, unknown>,
    settle: (answer: Answered) => void,
  ): Fiber.Fiber<unknown, unknown> {
    const fiber = Effect.runForkWith(context)(Effect.scoped(effect));
    this.#fibers.add(fiber);
    fiber.addObserver((exit) => {
      this.#fibers.delete(fiber);
      settle(ofExit(exit));
    });
    return fiber;
  }

  /** Abandons what is awaited, then waits for handlers that were interrupted, `grace` milliseconds at most. */
  end(grace: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      for (const abandoned of this.#abandoned) abandoned();
      this.#abandoned.clear();
      if (this.#fibers.size === 0) return Effect.void;
      const ended = Effect.forEach([...this.#fibers], (fiber) => Fiber.await(fiber), { discard: true });
      return Effect.asVoid(Effect.timeoutOption(ended, grace));
    });
  }
}
