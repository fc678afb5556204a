/**
 * One login: what a mechanism says in turn with a broker.
 * @module
 */
import { Effect } from "effect";

/** The login failed; the message is one line without anything secret. */
export class SaslFault extends Error {
  /** Printed in stack traces. */
  override readonly name = "SaslFault";
}

/** One login under way. */
export interface Login {
  /**
   * The next message, given the broker's answer to the last one (empty at first); null when the login is complete. Throws
   * what is wrong with the answer.
   */
  readonly next: (answer: Uint8Array) => Uint8Array | null | Promise<Uint8Array | null>;
  /** Who logs in, for errors. */
  readonly who: string;
  /** Told when the broker has refused it. */
  readonly refused?: () => void;
  /** What must not appear in an error that the broker words. */
  readonly secrets: ReadonlyArray<string>;
}

/** What a function of the program's gives. What it throws is told in its own words, on one line. */
export function asked<T>(field: string, give: () => T | Promise<T>): Effect.Effect<T, SaslFault> {
  return Effect.tryPromise({
    try: async () => await give(),
    catch: (cause) => new SaslFault(`${field} failed: ${oneLine(cause)}`, { cause }),
  });
}

function oneLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, " ").trim();
}
