/**
 * Fetch, ListOffsets.
 * @module
 */
import type { Codec } from "./codec.ts";

/** Fetch 11 (Kafka 2.3 to 4.x), without fetch sessions. `records` are views into the answer. */
export const fetch: Codec<"Fetch"> = {
  key: 1,
  version: 11,
  write: (writer, request) => {
    writer.int32(-1); // not a replica
    writer.int32(request.maxWaitMs);
    writer.int32(request.minBytes);
    writer.int32(request.maxBytes);
    writer.int8(request.isolationLevel);
    writer.int32(0); // no session …
    writer.int32(-1); // … and none to begin
    writer.array(request.topics, (topic) => {
      writer.string(topic.name);
      writer.array(topic.partitions, (partition) => {
        writer.int32(partition.partition);
        writer.int32(partition.currentLeaderEpoch);
        writer.int64(partition.fetchOffset);
        writer.int64(-1); // log start offset, for replicas
        writer.int32(partition.maxBytes);
      });
    });
    writer.int32(0); // nothing to forget
    writer.string(request.rackId);
  },
  read: (reader) => {
    const throttleTimeMs = reader.int32();
    const errorCode = reader.int16();
    reader.int32(); // session
    const topics = reader.array(() => ({
      name: reader.string(),
      partitions: reader.array(() => ({
        partition: reader.int32(),
        errorCode: reader.int16(),
        highWatermark: reader.offset(),
        lastStableOffset: reader.offset(),
        logStartOffset: reader.offset(),
        abortedTransactions: reader.array(() => ({ producerId: reader.bigint64(), firstOffset: reader.offset() })),
        preferredReadReplica: reader.int32(),
        records: reader.bytes(),
      })),
    }));
    return { throttleTimeMs, errorCode, topics };
  },
};

/** ListOffsets 5 (Kafka 2.2 to 4.x). */
export const listOffsets: Codec<"ListOffsets"> = {
  key: 2,
  version: 5,
  write: (writer, request) => {
    writer.int32(-1); // not a replica
    writer.int8(request.isolationLevel);
    writer.array(request.topics, (topic) => {
      writer.string(topic.name);
      writer.array(topic.partitions, (partition) => {
        writer.int32(partition.partition);
        writer.int32(partition.currentLeaderEpoch);
        writer.int64(partition.timestamp);
      });
    });
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    topics: reader.array(() => ({
      name: reader.string(),
      partitions: reader.array(() => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        const timestamp = reader.time();
        const offset = reader.offset();
        reader.int32(); // leader epoch
        return { partition, errorCode, timestamp, offset };
      }),
    })),
  }),
};
