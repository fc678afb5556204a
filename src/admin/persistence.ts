/**
 * Going on asking, up to a deadline.
 * @module
 */
import { Effect } from "effect";
import { pause } from "../client/backoff.ts";
import { ConnectionError } from "../errors.ts";
import type { AdminError } from "./refusals.ts";

/** What was in the way may be gone a moment later: worth another try. */
export class NotYet {
  /** For `Effect.catchTag`. */
  readonly _tag = "NotYet";
  /** `error` is what is told if it is still in the way at the deadline. */
  constructor(readonly error: AdminError) {}
}

/** Connections that fail in these ways fail in the same way the next time. */
const final: ReadonlySet<ConnectionError["reason"]> = new Set(["authentication", "tls", "unsupported"]);

/**
 * Tries until it succeeds or is refused for good, `limit` milliseconds at most, with growing pauses. At the deadline it
 * fails with what was in the way last; where nothing was ever answered, `what` says what was to be done.
 */
export function persist<A>(
  attempt: (failures: number) => Effect.Effect<A, AdminError | NotYet>,
  limit: number,
  what: string,
): Effect.Effect<A, AdminError> {
  return Effect.suspend(() => {
    let trouble: AdminError = new ConnectionError("(any)", "timeout", `${what}: no answer within ${limit} ms`);
    const tries = Effect.gen(function* () {
      for (let failures = 0;; failures++) {
        const result = yield* Effect.result(attempt(failures));
        if (result._tag === "Success") return result.success;
        const error = result.failure;
        if (error._tag === "NotYet") trouble = error.error;
        else if (error._tag === "ConnectionError" && !final.has(error.reason)) trouble = error;
        else return yield* Effect.fail(error);
        yield* pause(failures, 50, 1_000);
      }
    });
    return Effect.timeoutOrElse(tries, { duration: limit, orElse: () => Effect.fail(trouble) });
  });
}
