/**
 * When a system is taken for stuck: what may be set, and the default of each.
 * @module
 */
import { z } from "zod";
import { milliseconds } from "../../options.ts";

/** After how long without progress something is done about it. All times in milliseconds. */
export interface WatchdogOptions {
  /**
   * After how long resources that do not come, or are not let go, have their actor started anew: more than the slowest
   * needs. The same for a partition that has work and waits neither for a retry nor for a broker; but `receive` has its
   * `receiveTimeout`, and 2 seconds. Default 120,000.
   */
  readonly stuckAfter?: number;
  /**
   * After how long a consumer is made anew that is given nothing although its partitions' logs have more. Never before
   * two fetches could have timed out. For heartbeats and commits it is that much beyond `rebalanceTimeout`. Default 60,000.
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

/** In milliseconds. */
export const watchdogDefaults: WatchdogSettings = { stuckAfter: 120_000, silentAfter: 60_000, stallAfter: 5_000 };

/** Beyond `receiveTimeout`: a handler's grace after its interruption, and one look, in milliseconds. */
export const stuckGrace = 2_000;

/** After how long a consumer that is given nothing is deaf, in milliseconds: one fetch may time out, and the next. */
export function deafAfter(
  { silentAfter }: WatchdogSettings,
  { maxWait, requestTimeout }: { readonly maxWait: number; readonly requestTimeout: number },
): number {
  return Math.max(silentAfter, 2 * (maxWait + requestTimeout));
}

/** Checks them and fills in the defaults. */
export const watchdogSchema: z.ZodType<WatchdogSettings, WatchdogOptions> = z.strictObject({
  stuckAfter: milliseconds(100).default(watchdogDefaults.stuckAfter),
  silentAfter: milliseconds(100).default(watchdogDefaults.silentAfter),
  stallAfter: milliseconds(100).default(watchdogDefaults.stallAfter),
});
