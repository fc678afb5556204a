/**
 * The configuration a topic may be created with. Those with a default have an effect here; the rest is checked for its
 * name and its kind, so that a wrong one is found without a real Kafka.
 * Source: Apache Kafka's documentation, "Topic Configs", 4.3.
 * @module
 */
import type { Configs } from "./log/journal.ts";
import type { RetentionLimits } from "./log/retention.ts";

/** What a topic does, by its configuration. */
export interface TopicSettings extends RetentionLimits {
  /** The largest batch it takes, in bytes. */
  readonly maxMessageBytes: number;
  /**
   * Whether all records must have a key. Nothing is compacted here: as on a Kafka whose cleaner has not come by yet,
   * earlier records of a key are still there.
   */
  readonly compacted: boolean;
  /** Whether old records may be removed. */
  readonly deletes: boolean;
  /** Whether records have the time they were appended, not the one they came with. */
  readonly logAppendTime: boolean;
  /** How much earlier than now a record's time may be, in milliseconds. */
  readonly timestampBeforeMaxMs: number;
  /** How much later than now a record's time may be, in milliseconds. */
  readonly timestampAfterMaxMs: number;
}

/** What has an effect, and what it is where nothing is said: as in Kafka, but for a time to keep records. */
export const configDefaults: Configs = {
  "cleanup.policy": "delete",
  "max.message.bytes": "1048588",
  "message.timestamp.after.max.ms": "3600000",
  "message.timestamp.before.max.ms": "9223372036854775807",
  "message.timestamp.type": "CreateTime",
  "retention.bytes": "-1",
  // Kafka's own is a week. Here nothing goes away that was not asked to.
  "retention.ms": "-1",
  "segment.bytes": "1073741824",
  "segment.ms": "604800000",
};

type Kind = "boolean" | "number" | "text" | { readonly min: number } | { readonly among: ReadonlyArray<string> } | {
  readonly listOf: ReadonlyArray<string>;
};

const kinds: Readonly<Record<string, Kind>> = {
  "cleanup.policy": { listOf: ["compact", "delete"] },
  "compression.gzip.level": "number",
  "compression.lz4.level": { min: 1 },
  "compression.type": { among: ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"] },
  "compression.zstd.level": "number",
  "delete.retention.ms": { min: 0 },
  "file.delete.delay.ms": { min: 0 },
  "flush.messages": { min: 1 },
  "flush.ms": { min: 0 },
  "follower.replication.throttled.replicas": "text",
  "index.interval.bytes": { min: 0 },
  "leader.replication.throttled.replicas": "text",
  "local.retention.bytes": { min: -2 },
  "local.retention.ms": { min: -2 },
  "max.compaction.lag.ms": { min: 1 },
  "max.message.bytes": { min: 0 },
  "message.timestamp.after.max.ms": { min: 0 },
  "message.timestamp.before.max.ms": { min: 0 },
  "message.timestamp.type": { among: ["CreateTime", "LogAppendTime"] },
  "min.cleanable.dirty.ratio": "text",
  "min.compaction.lag.ms": { min: 0 },
  "min.insync.replicas": { min: 1 },
  "preallocate": "boolean",
  "remote.copy.disabled": "boolean",
  "remote.delete.on.disable": "boolean",
  "remote.storage.enable": "boolean",
  "retention.bytes": "number",
  "retention.ms": { min: -1 },
  "segment.bytes": { min: 1_048_576 },
  "segment.index.bytes": { min: 4 },
  "segment.jitter.ms": { min: 0 },
  "segment.ms": { min: 1 },
  "unclean.leader.election.enable": "boolean",
};

/** What is wrong with a topic's configuration, or null. */
export function configFault(configs: Configs): string | null {
  for (const [name, value] of Object.entries(configs)) {
    const kind = kinds[name];
    if (kind === undefined) return `unknown topic config name: ${name}`;
    const fault = valueFault(kind, value.trim());
    if (fault !== null) return `${name} is ${value}: ${fault}`;
  }
  return null;
}

function valueFault(kind: Kind, value: string): string | null {
  if (kind === "text") return null;
  if (kind === "boolean") return /^(true|false)$/i.test(value) ? null : "neither true nor false";
  if (kind !== "number" && "listOf" in kind) {
    return listed(value).every((each) => kind.listOf.includes(each)) ? null : `not of ${kind.listOf.join(", ")}`;
  }
  if (kind !== "number" && "among" in kind) return kind.among.includes(value) ? null : `not ${kind.among.join(", ")}`;
  if (!/^[+-]?\d{1,19}$/.test(value)) return "not a whole number";
  return kind === "number" || Number(value) >= kind.min ? null : `less than ${kind.min}`;
}

function listed(value: string): ReadonlyArray<string> {
  return value.split(",").map((each) => each.trim()).filter((each) => each !== "");
}

/** What a topic with this configuration does. */
export function topicSettings(configs: Configs): TopicSettings {
  const value = (name: string) => (configs[name] ?? configDefaults[name]).trim();
  const number = (name: string) => Number(value(name));
  const policies = listed(value("cleanup.policy"));
  const deletes = policies.includes("delete");
  return {
    compacted: policies.includes("compact"),
    deletes,
    maxMessageBytes: number("max.message.bytes"),
    logAppendTime: value("message.timestamp.type") === "LogAppendTime",
    timestampBeforeMaxMs: number("message.timestamp.before.max.ms"),
    timestampAfterMaxMs: number("message.timestamp.after.max.ms"),
    retentionMs: deletes ? number("retention.ms") : -1,
    retentionBytes: deletes ? number("retention.bytes") : -1,
    segmentBytes: number("segment.bytes"),
    segmentMs: number("segment.ms"),
  };
}
