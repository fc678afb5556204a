/**
 * What a partition's actor tells an operator of messages that fail: one line of a kind in ten seconds, as a failure
 * seldom comes alone.
 * @module
 */
import type { Clock } from "effect";
import type { ActorLogger } from "../context.ts";
import { monotonicMs } from "../fiber/monotonic.ts";

// Milliseconds between two lines of one kind.
const EVERY = 10_000;

/** The lines of one incarnation. */
export class Reports {
  readonly #said = new Map<string, { at: number; since: number }>();

  constructor(private readonly clock: Clock.Clock, private readonly logger: (offset: number) => ActorLogger) {}

  /** Logs `text()` about a record, unless a line of this kind was logged shortly before: then it is counted. */
  warn(kind: string, offset: number, text: () => string): void {
    this.#say("warn", kind, offset, text);
  }

  /** The same for what is no trouble. */
  info(kind: string, offset: number, text: () => string): void {
    this.#say("info", kind, offset, text);
  }

  #say(level: "warn" | "info", kind: string, offset: number, text: () => string): void {
    const now = monotonicMs(this.clock);
    const said = this.#said.get(kind);
    if (said !== undefined && now - said.at < EVERY) {
      said.since++;
      return;
    }
    this.#said.set(kind, { at: now, since: 0 });
    const more = said === undefined || said.since === 0 ? "" : ` (and ${said.since} more since the last such line)`;
    this.logger(offset)[level](text() + more);
  }
}

/** An error in words, with the place in the program it came from. */
export function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const frame = error.stack?.split("\n").find((line) => line.startsWith("    at "));
  return frame === undefined ? "" : ` ${frame.trim()}`;
}
