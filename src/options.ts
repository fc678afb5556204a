/**
 * Reading options: one schema validates and gives the defaults, a wrong option is one clear line.
 * @module
 */
import { z } from "zod";
import { ConfigError } from "./errors.ts";

/** Parses `value`; the first thing wrong with it becomes a {@linkcode ConfigError} that names the field. */
export function parseOptions<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const stray = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [name, ...issue.path.map(String), stray ?? ""].filter((part) => part !== "");
  throw new ConfigError(path.join("."), stray === undefined ? issue.message : "no such option; look at its spelling");
}

/** The longest time a timer takes, in milliseconds: 24 days. */
const longest = 2 ** 31 - 1;

/** A time in milliseconds, `least` or more. */
export function milliseconds(least = 1): z.ZodType<number, number> {
  const expected = `expected a number of milliseconds, ${least} or more`;
  return z.number(expected).min(least, expected).max(longest, "expected at most 2,147,483,647 ms (24 days)");
}

/** A whole number from `least` to `most`, of `what`. */
export function count(what: string, least = 1, most: number = longest): z.ZodType<number, number> {
  const range = most === longest ? `${least} or more` : `from ${least} to ${most.toLocaleString("en")}`;
  const expected = `expected a whole number of ${what}, ${range}`;
  return z.int(expected).min(least, expected).max(most, expected);
}

/** One of these texts. */
export function oneOf<const Names extends ReadonlyArray<string>>(
  ...names: Names
): z.ZodType<Names[number], Names[number]> {
  return z.enum(names, `expected ${names.map((name) => `"${name}"`).join(" or ")}`);
}
