/**
 * Fetch, ListOffsets.
 * @module
 */
import type { FetchedPartition, Request } from "../../protocol.ts";
import type { Codec } from "./codec.ts";
import { Malformed, type Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

const noTopicId = "0".repeat(32);

/** Whether every topic has an id. */
function identified({ topics }: Request<"Fetch">): boolean {
  return topics.every(({ topicId = noTopicId }) => topicId !== noTopicId);
}

/** Fetch 13 (Kafka 3.1 to 4.x): topics by their ids, so that one created anew is not taken for its predecessor. */
export const fetchById: Codec<"Fetch"> = {
  ...fetch(13, (writer, { topicId = noTopicId }) => writer.uuid(topicId), (reader, { topics }) => {
    const id = reader.uuid();
    const topic = topics.find(({ topicId }) => topicId === id);
    if (topic === undefined) throw new Malformed(`topic ${id}, which was not asked for`);
    return topic.name;
  }),
  fits: identified,
};

/** Fetch 12 (Kafka 2.7 to 4.x): topics by their names. */
export const fetchByName: Codec<"Fetch"> = fetch(
  12,
  (writer, { name }) => writer.compactString(name),
  (reader) => reader.compactString(),
);

/** Without fetch sessions. `records` are views into the answer. */
function fetch(
  version: number,
  writeTopic: (writer: Writer, topic: Request<"Fetch">["topics"][number]) => void,
  readTopic: (reader: Reader, request: Request<"Fetch">) => string,
): Codec<"Fetch"> {
  return {
    key: 1,
    version,
    flexible: true,
    write: (writer, request) => {
      writer.int32(-1); // not a replica
      writer.int32(request.maxWaitMs);
      writer.int32(request.minBytes);
      writer.int32(request.maxBytes);
      writer.int8(request.isolationLevel);
      writer.int32(0); // no session …
      writer.int32(-1); // … and none to begin
      writer.compactArray(request.topics, (topic) => {
        writeTopic(writer, topic);
        writer.compactArray(topic.partitions, (partition) => {
          writer.int32(partition.partition);
          writer.int32(partition.currentLeaderEpoch);
          writer.int64(partition.fetchOffset);
          writer.int32(partition.lastFetchedEpoch ?? -1);
          writer.int64(-1); // log start offset, for replicas
          writer.int32(partition.maxBytes);
          writer.noTags();
        });
        writer.noTags();
      });
      writer.compactArray([], () => {}); // nothing to forget
      writer.compactString(request.rackId);
      writer.noTags();
    },
    read: (reader, request) => {
      const throttleTimeMs = reader.int32();
      const errorCode = reader.int16();
      reader.int32(); // session
      const topics = reader.compactArray(() => {
        const name = readTopic(reader, request);
        const partitions = reader.compactArray(() => readPartition(reader));
        reader.tags();
        return { name, partitions };
      });
      reader.tags();
      return { throttleTimeMs, errorCode, topics };
    },
  };
}

function readPartition(reader: Reader): FetchedPartition {
  const partition = {
    partition: reader.int32(),
    errorCode: reader.int16(),
    highWatermark: reader.offset(),
    lastStableOffset: reader.offset(),
    logStartOffset: reader.offset(),
    abortedTransactions: reader.compactArray(() => {
      const transaction = { producerId: reader.bigint64(), firstOffset: reader.offset() };
      reader.tags();
      return transaction;
    }),
    preferredReadReplica: reader.int32(),
    records: reader.compactBytes(),
  };
  let divergingEpoch: FetchedPartition["divergingEpoch"];
  reader.tags((tag) => {
    if (tag === 0) divergingEpoch = { epoch: reader.int32(), endOffset: reader.offset() };
  });
  // No checksum covers these fields: a broker that gives a reason not to read gives no records.
  const { errorCode, preferredReadReplica, records } = partition;
  if (records.length > 0 && (errorCode !== 0 || preferredReadReplica >= 0 || divergingEpoch !== undefined)) {
    throw new Malformed(
      `records of partition ${partition.partition} beside error ${errorCode} or another place to read`,
    );
  }
  return divergingEpoch === undefined ? partition : { ...partition, divergingEpoch };
}

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
