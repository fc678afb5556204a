/**
 * How the cluster is watched and connections are opened: what may be set, and the default of each.
 * @module
 */
import { z } from "zod";
import { milliseconds } from "../../options.ts";

/** Settings of the view of the cluster. */
export interface ClusterOptions {
  /**
   * After how long brokers, topics and leaders are asked for again when nothing has gone wrong, in milliseconds. Default
   * 30,000: partitions that were added are noticed and a replica that is fetched from is chosen anew that soon, for one
   * small request. A broker that is away or leads no more is noticed by its answers, at once.
   */
  readonly metadataMaxAge?: number;
  /** How long one broker may take for an answer about the cluster, in milliseconds. Default 5,000: then another is asked. */
  readonly metadataTimeout?: number;
  /**
   * The first pause after a connection could not be opened, in milliseconds; each next one is twice as long, less up to a
   * quarter at random. Default 50: a broker that is restarted is found again soon.
   */
  readonly reconnectBackoff?: number;
  /**
   * The longest such pause, in milliseconds. Default 1,000: a broker that comes back is at work within a second, and a
   * thousand clients that wait for it ask no more than a thousand times a second.
   */
  readonly reconnectBackoffMax?: number;
}

/** How soon a connection is tried again. */
export type ReconnectOptions = Pick<ClusterOptions, "reconnectBackoff" | "reconnectBackoffMax">;

/** All settings of the view of the cluster. */
export type ClusterSettings = Required<ClusterOptions>;

/** Checks them and fills in the defaults. */
export const clusterSchema: z.ZodType<ClusterSettings, ClusterOptions> = z.strictObject({
  metadataMaxAge: milliseconds().default(30_000),
  metadataTimeout: milliseconds().default(5_000),
  reconnectBackoff: milliseconds().default(50),
  reconnectBackoffMax: milliseconds().default(1_000),
});
