/**
 * Loggers for actors: synchronous on the outside, Effect's logging inside, so that levels and formats are one's own.
 * @module
 */
import { Effect } from "effect";
import type { ActorLogger } from "../context.ts";

/** Where a line comes from. */
export interface LogPlace {
  /** The actor's name. */
  readonly actor: string;
  /** The topic. */
  readonly topic: string;
  /** The partition. */
  readonly partition: number;
  /** The offset. */
  readonly offset: number;
}

/** A maker of loggers that write as the fiber that asks for it would. */
export const makeActorLogger: Effect.Effect<(place: LogPlace) => ActorLogger> = Effect.map(
  Effect.context<never>(),
  (context) => {
    const run = Effect.runSyncWith(context);
    return (place) => {
      const write = (log: (message: string) => Effect.Effect<void>) => (message: string, fields?: object) =>
        run(Effect.annotateLogs(log(message), { ...place, ...fields }));
      return {
        debug: write(Effect.logDebug),
        info: write(Effect.logInfo),
        warn: write(Effect.logWarning),
        error: write(Effect.logError),
      };
    };
  },
);
