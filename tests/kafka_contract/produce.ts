/**
 * What Kafka does with what is produced.
 * @module
 */
import { Effect } from "effect";
import { CRC_START, readBatchHeader, viewOf } from "../../src/codec/batch_header.ts";
import { assertEquals } from "../assert.ts";
import { altered, batch, joined, values } from "./batches.ts";
import { type Behaviour, ErrorCode, produceRequest } from "./context.ts";

/** The batch with a header that says it has so many records. */
function counting(bytes: Uint8Array, count: number): Uint8Array {
  return altered(bytes, (view) => {
    view.setInt32(57, count);
    view.setInt32(23, count - 1);
  });
}

/** The behaviours. */
export const produce: ReadonlyArray<Behaviour> = [
  {
    name: "Produce gives a batch the next offsets and answers with the first",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const answers = [];
      for (const texts of [["a", "b", "c"], ["d"], ["e", "f"]]) answers.push(yield* kafka.produce(topic, batch(texts)));
      assertEquals(answers.map(({ errorCode, baseOffset }) => [errorCode, baseOffset]), [[0, 0], [0, 3], [0, 4]]);
      assertEquals((yield* kafka.fetch(topic, 0)).highWatermark, 6);
    }),
  },
  {
    name: "Produce stores a batch as it was sent, but for its offset and the leader's epoch",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, batch(["a"]));
      for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
        const sent = batch(["some text, some text, some text", "more"], { compression });
        const { errorCode, baseOffset, logAppendTimeMs } = yield* kafka.produce(topic, sent);
        assertEquals([errorCode, logAppendTimeMs], [0, -1]);
        const { records } = yield* kafka.fetch(topic, baseOffset);
        assertEquals(records.slice(16), sent.slice(16), compression);
        const { leaderEpoch, baseOffset: stored } = readBatchHeader(records, 0);
        assertEquals([leaderEpoch, stored], [0, baseOffset]);
      }
    }),
  },
  {
    name: "Produce with acks 1 answers as with -1, and other numbers are refused",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const connection = yield* kafka.connect("produce");
      const one = yield* connection.call("Produce", produceRequest(topic, batch(["a", "b"]), 0, 1));
      assertEquals(one.topics[0].partitions[0].baseOffset, 0);
      const odd = yield* connection.call("Produce", produceRequest(topic, batch(["a"]), 0, 2 as 1));
      assertEquals(odd.topics[0].partitions[0].errorCode, ErrorCode.INVALID_REQUIRED_ACKS);
      assertEquals((yield* kafka.listOffsets(topic, [0], -1))[0].offset, 2);
    }),
  },
  {
    name: "Produce with acks 0 stores and is not answered",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const connection = yield* kafka.connect("produce");
      const silent = yield* connection.call("Produce", produceRequest(topic, batch(["a"]), 0, 0));
      assertEquals(silent.topics[0].partitions[0].baseOffset, -1);
      const next = yield* connection.call("Produce", produceRequest(topic, batch(["b"])));
      assertEquals(next.topics[0].partitions[0].baseOffset, 1);
    }),
  },
  {
    name: "Produce with acks 0 ends the connection when it fails",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const connection = yield* kafka.connect("produce");
      yield* connection.call("Produce", produceRequest(topic, batch(["a"]), 9, 0));
      yield* kafka.until(Effect.sync(() => connection.isOpen()), (open) => !open);
    }),
  },
  {
    name: "Produce refuses topics and partitions that do not exist",
    check: Effect.fnUntraced(function* (kafka) {
      const unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
      assertEquals((yield* kafka.produce(kafka.fresh("topic"), batch(["a"]))).errorCode, unknown);
      assertEquals((yield* kafka.produce(yield* kafka.topic(), batch(["a"]), 1)).errorCode, unknown);
    }),
  },
  {
    name: "Produce stores one partition's batch while it refuses another's",
    check: Effect.fnUntraced(function* (kafka) {
      const name = yield* kafka.topic(2);
      const broken = batch(["a"]);
      broken[broken.length - 1] ^= 1;
      const answer = yield* kafka.call("Produce", {
        transactionalId: null,
        acks: -1,
        timeoutMs: 10_000,
        topics: [{ name, partitions: [{ partition: 0, records: broken }, { partition: 1, records: batch(["b"]) }] }],
      });
      const codes = answer.topics[0].partitions.map(({ partition, errorCode }) => [partition, errorCode]);
      assertEquals(codes.sort(), [[0, ErrorCode.CORRUPT_MESSAGE], [1, 0]]);
      const ends = yield* kafka.listOffsets(name, [0, 1], -1);
      assertEquals(ends.map(({ offset }) => offset), [0, 1]);
    }),
  },
  {
    name: "Produce refuses a batch whose checksum is wrong",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      for (const at of [CRC_START + 1, 30, 70]) {
        const broken = batch(["some text"]);
        broken[at] ^= 0x40;
        assertEquals((yield* kafka.produce(topic, broken)).errorCode, ErrorCode.CORRUPT_MESSAGE, `byte ${at}`);
      }
    }),
  },
  {
    name: "Produce refuses a batch larger than max.message.bytes",
    check: Effect.fnUntraced(function* (kafka) {
      const text = batch(["x".repeat(2_000)]);
      const tight = yield* kafka.topic(1, { "max.message.bytes": String(text.length - 1) });
      assertEquals((yield* kafka.produce(tight, text)).errorCode, ErrorCode.MESSAGE_TOO_LARGE);
      const fitting = yield* kafka.topic(1, { "max.message.bytes": String(text.length) });
      assertEquals((yield* kafka.produce(fitting, text)).errorCode, 0);
    }),
  },
  {
    name: "Produce takes 1,048,588 bytes in a batch by default, and no more",
    check: Effect.fnUntraced(function* (kafka) {
      const overhead = batch(["x".repeat(1_048_000)]).length - 1_048_000;
      const sized = (size: number) => batch(["x".repeat(size - overhead)]);
      const topic = yield* kafka.topic();
      assertEquals(sized(1_048_588).length, 1_048_588);
      assertEquals((yield* kafka.produce(topic, sized(1_048_589))).errorCode, ErrorCode.MESSAGE_TOO_LARGE);
      assertEquals((yield* kafka.produce(topic, sized(1_048_588))).errorCode, 0);
    }),
  },
  {
    name: "Produce takes one batch per partition and request",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const two = joined(batch(["a"]), batch(["b"]));
      assertEquals((yield* kafka.produce(topic, two)).errorCode, ErrorCode.INVALID_RECORD);
      assertEquals((yield* kafka.produce(topic, new Uint8Array(0))).errorCode, ErrorCode.INVALID_RECORD);
      assertEquals((yield* kafka.listOffsets(topic, [0], -1))[0].offset, 0);
    }),
  },
  {
    name: "Produce refuses a batch with gaps, or without records",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const gap = altered(batch(["a", "b"]), (view) => view.setInt32(23, 2));
      const short = altered(batch(["a", "b"]), (view) => view.setInt32(57, 1));
      const empty = altered(batch(["a"]), (view) => view.setInt32(57, 0));
      for (const bytes of [gap, short, empty]) {
        assertEquals((yield* kafka.produce(topic, bytes)).errorCode, ErrorCode.INVALID_RECORD);
      }
    }),
  },
  {
    name: "Produce refuses control batches: only brokers write those",
    check: Effect.fnUntraced(function* (kafka) {
      const control = altered(batch(["a"]), (view) => view.setInt16(21, 0x20));
      assertEquals((yield* kafka.produce(yield* kafka.topic(), control)).errorCode, ErrorCode.INVALID_RECORD);
    }),
  },
  {
    name: "Produce refuses records that are not what the format says, though the checksum is right",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const good = batch(["abc", "def"]);
      const record = 61; // length, attributes, time, offset, no key, length of the value, value, headers
      const byte = (at: number, value: number) => altered(good, (view) => view.setUint8(at, value));
      const behind = joined(good, new Uint8Array(3));
      // A value of 71 bytes and a byte that says how many headers: 60 of them, in what was the rest of the value.
      const long = batch(["x".repeat(200)]);
      const records = {
        "a longer record": byte(record, good[record] + 2),
        "a shorter record": byte(record, good[record] - 2),
        "a negative length": byte(record, 1),
        "a length beyond the batch": byte(record, 126),
        "a key that is too long": byte(record + 4, 40),
        "a longer value": byte(record + 5, good[record + 5] + 2),
        "a shorter value": byte(record + 5, good[record + 5] - 2),
        "a header that is not there": byte(record + 9, 2),
        "headers that are none": altered(long, (view) => view.setUint8(record + 7, 1)),
        "more records than there are": counting(good, 3),
        "fewer records than there are": counting(good, 1),
        "bytes behind the records": altered(behind, (view) => view.setInt32(8, behind.length - 12)),
        "more gzipped records than there are": counting(batch(["abc", "def"], { compression: "gzip" }), 3),
        "fewer gzipped records than there are": counting(batch(["abc", "def"], { compression: "gzip" }), 1),
      };
      for (const [what, bytes] of Object.entries(records)) {
        assertEquals([what, (yield* kafka.produce(topic, bytes)).errorCode], [what, ErrorCode.INVALID_RECORD]);
      }
      assertEquals((yield* kafka.listOffsets(topic, [0], -1))[0].offset, 0);
    }),
  },
  {
    name: "Produce refuses what can't be decompressed with an error of the broker's own",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const codec = (code: number) => altered(batch(["abc"]), (view) => view.setInt16(21, code));
      const whole = batch(["abc".repeat(100)], { compression: "gzip" });
      const cut = whole.slice(0, -2);
      const garbled = [1, 2, 3, 4, 5, 7].map(codec);
      garbled.push(altered(cut, (view) => view.setInt32(8, cut.length - 12)));
      for (const [i, bytes] of garbled.entries()) {
        assertEquals([i, (yield* kafka.produce(topic, bytes)).errorCode], [i, ErrorCode.UNKNOWN_SERVER_ERROR]);
      }
    }),
  },
  {
    name: "Produce tells formats it has never had from old ones",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const magic = (value: number) => altered(batch(["abc"]), (view) => view.setInt8(16, value));
      assertEquals((yield* kafka.produce(topic, magic(1))).errorCode, ErrorCode.INVALID_RECORD);
      assertEquals((yield* kafka.produce(topic, magic(3))).errorCode, ErrorCode.CORRUPT_MESSAGE);
      const short = altered(batch(["abc"]), (view) => view.setInt32(8, 10));
      assertEquals((yield* kafka.produce(topic, short)).errorCode, ErrorCode.CORRUPT_MESSAGE);
    }),
  },
  {
    name: "Produce sets a batch's latest timestamp to that of its records",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      yield* kafka.produce(topic, altered(batch(["a", "b"]), (view) => view.setBigInt64(35, 5n)));
      const { records } = yield* kafka.fetch(topic, 0);
      assertEquals(viewOf(records).getBigInt64(35), 1_001n);
      assertEquals((yield* kafka.listOffsets(topic, [0], 1_001))[0].offset, 1);
    }),
  },
  {
    name: "Produce requests of one connection are applied in the order of their calls",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic();
      const connection = yield* kafka.connect("produce");
      const texts = Array.from({ length: 20 }, (_, i) => String(i));
      yield* Effect.forEach(texts, (text) => connection.call("Produce", produceRequest(topic, batch([text]))), {
        concurrency: "unbounded",
      });
      assertEquals(values((yield* kafka.fetch(topic, 0)).records), texts);
    }),
  },
  {
    name: "Produce refuses a batch whose offsets do not begin at 0",
    check: Effect.fnUntraced(function* (kafka) {
      const sent = batch(["a"]);
      viewOf(sent).setBigInt64(0, 77n);
      assertEquals((yield* kafka.produce(yield* kafka.topic(), sent)).errorCode, ErrorCode.INVALID_RECORD);
    }),
  },
];
