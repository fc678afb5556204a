/**
 * SIGINT and SIGTERM.
 * @module
 */

const codes: ReadonlyArray<readonly [Deno.Signal, number]> = Deno.build.os === "windows"
  ? [["SIGINT", 130]]
  : [["SIGINT", 130], ["SIGTERM", 143]];

// A terminal and a task runner both pass the same Ctrl-C on: what comes sooner than this, in ms, is no second one.
const SAME_SIGNAL = 1_000;

/** Listens for signals until it is disposed of. */
export interface Signals extends Disposable {
  /** Resolves with the first. A second one, a second later or more, ends the process at once with 130 or 143. */
  readonly first: Promise<Deno.Signal>;
}

/** Takes signals over from the runtime, which would end the process. */
export function listenForSignals(): Signals {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let since: number | undefined;
  const listeners = codes.map(([signal, code]) => {
    const listener = () => {
      if (since === undefined) {
        since = performance.now();
        resolve(signal);
      } else if (performance.now() - since >= SAME_SIGNAL) Deno.exit(code);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  // Neither a fiber nor a listener for signals keeps the process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  return {
    first: promise,
    [Symbol.dispose]: () => {
      clearInterval(alive);
      for (const stop of listeners) stop();
    },
  };
}
