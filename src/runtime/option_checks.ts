/**
 * Options that don't go together: some can't work and are refused, others are only unwise and named at the start.
 * @module
 */
import type { ClusterSettings } from "../client/cluster/cluster_options.ts";
import type { FetcherSettings } from "../client/fetch/fetcher_options.ts";
import type { SenderSettings } from "../client/produce/sender_options.ts";
import { ConfigError } from "../errors.ts";

/** What is looked at. */
export interface CheckedOptions {
  readonly producer: SenderSettings;
  readonly fetch: FetcherSettings;
  readonly cluster: ClusterSettings;
}

/** What brokers and topics take by default: 1 MiB and the overhead of a batch. */
const maxMessageBytes = 1_048_588;

/** Throws a {@linkcode ConfigError} for options that can't work together. */
export function checkTogether({ producer, fetch, cluster }: CheckedOptions): void {
  const { linger, requestTimeout, deliveryTimeout, acks, idempotent } = producer;
  if (deliveryTimeout < linger + requestTimeout) {
    const least = `producer.linger (${linger} ms) and producer.requestTimeout (${requestTimeout} ms) together`;
    throw new ConfigError(
      "producer.deliveryTimeout",
      `expected at least ${least}: else no lost answer is ever tried again`,
    );
  }
  if (idempotent && acks !== -1) {
    throw new ConfigError(
      "producer.acks",
      `${acks} needs producer.idempotent: false; -1 (all replicas in sync) does not`,
    );
  }
  if (fetch.maxBytes < fetch.partitionMaxBytes) {
    const detail = `expected at least fetch.partitionMaxBytes (${fetch.partitionMaxBytes}): one partition has to fit`;
    throw new ConfigError("fetch.maxBytes", detail);
  }
  if (fetch.minBytes > fetch.maxBytes) {
    throw new ConfigError("fetch.minBytes", `expected at most fetch.maxBytes (${fetch.maxBytes})`);
  }
  if (cluster.reconnectBackoffMax < cluster.reconnectBackoff) {
    const detail = `expected at least cluster.reconnectBackoff (${cluster.reconnectBackoff} ms)`;
    throw new ConfigError("cluster.reconnectBackoffMax", detail);
  }
}

/** A line for each thing that is unwise: what happens, and what to set. */
export function optionWarnings({ producer, fetch }: CheckedOptions): ReadonlyArray<string> {
  const warnings: Array<string> = [];
  if (producer.batchBytes > maxMessageBytes) {
    warnings.push(
      `producer.batchBytes (${producer.batchBytes}) is more than topics take by default (max.message.bytes, ` +
        `${maxMessageBytes}): batches are refused and divided unless their topics take as much`,
    );
  }
  if (!producer.idempotent) {
    warnings.push("producer.idempotent is false: a lost answer stores records twice");
  }
  if (fetch.isolationLevel === "read_uncommitted") {
    warnings.push(
      'fetch.isolationLevel is "read_uncommitted": actors receive records whose transaction was, or will be, undone',
    );
  }
  return warnings;
}
