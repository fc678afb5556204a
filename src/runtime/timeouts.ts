/**
 * Times that don't go together: some can't work and are refused, others are only unwise and named at the start.
 * @module
 */
import { type ActorDefinition, defaultReceiveTimeout } from "../actor.ts";
import { ConfigError } from "../errors.ts";
import { tooShort } from "./drain_budget.ts";
import { deafAfter, watchdogDefaults, type WatchdogSettings } from "./watchdog/watchdog_options.ts";

/** What is looked at, in milliseconds. */
export interface Times {
  readonly heartbeatInterval: number;
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  readonly drainTimeout: number;
  readonly fetch: { readonly maxWait: number; readonly requestTimeout: number };
  readonly watchdog: WatchdogSettings;
}

/** Throws a {@linkcode ConfigError} for times that can't work. */
export function checkTimes({ heartbeatInterval, sessionTimeout, rebalanceTimeout, drainTimeout }: Times): void {
  if (heartbeatInterval > sessionTimeout / 3) {
    throw new ConfigError("heartbeatInterval", `expected at most a third of sessionTimeout (${sessionTimeout} ms)`);
  }
  if (rebalanceTimeout <= drainTimeout) {
    throw new ConfigError("rebalanceTimeout", `expected more than drainTimeout (${drainTimeout} ms)`);
  }
}

/** A line for each thing that is unwise: what happens, and what to set. */
export function timeWarnings(times: Times, actors: ReadonlyArray<ActorDefinition>): ReadonlyArray<string> {
  const { drainTimeout, sessionTimeout, fetch, watchdog } = times;
  const warnings: Array<string> = [];
  // Who leaves the default has not said that its work takes so long.
  const slow = actors.filter(({ settings: { receiveTimeout } }) =>
    receiveTimeout > drainTimeout && receiveTimeout !== defaultReceiveTimeout
  );
  if (slow.length > 0) {
    const longest = Math.max(...slow.map(({ settings }) => settings.receiveTimeout));
    const named = slow.map(({ name }) => name).join(", ");
    const short = tooShort(times, longest);
    warnings.push(`${named}: receive may take up to ${longest} ms (receiveTimeout), ${short}, or receiveTimeout lower`);
  }
  const patient = actors.filter(({ settings }) => settings.receiveTimeout > watchdog.stuckAfter);
  if (watchdog.stuckAfter < watchdogDefaults.stuckAfter && patient.length > 0) {
    const longest = Math.max(...patient.map(({ settings }) => settings.receiveTimeout));
    const named = patient.map(({ name }) => name).join(", ");
    warnings.push(
      `${named}: watchdog.stuckAfter (${watchdog.stuckAfter} ms) holds for resources ` +
        `only; a receive is waited for until its receiveTimeout (up to ${longest} ms) is over: set that lower, too`,
    );
  }
  const deaf = deafAfter(watchdog, fetch);
  if (watchdog.silentAfter < watchdogDefaults.silentAfter && deaf > watchdog.silentAfter) {
    warnings.push(
      `watchdog.silentAfter (${watchdog.silentAfter} ms) is less than two fetches may take until they time out: ${deaf} ms ` +
        "it is; set fetch.requestTimeout lower, too",
    );
  }
  if (fetch.maxWait > sessionTimeout) {
    warnings.push(
      `a partition that is assigned may wait up to ${fetch.maxWait} ms (fetch.maxWait) for its first fetch, longer than ` +
        `others wait for a process that is gone (sessionTimeout, ${sessionTimeout} ms): set fetch.maxWait lower`,
    );
  }
  return warnings;
}
