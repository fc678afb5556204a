/**
 * A group's offsets: OffsetCommit, OffsetFetch.
 * @module
 */
import type { Codec } from "./codec.ts";
import { writeIdentity } from "./groups.ts";

/** OffsetCommit 9 (Kafka 4.0 and newer): the first that members of KIP-848's protocol may use, by their epoch. */
export const offsetCommit9: Codec<"OffsetCommit"> = {
  key: 8,
  version: 9,
  flexible: true,
  write: (writer, request) => {
    writer.compactString(request.groupId);
    writer.int32(request.generationId);
    writer.compactString(request.memberId);
    writer.compactString(request.groupInstanceId);
    writer.compactArray(request.topics, (topic) => {
      writer.compactString(topic.name);
      writer.compactArray(topic.partitions, (partition) => {
        writer.int32(partition.partition);
        writer.int64(partition.committedOffset);
        writer.int32(-1); // leader epoch: not known
        writer.compactString(partition.committedMetadata);
        writer.noTags();
      });
      writer.noTags();
    });
    writer.noTags();
  },
  read: (reader) => {
    const throttleTimeMs = reader.int32();
    const topics = reader.compactArray(() => {
      const topic = {
        name: reader.compactString(),
        partitions: reader.compactArray(() => {
          const answer = { partition: reader.int32(), errorCode: reader.int16() };
          reader.tags();
          return answer;
        }),
      };
      reader.tags();
      return topic;
    });
    reader.tags();
    return { throttleTimeMs, topics };
  },
};

/** OffsetCommit 7 (Kafka 2.3 to 4.x): the first with static members. */
export const offsetCommit: Codec<"OffsetCommit"> = {
  key: 8,
  version: 7,
  write: (writer, request) => {
    writeIdentity(writer, request);
    writer.array(request.topics, (topic) => {
      writer.string(topic.name);
      writer.array(topic.partitions, (partition) => {
        writer.int32(partition.partition);
        writer.int64(partition.committedOffset);
        writer.int32(-1); // leader epoch: not known
        writer.string(partition.committedMetadata);
      });
    });
  },
  read: (reader) => ({
    throttleTimeMs: reader.int32(),
    topics: reader.array(() => ({
      name: reader.string(),
      partitions: reader.array(() => ({ partition: reader.int32(), errorCode: reader.int16() })),
    })),
  }),
};

/** OffsetFetch 7 (Kafka 2.5 to 4.x): the first that can ask for stable offsets only. */
export const offsetFetch: Codec<"OffsetFetch"> = {
  key: 9,
  version: 7,
  flexible: true,
  write: (writer, request) => {
    writer.compactString(request.groupId);
    writer.compactArray(request.topics, (topic) => {
      writer.compactString(topic.name);
      writer.compactArray(topic.partitions, (partition) => writer.int32(partition));
      writer.noTags();
    });
    writer.boolean(request.requireStable);
    writer.noTags();
  },
  read: (reader) => {
    const throttleTimeMs = reader.int32();
    const topics = reader.compactArray(() => {
      const topic = {
        name: reader.compactString(),
        partitions: reader.compactArray(() => {
          const partition = reader.int32();
          const offset = reader.offset();
          reader.int32(); // leader epoch
          const metadata = reader.nullableCompactString();
          const errorCode = reader.int16();
          reader.tags();
          return { partition, offset, metadata, errorCode };
        }),
      };
      reader.tags();
      return topic;
    });
    const errorCode = reader.int16();
    reader.tags();
    return { throttleTimeMs, errorCode, topics };
  },
};
