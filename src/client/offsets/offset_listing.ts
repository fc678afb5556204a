/**
 * Offsets by time, from the partitions' leaders.
 * @module
 */
import { Effect, type Scope } from "effect";
import { KafkaError } from "../../errors.ts";
import { errorName } from "../../link/error_code.ts";
import { partitionKey, type TopicPartition } from "../../record.ts";
import { pause } from "../backoff.ts";
import { isTransient } from "../cluster/leader_trouble.ts";
import { LocatedConnection } from "../cluster/located_connection.ts";
import { perTopic } from "../per_topic.ts";
import type { Cluster } from "../port.ts";
import type { Warnings } from "../warnings.ts";

interface Led extends TopicPartition {
  readonly leaderEpoch: number;
}

type Listed = TopicPartition & { readonly offset: number };

/** Asks leaders; many fibers may do so at once. */
export class OffsetListing {
  readonly #leaders = new Map<number, LocatedConnection>();

  /** Its connections end with `scope`. */
  constructor(
    readonly cluster: Cluster,
    readonly requestTimeout: number,
    readonly isolationLevel: 0 | 1,
    readonly warnings: Warnings,
    readonly scope: Scope.Scope,
  ) {}

  /** See {@linkcode Offsets.list}; the offset is -1 where no record is as young as `timestamp`. */
  readonly list = Effect.fnUntraced(
    function* (
      this: OffsetListing,
      partitions: ReadonlyArray<TopicPartition>,
      timestamp: number,
      each: (listed: ReadonlyArray<Listed>) => void = () => {},
    ) {
      const found = new Map<string, Listed>();
      let left = partitions;
      let trouble = "no leader is known";
      for (let failures = 0; left.length > 0; failures++) {
        if (failures > 0) {
          const { topic, partition } = left[0];
          if (failures > 1) {
            const text = `offsets of ${topic}/${partition} can't be looked up, trying again: ${trouble}`;
            yield* this.warnings.warn(`list ${topic}`, text);
          }
          if (failures > 1 || trouble !== "no leader is known") yield* pause(failures - 1, 20, 1_000);
          yield* Effect.result(this.cluster.refresh([...new Set(left.map(({ topic }) => topic))]));
        }
        trouble = "no leader is known";
        const byLeader = new Map<number, Array<Led>>();
        for (const { topic, partition } of left) {
          const known = this.cluster.topic(topic)?.partitions.find((candidate) => candidate.partition === partition);
          if (known === undefined || known.leader < 0) continue;
          const led = { topic, partition, leaderEpoch: known.leaderEpoch };
          const others = byLeader.get(known.leader);
          if (others === undefined) byLeader.set(known.leader, [led]);
          else others.push(led);
        }
        yield* Effect.forEach(
          byLeader,
          ([leader, led]) =>
            Effect.map(this.#ask(leader, led, timestamp, found), (error) => {
              if (error !== null) trouble = error;
              each(led.flatMap(({ topic, partition }) => found.get(partitionKey(topic, partition)) ?? []));
            }),
          { concurrency: "unbounded", discard: true },
        );
        left = left.filter(({ topic, partition }) => !found.has(partitionKey(topic, partition)));
      }
      return partitions.flatMap(({ topic, partition }) => found.get(partitionKey(topic, partition)) ?? []);
    },
  );

  /** Asks one leader; answers what was wrong, if that may pass. */
  #ask(
    nodeId: number,
    led: ReadonlyArray<Led>,
    timestamp: number,
    found: Map<string, Listed>,
  ): Effect.Effect<string | null, KafkaError> {
    let leader = this.#leaders.get(nodeId);
    if (leader === undefined) {
      leader = new LocatedConnection(this.cluster, Effect.succeed(nodeId), "offsets", this.scope);
      this.#leaders.set(nodeId, leader);
    }
    const topics = perTopic(led, ({ partition, leaderEpoch }) => ({
      partition,
      currentLeaderEpoch: leaderEpoch,
      timestamp,
    }));
    const request = { isolationLevel: this.isolationLevel, topics };
    const located = leader;
    return located.get.pipe(
      // Who gives up waiting leaves no silent connection behind, on which the next one would wait as long.
      Effect.flatMap((connection) =>
        Effect.onInterrupt(
          connection.call("ListOffsets", request, this.requestTimeout),
          () => located.forget(connection),
        )
      ),
      Effect.flatMap((answer) => {
        let trouble: string | null = null;
        for (const { name, partitions } of answer.topics) {
          for (const { partition, errorCode, offset } of partitions) {
            if (errorCode === 0) found.set(partitionKey(name, partition), { topic: name, partition, offset });
            else if (isTransient(errorCode)) trouble = errorName(errorCode);
            else {
              return Effect.fail(
                new KafkaError(errorCode, errorName(errorCode), "ListOffsets", `${name}/${partition}`),
              );
            }
          }
        }
        return Effect.succeed(trouble);
      }),
      Effect.catchTag("ConnectionError", (error) => Effect.succeed(error.message)),
    );
  }
}
