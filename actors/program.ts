/**
 * What the shop's programs have in common: the exit code for a wrong environment, and the system's options from it.
 * @module
 */
import { ConfigError, type SystemOptions } from "@troupe/troupe";
import type { Environment } from "./environment.ts";

/** The exit code for a wrong configuration: EX_CONFIG of sysexits.h. */
const wrongConfiguration = 78;

/** Runs a program. A {@linkcode ConfigError} is one line on stderr and exit code 78. */
export async function program(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    Deno.exit(wrongConfiguration);
  }
}

/** The options that come straight from the environment. */
export function systemSettings(
  environment: Environment,
): Pick<SystemOptions, "partitions" | "drainTimeout" | "sessionTimeout" | "logLevel"> {
  return {
    partitions: environment.PARTITIONS,
    drainTimeout: environment.DRAIN_TIMEOUT,
    sessionTimeout: environment.SESSION_TIMEOUT,
    logLevel: environment.LOG_LEVEL,
  };
}
