/**
 * The configuration a topic may be created with. Only max.message.bytes has an effect here; the rest is checked for its
 * name, so that a misspelled one is found without a real Kafka.
 * Source: Apache Kafka's documentation, "Topic Configs", 4.3.
 * @module
 */
import type { Configs } from "./journal.ts";

const names = new Set([
  "cleanup.policy",
  "compression.gzip.level",
  "compression.lz4.level",
  "compression.type",
  "compression.zstd.level",
  "delete.retention.ms",
  "file.delete.delay.ms",
  "flush.messages",
  "flush.ms",
  "follower.replication.throttled.replicas",
  "index.interval.bytes",
  "leader.replication.throttled.replicas",
  "local.retention.bytes",
  "local.retention.ms",
  "max.compaction.lag.ms",
  "max.message.bytes",
  "message.timestamp.after.max.ms",
  "message.timestamp.before.max.ms",
  "message.timestamp.type",
  "min.cleanable.dirty.ratio",
  "min.compaction.lag.ms",
  "min.insync.replicas",
  "preallocate",
  "remote.copy.disabled",
  "remote.delete.on.disable",
  "remote.storage.enable",
  "retention.bytes",
  "retention.ms",
  "segment.bytes",
  "segment.index.bytes",
  "segment.jitter.ms",
  "segment.ms",
  "unclean.leader.election.enable",
]);

/** What is wrong with a topic's configuration, or null. */
export function configFault(configs: Configs): string | null {
  for (const [name, value] of Object.entries(configs)) {
    if (!names.has(name)) return `unknown topic config name: ${name}`;
    if (name === "max.message.bytes" && !/^\d{1,10}$/.test(value)) return `${name} is not a number of bytes: ${value}`;
    if (/\.ms$|\.bytes$/.test(name) && !/^-?\d+$/.test(value)) return `${name} is not a whole number: ${value}`;
  }
  return null;
}
