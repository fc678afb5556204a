/**
 * Metadata, FindCoordinator.
 * @module
 */
import type { Codec } from "./codec.ts";
import type { Reader } from "./reader.ts";

const noTopicId = new Uint8Array(16);

/** Metadata 12 (Kafka 2.8 to 4.x): topic ids, leader epochs, an error code per topic. */
export const metadata: Codec<"Metadata"> = {
  key: 3,
  version: 12,
  flexible: true,
  write: (writer, request) => {
    writer.compactArray(request.topics, (name) => {
      writer.raw(noTopicId);
      writer.compactString(name);
      writer.noTags();
    });
    writer.boolean(request.allowAutoTopicCreation);
    writer.boolean(false); // not what we may do with each topic
    writer.noTags();
  },
  read: (reader) => {
    const answer = {
      throttleTimeMs: reader.int32(),
      brokers: reader.compactArray(() => {
        const broker = {
          nodeId: reader.int32(),
          host: reader.compactString(),
          port: reader.int32(),
          rack: reader.nullableCompactString(),
        };
        reader.tags();
        return broker;
      }),
      clusterId: reader.nullableCompactString(),
      controllerId: reader.int32(),
      topics: reader.compactArray(() => readTopic(reader)),
    };
    reader.tags();
    return answer;
  },
};

function readTopic(reader: Reader) {
  const errorCode = reader.int16();
  const name = reader.nullableCompactString() ?? "";
  const topicId = reader.uuid();
  reader.boolean(); // internal
  const partitions = reader.compactArray(() => {
    const partition = {
      errorCode: reader.int16(),
      partition: reader.int32(),
      leader: reader.int32(),
      leaderEpoch: reader.int32(),
      replicas: reader.compactArray(() => reader.int32()),
      isr: reader.compactArray(() => reader.int32()),
    };
    reader.compactArray(() => reader.int32()); // offline replicas
    reader.tags();
    return partition;
  });
  reader.int32(); // authorized operations
  reader.tags();
  return { errorCode, name, topicId, partitions };
}

/** FindCoordinator 2 (Kafka 2.0 to 4.x). */
export const findCoordinator: Codec<"FindCoordinator"> = {
  key: 10,
  version: 2,
  write: (writer, request) => {
    writer.string(request.key);
    writer.int8(request.keyType);
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    errorCode: reader.int16(),
    errorMessage: reader.nullableString(),
    nodeId: reader.int32(),
    host: reader.string(),
    port: reader.int32(),
  }),
};
