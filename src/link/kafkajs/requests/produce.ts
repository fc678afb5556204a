/**
 * Produce, InitProducerId.
 * @module
 */
import type { Codec } from "./codec.ts";

/** Produce 7 (Kafka 2.1 to 4.x). */
export const produce: Codec<"Produce"> = {
  key: 0,
  version: 7,
  size: (request) => {
    let size = 64;
    for (const topic of request.topics) {
      size += 16 + topic.name.length;
      for (const { records } of topic.partitions) size += 8 + records.length;
    }
    return size;
  },
  write: (writer, request) => {
    writer.string(request.transactionalId);
    writer.int16(request.acks);
    writer.int32(request.timeoutMs);
    writer.array(request.topics, (topic) => {
      writer.string(topic.name);
      writer.array(topic.partitions, ({ partition, records }) => {
        writer.int32(partition);
        writer.bytes(records);
      });
    });
  },
  read: (reader) => ({
    topics: reader.array(() => ({
      name: reader.string(),
      partitions: reader.array(() => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        const baseOffset = reader.offset();
        const logAppendTimeMs = reader.time();
        reader.offset(); // log start offset
        return { partition, errorCode, baseOffset, logAppendTimeMs };
      }),
    })),
    throttleTimeMs: reader.int32(),
  }),
  unanswered: (request) =>
    request.acks !== 0 ? undefined : {
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partition }) => ({
          partition,
          errorCode: 0,
          baseOffset: -1,
          logAppendTimeMs: -1,
        })),
      })),
      throttleTimeMs: 0,
    },
};

/** InitProducerId 4 (Kafka 2.7 to 4.x). */
export const initProducerId: Codec<"InitProducerId"> = {
  key: 22,
  version: 4,
  flexible: true,
  write: (writer, request) => {
    writer.compactString(request.transactionalId);
    writer.int32(request.transactionTimeoutMs);
    writer.bigint64(request.producerId);
    writer.int16(request.producerEpoch);
    writer.noTags();
  },
  read: (reader) => {
    const answer = {
      throttleTimeMs: reader.int32(),
      errorCode: reader.int16(),
      producerId: reader.bigint64(),
      producerEpoch: reader.int16(),
    };
    reader.tags();
    return answer;
  },
};
