/**
 * The settings of a system: one schema that checks them and gives the defaults.
 * @module
 */
import { z } from "zod";
import { type ClusterOptions, clusterSchema, type ClusterSettings } from "../client/cluster/cluster_options.ts";
import { type FetcherOptions, fetcherSchema, type FetcherSettings } from "../client/fetch/fetcher_options.ts";
import { type SenderOptions, senderSchema, type SenderSettings } from "../client/produce/sender_options.ts";
import type { Compression } from "../codec/compression.ts";
import { ConfigError } from "../errors.ts";
import { count, milliseconds, oneOf, parseOptions } from "../options.ts";
import { checkTogether } from "./option_checks.ts";
import { checkTimes } from "./timeouts.ts";
import { type WatchdogOptions, watchdogSchema, type WatchdogSettings } from "./watchdog/watchdog_options.ts";

export type { ClusterOptions, Compression, FetcherOptions, SenderOptions, WatchdogOptions };

/** How the members of a group share its partitions. */
export type GroupProtocol = "classic" | "consumer";

/** What an operator may set. All times in milliseconds; each has a default. */
export interface SystemSettingsInput {
  /** Partitions of a topic that is created at the start. Default 8. Topics that exist stay as they are. */
  readonly partitions?: number;
  /** Replicas of such a topic. Default -1: the brokers' own default. */
  readonly replicationFactor?: number;
  /** How long work in flight may take when a partition is let go or the system stops. Default 20,000. */
  readonly drainTimeout?: number;
  /**
   * How the members of a group share its partitions: "classic" (one of them does it, works with every Kafka) or
   * "consumer" (KIP-848: the brokers do it, no member waits for another; Kafka 4.0 and newer). All processes of a group
   * should say the same; a group moves from one to the other while they are restarted one by one. Default "classic".
   */
  readonly groupProtocol?: GroupProtocol;
  /**
   * After how long without a heartbeat a member's partitions are given to others. Default 10,000. With the group protocol
   * "consumer" that is the brokers' setting (`group.consumer.session.timeout.ms`), and this is how long a process works on
   * without having heard of them: keep it shorter.
   */
  readonly sessionTimeout?: number;
  /**
   * How long the members of a group may take to let partitions go in a rebalance. Default 60,000; more than
   * `drainTimeout`, or work that is being finished would be repeated by another process.
   */
  readonly rebalanceTimeout?: number;
  /**
   * How often a heartbeat is sent, and so how soon a rebalance is noticed. Default 300; at most a third of `sessionTimeout`.
   * With the group protocol "consumer" the brokers say how often, and this is at least how often; default that third.
   */
  readonly heartbeatInterval?: number;
  /** How often positions are committed: the work that a killed process leaves to be repeated. Default 1,000. */
  readonly commitInterval?: number;
  /** Makes this process a static member of its groups: a restart within `sessionTimeout` moves no partition. Default none. */
  readonly instanceId?: string;
  /**
   * How the member that leads a group of the protocol "classic" shares the partitions out, by the names all clients know,
   * the favourite first; the group takes one that all its members have. Default `["cooperative-sticky"]`: members keep
   * their partitions through a rebalance, and only what has to move is let go. With an eager one in the list ("range",
   * "roundrobin") all is let go before every rebalance, whatever the group takes: other members may count on it. So a
   * group goes from "range" to "cooperative-sticky" by two deployments, each one process after the other: the first with
   * `["cooperative-sticky", "range"]`, the second with `["cooperative-sticky"]`.
   */
  readonly assignors?: ReadonlyArray<"cooperative-sticky" | "range" | "roundrobin">;
  /** How records are published. */
  readonly producer?: SenderOptions;
  /** How records are fetched. */
  readonly fetch?: FetcherOptions;
  /** How the cluster is watched, and how soon connections are tried again. */
  readonly cluster?: ClusterOptions;
  /** When something is taken for stuck. */
  readonly watchdog?: WatchdogOptions;
}

/** The settings with their defaults in place. */
export interface SystemSettings
  extends Required<Omit<SystemSettingsInput, "instanceId" | "producer" | "fetch" | "cluster" | "watchdog">> {
  readonly instanceId: string | null;
  readonly producer: SenderSettings;
  readonly fetch: FetcherSettings;
  readonly cluster: ClusterSettings;
  readonly watchdog: WatchdogSettings;
}

/** The settings before those that hang on others are filled in. */
export type GivenSettings =
  & Omit<SystemSettings, "rebalanceTimeout" | "heartbeatInterval">
  & Partial<Pick<SystemSettings, "rebalanceTimeout" | "heartbeatInterval">>;

/** Each setting's bounds and default. What stands beside them, as a system's actors, is passed over. */
export const settingsSchema: z.ZodType<GivenSettings, SystemSettingsInput> = z.object({
  groupProtocol: oneOf("classic", "consumer").default("classic"),
  partitions: count("partitions", 1, 10_000).default(8),
  replicationFactor: z.union(
    [z.literal(-1), z.int().min(1).max(32_767)],
    "expected -1 (the brokers' default) or a whole number of replicas, 1 or more",
  ).default(-1),
  drainTimeout: milliseconds(0).default(20_000),
  sessionTimeout: milliseconds(100).default(10_000),
  rebalanceTimeout: milliseconds().optional(),
  heartbeatInterval: milliseconds().optional(),
  commitInterval: milliseconds().default(1_000),
  instanceId: z.string("expected a text").min(1, "expected a name; leave it out for none").optional()
    .transform((name) => name ?? null),
  assignors: z.array(oneOf("cooperative-sticky", "range", "roundrobin"), "expected a list of names")
    .min(1, "expected one name or more").default(["cooperative-sticky"]),
  producer: senderSchema.prefault({}),
  fetch: fetcherSchema.prefault({}),
  cluster: clusterSchema.prefault({}),
  watchdog: watchdogSchema.prefault({}),
});

/** Checks the settings and fills in the defaults. Throws a {@linkcode ConfigError} that names the field. */
export function systemSettings(input: SystemSettingsInput): SystemSettings {
  const parsed = parseOptions(settingsSchema, input, "");
  const { sessionTimeout, drainTimeout } = parsed;
  const rebalanceTimeout = parsed.rebalanceTimeout ?? Math.max(60_000, drainTimeout + 10_000);
  const heartbeatInterval = parsed.heartbeatInterval ??
    Math.min(parsed.groupProtocol === "consumer" ? Infinity : 300, sessionTimeout / 3);
  if (input.assignors !== undefined && parsed.groupProtocol === "consumer") {
    throw new ConfigError("assignors", 'the group protocol "consumer" leaves that to the brokers; leave it out');
  }
  const settings = { ...parsed, ...fitting(input, parsed), rebalanceTimeout, heartbeatInterval };
  checkTimes(settings);
  checkTogether(settings);
  return settings;
}

/** Whoever sets one of two that go together has not asked for the other's default. */
function fitting(input: SystemSettingsInput, { producer, fetch, cluster }: GivenSettings) {
  const { deliveryTimeout, linger } = producer;
  const requestTimeout = Math.max(1, Math.min(producer.requestTimeout, deliveryTimeout - linger));
  const partitionMaxBytes = Math.min(fetch.partitionMaxBytes, fetch.maxBytes);
  const { reconnectBackoff, reconnectBackoffMax } = cluster;
  const backoff = input.cluster?.reconnectBackoff === undefined
    ? { reconnectBackoff: Math.min(reconnectBackoff, reconnectBackoffMax) }
    : input.cluster.reconnectBackoffMax === undefined
    ? { reconnectBackoffMax: Math.max(reconnectBackoff, reconnectBackoffMax) }
    : {};
  return {
    cluster: { ...cluster, ...backoff },
    producer: input.producer?.requestTimeout === undefined ? { ...producer, requestTimeout } : producer,
    fetch: input.fetch?.partitionMaxBytes === undefined ? { ...fetch, partitionMaxBytes } : fetch,
  };
}
