/**
 * What stands on a topic, read from its leaders one request at a time: none of the client's loops has a hand in it.
 * @module
 */
import { Effect } from "effect";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { scanBatches } from "../../src/codec/batch_header.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";

/** A record that stands on a log. */
export interface Stored {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
}

/** All that stands on a topic now, by partition and offset. */
export function readLog(brokers: string, topic: string): Promise<ReadonlyArray<Stored>> {
  const read = Effect.gen(function* () {
    const link = yield* makeKafkajsLink({ brokers, clientId: "count" });
    const any = yield* Effect.firstSuccessOf(link.bootstrap.map((address) => link.connect(address, "metadata")));
    const metadata = yield* any.call("Metadata", { topics: [topic], allowAutoTopicCreation: false });
    const stored: Array<Stored> = [];
    for (const { partition, leader } of metadata.topics[0].partitions) {
      const address = metadata.brokers.find(({ nodeId }) => nodeId === leader);
      if (address === undefined) return yield* Effect.die(new Error(`${topic}/${partition} is led by nobody`));
      const connection = yield* link.connect(address, "fetch");
      for (let from = 0;;) {
        const answer = yield* connection.call("Fetch", {
          maxWaitMs: 0,
          minBytes: 0,
          maxBytes: 8 << 20,
          isolationLevel: 0,
          rackId: "",
          topics: [{
            name: topic,
            partitions: [{ partition, currentLeaderEpoch: -1, fetchOffset: from, maxBytes: 8 << 20 }],
          }],
        });
        const { errorCode, records, highWatermark } = answer.topics[0].partitions[0];
        if (errorCode !== 0) return yield* Effect.die(new Error(`${topic}/${partition}@${from}: error ${errorCode}`));
        const found = decodeRecords(records, { from, aborted: [] });
        for (let i = 0; i < found.length; i++) {
          const text = (bytes: Uint8Array | null) => bytes === null ? "" : decoder.decode(bytes);
          stored.push({ partition, offset: found.offset(i), key: text(found.key(i)), value: text(found.value(i)) });
        }
        const { next } = scanBatches(records, from);
        if (next <= from || next >= highWatermark) break;
        from = next;
      }
    }
    return stored;
  });
  return Effect.runPromise(Effect.scoped(read));
}

const decoder = new TextDecoder();
