/**
 * How a process that runs schedules is started: most of what a schedule needs is gone with it, so a larger young generation
 * is collected much less often.
 * @module
 */

/** For `deno run`. */
export const youngHeap = "--v8-flags=--min-semi-space-size=32,--max-semi-space-size=64";
