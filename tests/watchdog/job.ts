/**
 * What the programs of the watchdog's trials are told, and say.
 * @module
 */
import type { Silent } from "./silent_link.ts";

/** What an actor does with a record whose value begins with "stuck". */
export type Handler = "never" | "uninterruptible" | "busy" | "well";

/** As JSON in a program's first argument. */
export interface Job {
  readonly brokers: string;
  readonly topic: string;
  readonly group: string;
  readonly groupProtocol?: "classic" | "consumer";
  /** Default "well". */
  readonly handler?: Handler;
  /** Milliseconds for which "busy" computes. */
  readonly busy?: number;
  /** How many incarnations wait for resources that never come. Default none. */
  readonly hanging?: number;
  /** Which requests fall silent after "arm" comes in; default none. */
  readonly silent?: Silent;
  /** Whether connections that are opened later hear. Default true. */
  readonly heals?: boolean;
  /** All times as they are by default; else short ones. */
  readonly defaults?: boolean;
}

/** The short times, in milliseconds. Silence is noticed after 2 s where others' is none, after 5 s in a membership. */
export const short = {
  sessionTimeout: 6_000,
  rebalanceTimeout: 3_000,
  drainTimeout: 1_000,
  commitInterval: 200,
  receiveTimeout: 1_000,
  watchdog: { stuckAfter: 1_500, silentAfter: 2_000, stallAfter: 60_000 },
  fetch: { maxWait: 200, requestTimeout: 800 },
} as const;

/** The job as a program gets it. */
export function readJob(): Job {
  return JSON.parse(Deno.args[0]);
}

const encoder = new TextEncoder();

/** Says what has happened, at once. */
export function say(what: string): void {
  const bytes = encoder.encode(`@ ${Date.now()} ${what}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
