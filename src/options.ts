/**
 * Reading options: one schema validates and gives the defaults, a wrong option is one clear line.
 * @module
 */
import type { z } from "zod";
import { ConfigError } from "./errors.ts";

/** Parses `value`; the first thing wrong with it becomes a {@linkcode ConfigError} that names the field. */
export function parseOptions<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const stray = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const field = [name, ...issue.path.map(String), ...stray].filter((part) => part !== "").join(".");
  throw new ConfigError(field, stray.length > 0 ? "no such option" : issue.message);
}
