/**
 * What happens after a failure: how often a message is tried, how often an actor may be restarted.
 * @module
 */
import { Duration, Effect, Schedule } from "effect";
import { z } from "zod";

/** How often a failed message is received again before it counts as failed for good. */
export interface RetryOptions {
  /** Retries after the first attempt. Default 8 (with the defaults below: about 23 s in all). */
  readonly times?: number;
  /** Milliseconds before the first retry. Default 100. */
  readonly initial?: number;
  /** Factor from one pause to the next. Default 2. */
  readonly factor?: number;
  /** No pause is longer, in milliseconds, before it is jittered. Default 10,000. */
  readonly max?: number;
  /** Whether each pause is drawn from 80 to 120 % of its length, so that retries don't come in step. Default true. */
  readonly jitter?: boolean;
}

/** How often a partition's actor may be restarted after a defect before the system gives up. */
export interface RestartOptions {
  /** Restarts within the window; one more and the failure escalates. Default 5. */
  readonly max?: number;
  /** The window in milliseconds. Default 60,000. */
  readonly within?: number;
  /** Milliseconds before the first restart; doubles up to 10 s. Default 100. */
  readonly initial?: number;
  /** A record that was in hand at this many restarts becomes a dead letter with reason `killed-actor`. Default 3. */
  readonly killedAfter?: number;
}

const count = z.int().min(0);
const milliseconds = z.number().min(0).max(2 ** 31 - 1);

/** The schema of {@linkcode RetryOptions}, with its defaults. */
export const retryOptions: z.ZodType<Required<RetryOptions>> = z.strictObject({
  times: count.default(8),
  initial: milliseconds.default(100),
  factor: z.number().min(1).default(2),
  max: milliseconds.default(10_000),
  jitter: z.boolean().default(true),
});

/** The schema of {@linkcode RestartOptions}, with its defaults. */
export const restartOptions: z.ZodType<Required<RestartOptions>> = z.strictObject({
  max: count.default(5),
  within: milliseconds.default(60_000),
  initial: milliseconds.default(100),
  killedAfter: z.int().min(1).default(3),
});

/** A Schedule from plain options. */
export function retrySchedule(options: Required<RetryOptions>): Schedule.Schedule<unknown> {
  const pauses = Schedule.exponential(options.initial, options.factor).pipe(
    Schedule.modifyDelay(({ duration }) => Effect.succeed(Math.min(Duration.toMillis(duration), options.max))),
  );
  const jittered = options.jitter ? Schedule.jittered(pauses) : pauses;
  return Schedule.upTo(jittered, { times: options.times });
}
