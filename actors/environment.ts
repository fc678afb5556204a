/**
 * The environment the shop's programs are started in, read and checked once: a wrong value is one line that names the
 * variable.
 * @module
 */
import { type Broker, ConfigError, kafkaFromEnvironment } from "@troupe/troupe";
import { z } from "zod";

const seconds = 1_000;
const minutes = 60_000;
const hours = 3_600_000;

/** A variable: what it is read as, how to say what it should have been, and what it is when unset or empty. */
function variable<T>(read: (text: string) => T | undefined, expected: string, otherwise: T) {
  return z.string().optional().transform((text, context): T => {
    if (text === undefined || text === "") return otherwise;
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: `expected ${expected}, got ${quoted(text)}` });
    return z.NEVER;
  });
}

// JSON keeps the message on one line whatever the value holds.
const quoted = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

function integer(min: number, max: number): (text: string) => number | undefined {
  return (text) => /^\d{1,9}$/.test(text) && +text >= min && +text <= max ? +text : undefined;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: seconds, m: minutes };

function duration(min: number, max: number): (text: string) => number | undefined {
  return (text) => {
    const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text) ?? [];
    const value = Math.round(Number(digits) * units[unit]);
    return value >= min && value <= max ? value : undefined; // NaN fails both
  };
}

function oneOf<const T extends string>(...words: ReadonlyArray<T>): (text: string) => T | undefined {
  return (text) => words.find((word) => word === text.toLowerCase());
}

function brokers(text: string): ReadonlyArray<string> | undefined {
  const list = text.split(",").map((part) => part.trim());
  return list.every(isAddress) ? list : undefined;
}

function isAddress(text: string): boolean {
  const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text) ?? [];
  return +port >= 1 && +port <= 65_535;
}

function stock(text: string): ReadonlyMap<string, number> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value);
    return entries.every(([, units]) => Number.isSafeInteger(units) && units >= 0) ? new Map(entries) : undefined;
  } catch {
    return undefined;
  }
}

const environmentSchema = z.object({
  KAFKA_BROKERS: variable(brokers, "host:port, several separated by commas", undefined),
  PORT: variable(integer(0, 65_535), "a port from 0 (any free one) to 65535", undefined),
  HOST: variable((text) => /^[A-Za-z0-9.:_-]+$/.test(text) ? text : undefined, "a host name or address", "127.0.0.1"),
  DATA_DIR: variable((text) => text, "a directory", ".data"),
  SESSION_TIMEOUT: variable(duration(100, 30 * minutes), "a time from 100ms to 30m, such as 10s", 10 * seconds),
  STOCK: variable(stock, 'a JSON object of units by sku, such as {"default": 10}', new Map([["default", 1_000_000]])),
  LOG_LEVEL: variable(oneOf("debug", "info", "warn", "error"), "debug, info, warn or error", "info"),
  DRAIN_TIMEOUT: variable(duration(0, hours), "a time up to 60m, such as 20s or 500ms", 20 * seconds),
  PARTITIONS: variable(integer(1, 10_000), "a number from 1 to 10000", 8),
  DELIVERY: variable(oneOf("at-least-once", "exactly-once"), "at-least-once or exactly-once", "at-least-once")
    .refine((delivery) => delivery !== "exactly-once", "exactly-once is not available yet"),
});

/** The variables as the programs use them; durations in milliseconds. `KAFKA_BROKERS` and `PORT` have no default. */
export type Environment = Readonly<z.output<typeof environmentSchema>>;

/** Reads the environment. Fails with {@linkcode ConfigError} about the first variable that is wrong. */
export function readEnvironment(variables: Readonly<Record<string, string>> = Deno.env.toObject()): Environment {
  const read = environmentSchema.safeParse(variables);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new ConfigError(String(issue.path[0]), issue.message);
}

/**
 * The Kafka of a service that can't be without, with the login and the certificates that the environment has for it. Fails
 * with {@linkcode ConfigError} where none is named; where a variable is wrong, the system that is given it does.
 */
export function requireKafka(environment: Environment, variables?: Readonly<Record<string, string>>): Broker {
  if (environment.KAFKA_BROKERS !== undefined) return kafkaFromEnvironment({}, variables);
  throw new ConfigError("KAFKA_BROKERS", "expected host:port of a Kafka (`deno task kafka` starts one), got nothing");
}
