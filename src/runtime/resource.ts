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
    ? Effect.tryPromise({ try: () => out as PromiseLike<unknown>, catch: (cause) => cause })
    : Effect.succeed(out as unknown);
  return Effect.tap(value, (resource) => Effect.addFinalizer(() => dispose(resource)));
};

const dispose = (resource: unknown): Effect.Effect<void> => {
  if (typeof resource !== "object" || resource === null) return Effect.void;
  const { [Symbol.asyncDispose]: later, [Symbol.dispose]: now } = resource as Partial<AsyncDisposable & Disposable>;
  if (later !== undefined) return Effect.ignore(Effect.tryPromise(() => Promise.resolve(later.call(resource))));
  return now === undefined ? Effect.void : Effect.ignore(Effect.try(() => now.call(resource)));
};
