/**
 * All an administrator can ask a Kafka for, as Effects.
 * @module
 */
import { Effect, type Scope } from "effect";
import { z } from "zod";
import type { Broker } from "../broker.ts";
import { makeCluster } from "../client/cluster/cluster.ts";
import { makeOffsets } from "../client/offsets/offsets.ts";
import { ConfigError } from "../errors.ts";
import { parseOptions } from "../options.ts";
import { GroupAdmin, type GroupDescription, type GroupLag } from "./group_admin.ts";
import { GroupCoordinator } from "./group_coordinator.ts";
import { type ListedOffset, type LogPosition, OffsetAdmin, type TopicOrPartition } from "./offset_admin.ts";
import { type OffsetChange, OffsetReset, type ResetOptions } from "./offset_reset.ts";
import { persist } from "./persistence.ts";
import type { AdminError } from "./refusals.ts";
import {
  type CreatedTopic,
  type CreateTopicsOptions,
  type NewTopic,
  TopicAdmin,
  type TopicDescription,
} from "./topic_admin.ts";

/** How to administrate. */
export interface AdministrationOptions {
  /** How long a call goes on trying, in milliseconds. Default 30,000: longer than a broker needs to be started again. */
  readonly timeout?: number;
  /**
   * Where a log's end is: "read_uncommitted" (the default, as in Kafka's own tools) counts the records of open
   * transactions, "read_committed" stands before the first of them.
   */
  readonly isolationLevel?: "read_uncommitted" | "read_committed";
}

/** The calls of `Admin`, as Effects: each is described there. */
export interface Administration {
  readonly createTopics: (
    topics: ReadonlyArray<NewTopic>,
    options?: CreateTopicsOptions,
  ) => Effect.Effect<ReadonlyArray<CreatedTopic>, AdminError>;
  readonly growTopic: (topic: string, partitions: number) => Effect.Effect<void, AdminError>;
  readonly deleteTopics: (topics: ReadonlyArray<string>) => Effect.Effect<void, AdminError>;
  readonly describeTopics: (
    topics?: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<TopicDescription>, AdminError>;
  readonly listOffsets: (
    of: ReadonlyArray<TopicOrPartition>,
    position: LogPosition,
  ) => Effect.Effect<ReadonlyArray<ListedOffset>, AdminError>;
  readonly describeGroup: (groupId: string) => Effect.Effect<GroupDescription, AdminError>;
  readonly groupLag: (groupId: string) => Effect.Effect<GroupLag, AdminError>;
  readonly resetOffsets: (
    groupId: string,
    options: ResetOptions,
  ) => Effect.Effect<ReadonlyArray<OffsetChange>, AdminError>;
}

const most = 2 ** 31 - 1;
const name = z.string("expected a name").min(1, "expected a name");
const count = z.int().min(1).max(100_000);

const optionsSchema = z.strictObject({
  timeout: z.number().min(1).max(most).default(30_000),
  isolationLevel: z.enum(["read_uncommitted", "read_committed"]).default("read_uncommitted"),
});
const newTopicSchema = z.strictObject({
  name,
  partitions: count.optional(),
  replicationFactor: z.int().min(1).max(32_767).optional(),
  configs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});
const newTopicsSchema = z.array(newTopicSchema).refine(
  (topics) => new Set(topics.map(({ name }) => name)).size === topics.length,
  "a topic is named twice",
);
const createSchema = z.strictObject({ existing: z.enum(["fail", "keep"]).optional() });
const namesSchema = z.array(name);
const placesSchema = z.array(z.union([name, z.object({ topic: name, partition: z.int().min(0) })]));
// Kafka takes times below zero for something else.
const time = z.date().min(0, "expected a time of 1970 or later");
const positionSchema = z.union([z.enum(["earliest", "latest"]), time], 'expected "earliest", "latest" or a Date');
const resetSchema = z.strictObject({
  to: z.union([
    z.enum(["earliest", "latest"]),
    time,
    z.strictObject({ offset: z.int().min(0) }),
    z.strictObject({ shift: z.int() }),
  ], 'expected "earliest", "latest", a Date, { offset } or { shift }'),
  of: placesSchema.optional(),
  dryRun: z.boolean().optional(),
});

/** Connects to a Kafka until the scope ends. Fails where no broker answers within the time-out. */
export const makeAdministration: (
  broker: Broker,
  options?: AdministrationOptions,
) => Effect.Effect<Administration, AdminError, Scope.Scope> = Effect.fnUntraced(function* (broker, options = {}) {
  const { timeout, isolationLevel } = yield* checked(optionsSchema, options, "");
  if (broker?.kind !== "broker") {
    return yield* Effect.fail(new ConfigError("broker", "expected kafka({ brokers }) or embedded()"));
  }
  const scope = yield* Effect.scope;
  const cluster = yield* makeCluster(yield* broker.open);
  yield* persist(() => cluster.refresh([]), timeout, `connecting to ${broker.name}`);
  const lookUp = yield* makeOffsets(cluster, { isolationLevel: isolationLevel === "read_committed" ? 1 : 0 });
  const topics = new TopicAdmin(cluster, timeout);
  const offsets = new OffsetAdmin(cluster, lookUp, timeout);
  const groups = new GroupAdmin(new GroupCoordinator(cluster, scope), offsets, timeout);
  const resets = new OffsetReset(groups, offsets, timeout);
  const administration: Administration = {
    createTopics: (wanted, options = {}) =>
      checked(newTopicsSchema, wanted, "topics").pipe(
        Effect.andThen(checked(createSchema, options, "")),
        Effect.andThen(topics.create(wanted, options)),
      ),
    growTopic: (topic, partitions) =>
      checked(name, topic, "topic").pipe(
        Effect.andThen(checked(count, partitions, "partitions")),
        Effect.andThen(topics.grow(topic, partitions)),
      ),
    deleteTopics: (names) => Effect.andThen(checked(namesSchema, names, "topics"), topics.delete(names)),
    describeTopics: (names) => Effect.andThen(checked(namesSchema, names ?? [], "topics"), topics.describe(names)),
    listOffsets: (of, position) =>
      checked(placesSchema, of, "of").pipe(
        Effect.andThen(checked(positionSchema, position, "position")),
        Effect.andThen(offsets.list(of, position)),
      ),
    describeGroup: (groupId) => Effect.andThen(checked(name, groupId, "groupId"), groups.describe(groupId)),
    groupLag: (groupId) => Effect.andThen(checked(name, groupId, "groupId"), groups.lag(groupId)),
    resetOffsets: (groupId, options) =>
      checked(name, groupId, "groupId").pipe(
        Effect.andThen(checked(resetSchema, options, "options")),
        Effect.andThen(resets.reset(groupId, options)),
      ),
  };
  return administration;
});

function checked<T>(schema: z.ZodType<T>, value: unknown, name: string): Effect.Effect<T, ConfigError> {
  return Effect.suspend(() => {
    try {
      return Effect.succeed(parseOptions(schema, value, name));
    } catch (cause) {
      if (cause instanceof ConfigError) return Effect.fail(cause);
      throw cause;
    }
  });
}
