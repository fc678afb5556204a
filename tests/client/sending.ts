/**
 * What tests of the sender have in common.
 * @module
 */
import { Effect, type Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import type { Cluster, DeliveryObserver, Sender } from "../../src/client/port.ts";
import { makeSender, type SenderOptions } from "../../src/client/produce/sender.ts";
import { readBatchHeader } from "../../src/codec/batch_header.ts";
import type { Request } from "../../src/link/protocol.ts";
import type { ProducerRecord } from "../../src/record.ts";
import type { SmallKafka } from "./small_kafka.ts";
import { virtual } from "./virtual.ts";

/** What became of records, in the order they were settled. */
export class Outcomes {
  readonly settled: Array<string> = [];
  readonly offsets: Array<number> = [];
  readonly byName = new Map<string, number>();
  of(name: string): DeliveryObserver {
    return {
      settled: (error, metadata) => {
        this.settled.push(error === null ? name : `${name}:${error._tag === "PublishError" ? error.type : error._tag}`);
        this.offsets.push(metadata.offset);
        this.byName.set(name, (this.byName.get(name) ?? 0) + 1);
      },
    };
  }
}

/** A record of partition 0. */
export function record(value: string, more: Partial<ProducerRecord> = {}): ProducerRecord {
  return { topic: "orders", key: null, value, partition: 0, ...more };
}

/** Runs a test of a sender on a small Kafka with a topic "orders". */
export function sending(
  kafka: SmallKafka,
  options: SenderOptions,
  body: (sender: Sender, cluster: Cluster) => Effect.Effect<void, unknown, Scope.Scope>,
  log: Array<string> = [],
) {
  return virtual(
    Effect.gen(function* () {
      const cluster = yield* makeCluster(kafka.link);
      yield* cluster.refresh(["orders"]);
      yield* body(yield* makeSender(cluster, options), cluster);
    }),
    log,
  );
}

/** Batches sent so far: partition, records, sequence, producer. */
export function sent(kafka: SmallKafka) {
  return kafka.link.requests.filter(({ api }) => api === "Produce").flatMap(({ request }) =>
    (request as Request<"Produce">).topics.flatMap(({ partitions }) =>
      partitions.map(({ partition, records }) => {
        const { count, baseSequence, producerId } = readBatchHeader(records, 0);
        return { partition, count, baseSequence, producerId };
      })
    )
  );
}
