/**
 * Topics: CreateTopics, CreatePartitions, DeleteTopics, DeleteRecords, DescribeConfigs.
 * @module
 */
import type { ConfigResource } from "../../protocol.ts";
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

/** DescribeConfigs 1 (Kafka 1.1 to 4.x): the first that says where a value comes from. */
export const describeConfigs: Codec<"DescribeConfigs"> = {
  key: 32,
  version: 1,
  write: (writer, request) => {
    writer.array(request.resources, (resource) => {
      writer.int8(resource.type);
      writer.string(resource.name);
      writer.array(resource.keys, (key) => writer.string(key));
    });
    writer.boolean(false); // no synonyms
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    resources: reader.array(() => ({
      errorCode: reader.int16(),
      errorMessage: reader.nullableString(),
      type: reader.int8() as ConfigResource,
      name: reader.string(),
      configs: reader.array(() => {
        const name = reader.string();
        const value = reader.nullableString();
        reader.boolean(); // read-only
        const isDefault = reader.int8() === defaultConfig;
        reader.boolean(); // secret
        reader.array(() => [reader.string(), reader.nullableString(), reader.int8()]);
        return { name, value, isDefault };
      }),
    })),
  }),
};

/** The source of a value that is set nowhere. */
const defaultConfig = 5;
