/**
 * Log lines: Effect's logging written by `@std/log`, or to the console where JSR is out of reach.
 * @module
 */
import { Cause, Layer, Logger, type LogLevel as EffectLevel, References } from "effect";

/** From which severity on lines are written. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "none";

type Severity = Exclude<LogLevel, "none">;

/** Takes finished lines. */
type Write = (severity: Severity, line: string) => void;

const effectLevels: Readonly<Record<LogLevel, EffectLevel.LogLevel>> = {
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  error: "Error",
  none: "None",
};

/** The logger of a system: one line an entry, on standard error, with what it is about as `name=value` behind it. */
export async function loggerLayer(level: LogLevel): Promise<Layer.Layer<never>> {
  const write = await stdWrite() ?? consoleWrite;
  const logger = Logger.make<unknown, void>(({ logLevel, message, cause, fiber, date }) => {
    const severity = severityOf(logLevel);
    const notes = fiber.getRef(References.CurrentLogAnnotations);
    write(severity, lineOf(date, severity, message, notes, cause));
  });
  return Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, effectLevels[level]));
}

/** An entry as a line; a cause stands below it. */
export function lineOf(
  date: Date,
  severity: Severity,
  message: unknown,
  notes: Readonly<Record<string, unknown>>,
  cause: Cause.Cause<unknown>,
): string {
  const parts = Array.isArray(message) ? message : [message];
  const words = parts.map((part) => typeof part === "string" ? part : Cause.isCause(part) ? "" : shown(part));
  const causes = [cause, ...parts.filter(Cause.isCause)].filter(({ reasons }) => reasons.length > 0);
  const line = [
    date.toISOString(),
    severity.toUpperCase().padEnd(5),
    ...words.filter((word) => word !== ""),
    ...Object.entries(notes).map(([name, value]) => `${name}=${typeof value === "string" ? value : shown(value)}`),
  ].join(" ");
  return [line, ...causes.map((each) => Cause.pretty(each))].join("\n");
}

function shown(value: unknown): string {
  if (value instanceof Error) return value.message;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value); // a cycle, a bigint
  }
}

function severityOf(level: EffectLevel.LogLevel): Severity {
  switch (level) {
    case "Fatal":
    case "Error":
      return "error";
    case "Warn":
      return "warn";
    case "Info":
      return "info";
    default:
      return "debug";
  }
}

const consoleWrite: Write = (_severity, line) => console.error(line);

/** Through `@std/log`, so that what a program has set up there holds for us as well; null without JSR. */
async function stdWrite(): Promise<Write | null> {
  // Typed here, because on a machine without JSR nobody else can.
  const std = await import("@std/log").then((module: unknown) => module as StdLog, () => null);
  if (std === null) return null;
  const { BaseHandler } = std;
  class ErrorHandler extends BaseHandler {
    log(line: string): void {
      console.error(line);
    }
  }
  const logger = std.getLogger(LOGGER);
  // A program that has configured this logger itself keeps its handlers.
  if (logger.handlers.length === 0) {
    logger.levelName = "DEBUG"; // what is below the system's own level never comes here
    logger.handlers.push(new ErrorHandler("DEBUG", { formatter: ({ msg }) => msg }));
  }
  return (severity, line) => logger[severity](line);
}

/** The name under which `@std/log` knows our logger. */
const LOGGER = "troupe";

/** As much of `@std/log` as is used here. */
interface StdLog {
  readonly getLogger: (name: string) => StdLogger;
  readonly BaseHandler: new (
    level: string,
    options: { readonly formatter: (record: { readonly msg: string }) => string },
  ) => object;
}

type StdLogger = Readonly<Record<Severity, (line: string) => void>> & {
  levelName: string;
  readonly handlers: object[];
};
