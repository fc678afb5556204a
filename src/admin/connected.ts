/**
 * What a program that knows no Effect holds of a client: it ends when it is closed, and with it all that is under way.
 * @module
 */
import { type Context, Deferred, Effect, Exit, Layer, Scope } from "effect";
import { z } from "zod";
import { ConnectionError } from "../errors.ts";
import { loggerLayer, type LogLevel } from "../logger.ts";
import { parseOptions } from "../options.ts";

const levelSchema: z.ZodType<LogLevel> = z.enum(["debug", "info", "warn", "error", "none"]);

/** Calls in Effect of something that is connected, run as Promises. */
export class Connected<Calls> {
  readonly #context: Context.Context<never>;
  readonly #scope: Scope.Closeable;
  readonly #closed = Deferred.makeUnsafe<never, ConnectionError>();
  readonly #underWay = new Set<Promise<unknown>>();

  private constructor(
    /** What can be asked for. */
    readonly calls: Calls,
    context: Context.Context<never>,
    scope: Scope.Closeable,
  ) {
    this.#context = context;
    this.#scope = scope;
  }

  /** Makes it in a scope of its own, which also ends where that fails. Log lines are written from `logLevel` on. */
  static async open<Calls, E>(
    make: Effect.Effect<Calls, E, Scope.Scope>,
    logLevel: LogLevel,
  ): Promise<Connected<Calls>> {
    const logger = await loggerLayer(parseOptions(levelSchema, logLevel, "logLevel"));
    const scope = Scope.makeUnsafe();
    const made = Effect.gen(function* () {
      const context = yield* Layer.build(logger);
      return new Connected(yield* Effect.provideContext(make, context), context, scope);
    });
    return await Effect.runPromise(
      made.pipe(Scope.provide(scope), Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))),
    );
  }

  /** Runs a call until it ends, `signal` is aborted, or this is closed. */
  run<A, E>(call: Effect.Effect<A, E>, signal?: AbortSignal): Promise<A> {
    const run = Effect.runPromiseWith(this.#context);
    const answer = run(Effect.raceFirst(Deferred.await(this.#closed), call), { signal });
    const ended = answer.then(() => {}, () => {}).finally(() => this.#underWay.delete(ended));
    this.#underWay.add(ended);
    return answer;
  }

  /** Calls under way, and later ones, reject with a ConnectionError of this broker and words; then the connections end. */
  async close(broker: string, words: string): Promise<void> {
    Deferred.doneUnsafe(this.#closed, Exit.fail(new ConnectionError(broker, "closed", words)));
    await Promise.all(this.#underWay);
    await Effect.runPromise(Scope.close(this.#scope, Exit.void));
  }
}
