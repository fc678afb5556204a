/**
 * What brokers say of topics now, and waiting until they say something else.
 * @module
 */
import { Effect } from "effect";
import type { Cluster } from "../client/port.ts";
import { type ConnectionError, TopicError } from "../errors.ts";
import { ErrorCode } from "../link/error_code.ts";
import type { TopicMetadata } from "../link/protocol.ts";
import { NotYet } from "./persistence.ts";
import { isPassing, topicError } from "./refusals.ts";

/** Milliseconds for one answer. */
const TIMEOUT = 10_000;

/** Topics by name as a broker knows them at this moment, those with an error too; null asks for all. */
export const currentTopics: (
  cluster: Cluster,
  names: ReadonlyArray<string> | null,
) => Effect.Effect<ReadonlyMap<string, TopicMetadata>, ConnectionError> = Effect.fnUntraced(
  function* (cluster, names) {
    const connection = yield* cluster.anyConnection("admin");
    const call = connection.call("Metadata", { topics: names, allowAutoTopicCreation: false }, TIMEOUT);
    const { topics } = yield* Effect.onInterrupt(call, () => connection.close);
    return new Map(topics.map((topic) => [topic.name, topic]));
  },
);

/** As {@linkcode currentTopics}; fails where one of them is not there or may not be seen. */
export const presentTopics: (
  cluster: Cluster,
  names: ReadonlyArray<string>,
) => Effect.Effect<ReadonlyArray<TopicMetadata>, ConnectionError | TopicError | NotYet> = Effect.fnUntraced(
  function* (cluster, names) {
    const topics = yield* currentTopics(cluster, names);
    const present: Array<TopicMetadata> = [];
    for (const name of new Set(names)) {
      const topic = topics.get(name);
      const code = topic?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      if (topic !== undefined && code === ErrorCode.NONE) present.push(topic);
      else {
        const error = topicError(name, code);
        return yield* Effect.fail(isPassing(code) ? new NotYet(error) : error);
      }
    }
    return present;
  },
);

/** Ends where each topic has at least so many partitions, all of them led; else it is not yet so. */
export const allLed: (
  cluster: Cluster,
  wanted: ReadonlyMap<string, number>,
) => Effect.Effect<ReadonlyMap<string, TopicMetadata>, ConnectionError | NotYet> = Effect.fnUntraced(
  function* (cluster, wanted) {
    const topics = yield* currentTopics(cluster, [...wanted.keys()]);
    for (const [name, count] of wanted) {
      const partitions = topics.get(name)?.partitions ?? [];
      const led = partitions.filter(({ leader }) => leader >= 0).length;
      if (partitions.length > 0 && led === partitions.length && led >= count) continue;
      const detail = partitions.length === 0
        ? "it was accepted, but no broker has heard of it yet; look at the brokers' state"
        : `${led} of ${Math.max(count, partitions.length)} partitions have a leader; are enough brokers up?`;
      return yield* Effect.fail(new NotYet(new TopicError(name, "LEADER_NOT_AVAILABLE", detail)));
    }
    return topics;
  },
);

/** Ends where none of these topics is there any more; else it is not yet so. */
export const allGone: (
  cluster: Cluster,
  names: ReadonlyArray<string>,
) => Effect.Effect<void, ConnectionError | NotYet> = Effect.fnUntraced(function* (cluster, names) {
  for (const { name, errorCode } of (yield* currentTopics(cluster, names)).values()) {
    if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) continue;
    const error = new TopicError(name, "REQUEST_TIMED_OUT", "its deletion was accepted, but it is there still");
    return yield* Effect.fail(new NotYet(error));
  }
});
