/**
 * Resources in whatever form a user gives them: a value, a Promise of one, or a scoped Effect.
 * @module
 */
import { Effect, type Scope } from "effect";

/** What the user's function returned, as a resource of the scope. */
export const acquire = (out: unknown): Effect.Effect<unknown, unknown, Scope.Scope> => {
  if (Effect.isEffect(out)) return out as Effect.Effect<unknown, unknown, Scope.Scope>;
  if (typeof out !== "object" || out === null) return Effect.succeed(out);
  const value = typeof (out as PromiseLike<unknown>).then === "function"
    ? awaited(Promise.resolve(out as PromiseLike<unknown>))
    : Effect.succeed(out as unknown);
  // Nothing may come between having it and knowing how to let it go.
  return Effect.uninterruptibleMask((restore) =>
    Effect.tap(restore(value), (resource) => Effect.addFinalizer(() => dispose(resource)))
  );
};

/** Waits for a resource; one that comes when nobody waits any more is disposed of. */
const awaited = (promise: Promise<unknown>): Effect.Effect<unknown, unknown> =>
  Effect.tryPromise({ try: () => promise, catch: (cause) => cause }).pipe(
    Effect.onInterrupt(() =>
      Effect.map(Effect.context<never>(), (context) => {
        const discard = (late: unknown) => void Effect.runForkWith(context)(dispose(late));
        promise.then(discard, () => {});
      })
    ),
  );

const dispose = (resource: unknown): Effect.Effect<void> => {
  if (typeof resource !== "object" || resource === null) return Effect.void;
  const { [Symbol.asyncDispose]: later, [Symbol.dispose]: now } = resource as Partial<AsyncDisposable & Disposable>;
  if (later !== undefined) return Effect.ignore(Effect.tryPromise(() => Promise.resolve(later.call(resource))));
  return now === undefined ? Effect.void : Effect.ignore(Effect.try(() => now.call(resource)));
};
