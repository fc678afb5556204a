/**
 * The shop's error answers: JSON, always with an `error`.
 * @module
 */
import type { z } from "zod";

/** One thing that is wrong with a request. */
export interface Issue {
  /** Where, with dots: `items.0.quantity`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** An error answer. `more` stands beside `error` in its body. */
export function problem(
  status: number,
  error: string,
  headers?: Readonly<Record<string, string>>,
  more?: Readonly<Record<string, unknown>>,
): Response {
  return Response.json({ error, ...more }, { status, headers });
}

/** 400, and what is wrong. */
export function badRequest(error: string, issues: ReadonlyArray<Issue>): Response {
  return problem(400, error, undefined, { issues });
}

/** Zod's issues as a customer reads them. */
export function issuesOf(error: z.ZodError): ReadonlyArray<Issue> {
  return error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
}

/** 405 for a resource that knows the methods of `allow` only. */
export function notAllowed(allow: string): Response {
  return problem(405, `expected ${allow}`, { Allow: allow });
}
