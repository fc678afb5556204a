/**
 * What a signal does to a tool that has others running: it stops them, then ends.
 * @module
 */

/** A request to end. */
export interface Ending {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code the signal asks for; undefined while none has come. */
  readonly code: () => number | undefined;
}

/** Listens for SIGINT and SIGTERM from now on. The process has to end itself; further signals do nothing. */
export function endOnSignal(): Ending {
  const abort = new AbortController();
  let code: number | undefined;
  const listen = (signal: Deno.Signal, exit: number) =>
    Deno.addSignalListener(signal, () => {
      code ??= exit;
      abort.abort();
    });
  listen("SIGINT", 130);
  if (Deno.build.os !== "windows") listen("SIGTERM", 143);
  return { signal: abort.signal, code: () => code };
}
