/**
 * The topics a system needs: created at the start where they are missing.
 * @module
 */
import { Clock, Effect } from "effect";
import type { ActorDefinition } from "../actor.ts";
import { pause } from "../client/backoff.ts";
import { askController } from "../client/cluster/controller.ts";
import type { Cluster } from "../client/port.ts";
import { Warnings } from "../client/warnings.ts";
import { type ConnectionError, KafkaError } from "../errors.ts";
import type { EventDefinition } from "../event.ts";
import { ErrorCode, errorName } from "../link/error_code.ts";
import type { Request } from "../link/protocol.ts";
import type { SystemSettings } from "./settings.ts";

// A letter is its record plus headers: a record that just fits its topic must fit the dead-letter topic as well.
const LETTER_BYTES = 2 * 1024 * 1024;
// Letters are looked at by people: 30 days.
const LETTER_RETENTION_MS = 30 * 24 * 3_600_000;
const letterConfigs: Readonly<Record<string, string>> = {
  "max.message.bytes": String(LETTER_BYTES),
  "retention.ms": String(LETTER_RETENTION_MS),
};
const TIMEOUT = 15_000;

/** A topic that has to be there. */
export interface NeededTopic {
  readonly name: string;
  /** For a dead-letter topic: the topic whose records it takes, and whose partition count it shares. */
  readonly lettersOf: string | null;
}

/** The topics of these actors and events, dead-letter topics last. */
export function neededTopics(
  actors: ReadonlyArray<ActorDefinition>,
  events: ReadonlyArray<EventDefinition>,
): ReadonlyArray<NeededTopic> {
  const needed = new Map<string, NeededTopic>();
  for (const { topic } of events) needed.set(topic, { name: topic, lettersOf: null });
  for (const { receives, settings } of actors) {
    for (const { topic } of receives) {
      const name = settings.deadLetterTopic(topic);
      if (!needed.has(name)) needed.set(name, { name, lettersOf: topic });
    }
  }
  return [...needed.values()].sort((a, b) => Number(a.lettersOf !== null) - Number(b.lettersOf !== null));
}

/**
 * Creates what is missing. Goes on trying: a broker may be away, or somebody may still have to be given the right to create
 * a topic, or create it. What is in the way is logged every 10 seconds at most.
 */
export const ensureTopics: (
  cluster: Cluster,
  needed: ReadonlyArray<NeededTopic>,
  settings: SystemSettings,
) => Effect.Effect<void> = Effect.fnUntraced(function* (cluster, needed, settings) {
  const warnings = new Warnings(yield* Clock.Clock);
  const names = needed.map(({ name }) => name);
  for (let attempt = 0;; attempt++) {
    const missing = Effect.map(
      cluster.refresh(names),
      () => needed.filter(({ name }) => cluster.topic(name) === undefined),
    );
    const result = yield* Effect.result(Effect.flatMap(missing, (topics) => create(cluster, topics, settings)));
    if (result._tag === "Success" && result.success === null) return;
    const trouble = result._tag === "Success" ? result.success : result.failure;
    // A broker that is away has been told of by the cluster.
    if (trouble instanceof KafkaError) yield* warnings.warn(trouble.type, `${trouble.message}, trying again`);
    yield* pause(attempt, 100, 5_000);
  }
});

/** Creates topics; answers the first refusal, or null once all are there. */
const create = Effect.fnUntraced(function* (
  cluster: Cluster,
  missing: ReadonlyArray<NeededTopic>,
  settings: SystemSettings,
): Effect.fn.Return<KafkaError | null, ConnectionError> {
  if (missing.length === 0) return null;
  const topics: Request<"CreateTopics">["topics"] = missing.map(({ name, lettersOf }) => ({
    name,
    numPartitions: cluster.topic(lettersOf ?? name)?.partitions.length ?? settings.partitions,
    replicationFactor: settings.replicationFactor,
    configs: lettersOf === null ? {} : letterConfigs,
  }));
  const request = { timeoutMs: TIMEOUT, validateOnly: false, topics };
  const answer = yield* askController(cluster, "CreateTopics", request, TIMEOUT + 5_000);
  for (const { name, errorCode, errorMessage } of answer.topics) {
    if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) continue;
    return new KafkaError(
      errorCode,
      errorName(errorCode),
      "CreateTopics",
      `topic ${name}: ${errorMessage ?? "refused"}`,
    );
  }
  yield* cluster.refresh(missing.map(({ name }) => name));
  return null;
});
