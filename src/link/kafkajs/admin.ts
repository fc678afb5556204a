/**
 * Topics: CreateTopics, CreatePartitions, DeleteTopics, DeleteRecords.
 * @module
 */
import type { Codec } from "./codec.ts";
import type { Reader } from "./reader.ts";

/** CreateTopics 4 (Kafka 2.4 to 4.x): the first that takes the broker's defaults for counts of -1. */
export const createTopics: Codec<"CreateTopics"> = {
  key: 19,
  version: 4,
  write: (writer, request) => {
    writer.array(request.topics, (topic) => {
      writer.string(topic.name);
      writer.int32(topic.numPartitions);
      writer.int16(topic.replicationFactor);
      writer.int32(0); // no partition placed by hand
      writer.array(Object.entries(topic.configs), ([name, value]) => {
        writer.string(name);
        writer.string(value);
      });
    });
    writer.int32(request.timeoutMs);
    writer.boolean(request.validateOnly);
  },
  read: readTopicErrors,
};

/** CreatePartitions 1 (Kafka 2.0 to 4.x). */
export const createPartitions: Codec<"CreatePartitions"> = {
  key: 37,
  version: 1,
  write: (writer, request) => {
    writer.array(request.topics, (topic) => {
      writer.string(topic.name);
      writer.int32(topic.count);
      writer.int32(-1); // the broker places them
    });
    writer.int32(request.timeoutMs);
    writer.boolean(request.validateOnly);
  },
  read: readTopicErrors,
};

function readTopicErrors(reader: Reader) {
  return {
    throttleTimeMs: reader.int32(),
    topics: reader.array(() => ({
      name: reader.string(),
      errorCode: reader.int16(),
      errorMessage: reader.nullableString(),
    })),
  };
}

/** DeleteTopics 3 (Kafka 2.1 to 4.x). */
export const deleteTopics: Codec<"DeleteTopics"> = {
  key: 20,
  version: 3,
  write: (writer, request) => {
    writer.array(request.topics, (name) => writer.string(name));
    writer.int32(request.timeoutMs);
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    topics: reader.array(() => ({ name: reader.string(), errorCode: reader.int16() })),
  }),
};

/** DeleteRecords 1 (Kafka 2.0 to 4.x). */
export const deleteRecords: Codec<"DeleteRecords"> = {
  key: 21,
  version: 1,
  write: (writer, request) => {
    writer.array(request.topics, (topic) => {
      writer.string(topic.name);
      writer.array(topic.partitions, (partition) => {
        writer.int32(partition.partition);
        writer.int64(partition.offset);
      });
    });
    writer.int32(request.timeoutMs);
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    topics: reader.array(() => ({
      name: reader.string(),
      partitions: reader.array(() => ({
        partition: reader.int32(),
        lowWatermark: reader.offset(),
        errorCode: reader.int16(),
      })),
    })),
  }),
};
