/**
 * Times that don't go together: some can't work and are refused, others are only unwise and named at the start.
 * @module
 */
import { type ActorDefinition, defaultReceiveTimeout } from "../actor.ts";
import { ConfigError } from "../errors.ts";

/** What is looked at, in milliseconds. */
export interface Times {
  readonly heartbeatInterval: number;
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  readonly drainTimeout: number;
  readonly fetch: { readonly maxWait?: number };
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
  const { drainTimeout, sessionTimeout, fetch } = times;
  const warnings: Array<string> = [];
  // Who leaves the default has not said that its work takes so long.
  const slow = actors.filter(({ settings: { receiveTimeout } }) =>
    receiveTimeout > drainTimeout && receiveTimeout !== defaultReceiveTimeout
  );
  if (slow.length > 0) {
    const longest = Math.max(...slow.map(({ settings }) => settings.receiveTimeout));
    warnings.push(
      `${
        slow.map(({ name }) => name).join(", ")
      }: receive may take up to ${longest} ms (receiveTimeout), but has only ` +
        `${drainTimeout} ms (drainTimeout) when its partition moves or the system stops; what is cut short then is done ` +
        `again: set drainTimeout to ${longest} or more, or receiveTimeout lower`,
    );
  }
  if (fetch.maxWait !== undefined && fetch.maxWait > sessionTimeout) {
    warnings.push(
      `a partition that is assigned may wait up to ${fetch.maxWait} ms (fetch.maxWait) for its first fetch, longer than ` +
        `others wait for a process that is gone (sessionTimeout, ${sessionTimeout} ms): set fetch.maxWait lower`,
    );
  }
  return warnings;
}
