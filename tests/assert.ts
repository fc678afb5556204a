/**
 * The assertions the tests use: those of `@std/assert`, or of `node:assert/strict` on a machine that reaches npm but
 * not JSR.
 * @module
 */
import node from "node:assert/strict";

const std = await import("@std/assert").catch(() => undefined);

// deno-lint-ignore no-explicit-any
type ErrorClass = abstract new (...args: any[]) => Error;

function like(errorClass: ErrorClass, includes = "") {
  return (error: unknown) => error instanceof errorClass && error.message.includes(includes);
}

/** Fails unless `value` is truthy. */
export const assert: (value: unknown, message?: string) => asserts value = std?.assert ?? node.ok;

/** Fails unless `actual` deeply equals `expected`. */
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = std?.assertEquals ??
  node.deepStrictEqual;

/** Fails if `actual` deeply equals `expected`. */
export const assertNotEquals: <T>(actual: T, expected: T, message?: string) => void = std?.assertNotEquals ??
  node.notDeepStrictEqual;

/** Fails unless `actual` matches `expected`. */
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void = std?.assertMatch ?? node.match;

/** Fails unless `actual` contains `expected`. */
export const assertStringIncludes: (actual: string, expected: string, message?: string) => void =
  std?.assertStringIncludes ??
    ((actual, expected, message) =>
      node.ok(
        actual.includes(expected),
        message ?? `${JSON.stringify(actual)} does not contain ${JSON.stringify(expected)}`,
      ));

/** Fails unless `fn` throws an `errorClass` whose message includes `includes`. */
export const assertThrows: (fn: () => unknown, errorClass: ErrorClass, includes?: string) => void = std?.assertThrows ??
  ((fn, errorClass, includes) => node.throws(fn, like(errorClass, includes)));

/** Fails unless `fn` rejects with an `errorClass` whose message includes `includes`. */
export const assertRejects: (
  fn: () => Promise<unknown>,
  errorClass: ErrorClass,
  includes?: string,
) => Promise<unknown> = std?.assertRejects ??
  ((fn, errorClass, includes) => node.rejects(fn, like(errorClass, includes)));
