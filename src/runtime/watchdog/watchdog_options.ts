/**
 * When a system is taken for stuck: what may be set, and the default of each.
 * @module
 */
import { z } from "zod";
import { milliseconds } from "../../options.ts";

/** After how long without progress something is done about it. All times in milliseconds. */
export interface WatchdogOptions {
  /**
   * After how long a partition that has work, and waits neither for a retry nor for a broker, starts its actor anew; the
   * same for resources that are not acquired or let go. Never before the actor's `receiveTimeout` and 2 seconds. Default
   * 300,000: as long as a `receive` may take by default.
   */
  readonly stuckAfter?: number;
  /**
   * After how long a consumer is made anew that is given nothing although its partitions' logs have more. Never before
   * two fetches could have timed out. For membership and commits it is that much beyond a rebalance. Default 60,000.
   */
  readonly silentAfter?: number;
  /**
   * From which length on a pause of the event loop fails `/health/live`, for 10 seconds after it. Default 5,000: half of
   * `sessionTimeout`, after which others take the partitions.
   */
  readonly stallAfter?: number;
}

/** The same with their defaults. */
export type WatchdogSettings = Required<WatchdogOptions>;

/** Checks them and fills in the defaults. */
export const watchdogSchema: z.ZodType<WatchdogSettings, WatchdogOptions> = z.strictObject({
  stuckAfter: milliseconds(100).default(300_000),
  silentAfter: milliseconds(100).default(60_000),
  stallAfter: milliseconds(100).default(5_000),
});
