/**
 * How records are published: what may be set, and the default of each.
 * @module
 */
import { z } from "zod";
import type { Compression } from "../../codec/compression.ts";
import { count, milliseconds, oneOf } from "../../options.ts";

/** Settings of the sender. */
export interface SenderOptions {
  /**
   * How long a record waits for others of its partition, in milliseconds. Default 5: under load batches fill before that,
   * and without load nobody notices it.
   */
  readonly linger?: number;
  /** Records in a batch, at most. Default 1,000: more gains nothing, and a batch is what is lost or repeated at once. */
  readonly batchRecords?: number;
  /** Bytes of a batch before compression, at most. Default 1,048,000: just below what brokers and topics take by default. */
  readonly batchBytes?: number;
  /**
   * Requests in flight per broker, 5 at most. Default 5: a broker remembers as many batches per producer, so order and
   * uniqueness hold with all of them.
   */
  readonly maxInFlight?: number;
  /** How batches are compressed. Default "none": it costs the publisher's time, and what it saves depends on the records. */
  readonly compression?: Compression;
  /**
   * How long after it was offered a record is given up, in milliseconds. Default 120,000: a broker that is restarted or
   * dies is over long before. A batch in flight at that time still waits for its answer.
   */
  readonly deliveryTimeout?: number;
  /**
   * How long an answer may take before the connection is given up, in milliseconds. Default 30,000: replicas that lag may
   * need seconds, and a connection that is dead without a sign must not take half the delivery time-out.
   */
  readonly requestTimeout?: number;
  /** Bytes of records held before `offer` refuses more. Default 64 MiB: some seconds of a busy system. */
  readonly memoryBytes?: number;
  /** Whether the broker weeds out repeated batches. Default true: without it a lost answer stores records twice. */
  readonly idempotent?: boolean;
  /**
   * Who has to have stored a record: all replicas in sync (-1, the default: no acknowledged record is lost with a broker),
   * or the leader alone (1), which needs `idempotent: false`.
   */
  readonly acks?: -1 | 1;
}

/** All settings of the sender. */
export type SenderSettings = Required<SenderOptions>;

/** Checks them and fills in the defaults. */
export const senderSchema: z.ZodType<SenderSettings, SenderOptions> = z.strictObject({
  linger: milliseconds(0).default(5),
  batchRecords: count("records", 1, 1_000_000).default(1_000),
  batchBytes: count("bytes").default(1_048_000),
  maxInFlight: count("requests", 1, 5).default(5),
  compression: oneOf("none", "gzip", "snappy", "lz4", "zstd").default("none"),
  deliveryTimeout: milliseconds().default(120_000),
  requestTimeout: milliseconds().default(30_000),
  memoryBytes: count("bytes").default(64 << 20),
  idempotent: z.boolean("expected true or false").default(true),
  acks: z.literal([-1, 1], "expected -1 or 1").default(-1),
});
