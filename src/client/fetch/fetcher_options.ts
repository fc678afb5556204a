/**
 * How records are fetched: what may be set, and the default of each.
 * @module
 */
import { z } from "zod";
import { count, milliseconds, oneOf } from "../../options.ts";

/** Settings of the fetcher. */
export interface FetcherOptions {
  /**
   * How long a broker may wait for records, in milliseconds. Default 500: an idle partition costs two requests a second. It
   * is also the longest that a partition which is added waits for the outstanding request of the others; after `resume`
   * that wait is about as long as the pause was, and never longer than this.
   */
  readonly maxWait?: number;
  /** Bytes a broker waits for. Default 1: what is there comes at once, and under load much is there. */
  readonly minBytes?: number;
  /** Bytes in one answer, about. Default 4 MiB: more is not faster and takes more memory. */
  readonly maxBytes?: number;
  /** Bytes of one partition in one answer, about. Default 512 KiB: eight busy partitions have their turn in each. */
  readonly partitionMaxBytes?: number;
  /** Whether records of open and aborted transactions are seen. Default "read_committed": they are not, and should not. */
  readonly isolationLevel?: "read_uncommitted" | "read_committed";
  /**
   * The rack (data centre, zone) of this client: records come from a replica in the same rack where the brokers have a
   * replica selector for that (KIP-392). Default none: always from the leader.
   */
  readonly rackId?: string;
  /**
   * How long an answer may take beyond `maxWait`, in milliseconds. Default 10,000: 4 MiB pass in that on a slow line, and a
   * connection that is dead without a sign stops its partitions no longer.
   */
  readonly requestTimeout?: number;
}

/** All settings of the fetcher. */
export type FetcherSettings = Required<Omit<FetcherOptions, "rackId">> & Pick<FetcherOptions, "rackId">;

/** Checks them and fills in the defaults. */
export const fetcherSchema: z.ZodType<FetcherSettings, FetcherOptions> = z.strictObject({
  maxWait: milliseconds(0).default(500),
  minBytes: count("bytes").default(1),
  maxBytes: count("bytes").default(4 << 20),
  partitionMaxBytes: count("bytes").default(512 << 10),
  isolationLevel: oneOf("read_uncommitted", "read_committed").default("read_committed"),
  rackId: z.string("expected a text").min(1, "expected the rack's name; leave it out for none").optional(),
  requestTimeout: milliseconds().default(10_000),
});
