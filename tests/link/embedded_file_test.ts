import { Effect, type Scope } from "effect";
import { ConfigError } from "../../src/errors.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { batch, values } from "../kafka_contract/batches.ts";
import { Context } from "../kafka_contract/context.ts";

/** Runs `use` with a path in a folder of its own. */
async function withFile(use: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(`${folder}/kafka.log`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Opens the Kafka of a file, uses it, closes it. */
function using<A>(
  file: string,
  use: (context: Context, kafka: EmbeddedKafka) => Effect.Effect<A, unknown, Scope.Scope>,
  log: Array<string> = [],
): Promise<A> {
  return virtual(
    Effect.gen(function* () {
      const kafka = new EmbeddedKafka({ file });
      return yield* use(new Context(yield* kafka.open, (prefix) => prefix), kafka);
    }),
    log,
  );
}

const init = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1n, producerEpoch: -1 };
const append = (kafka: Context, text: string) => kafka.produce("topic", batch([text]));
const stored = (kafka: EmbeddedKafka, topic = "topic") =>
  kafka.log(topic, 0)?.batches.flatMap((bytes) => values(bytes)) ?? [];

Deno.test("a file keeps topics, records, offsets and producers", () =>
  withFile(async (file) => {
    const producer = { producerId: 1_000n, producerEpoch: 0 };
    await using(file, (kafka) =>
      Effect.gen(function* () {
        yield* kafka.create({ name: "topic", numPartitions: 2, configs: { "retention.ms": "-1" } });
        yield* kafka.create({ name: "gone" });
        yield* kafka.produce("gone", batch(["x"]));
        yield* kafka.commit("gone", "g", 1);
        yield* kafka.call("DeleteTopics", { timeoutMs: 0, topics: ["gone"] });
        yield* kafka.call("CreatePartitions", {
          timeoutMs: 0,
          validateOnly: false,
          topics: [{ name: "topic", count: 3 }],
        });
        assertEquals((yield* kafka.call("InitProducerId", init)).producerId, 1_000n);
        yield* kafka.produce("topic", batch(["a", "b"], { ...producer, baseSequence: 0 }));
        yield* kafka.produce("topic", batch(["c"], { ...producer, baseSequence: 2 }));
        yield* kafka.produce("topic", batch(["d"]), 2);
        yield* kafka.call("DeleteRecords", {
          timeoutMs: 0,
          topics: [{ name: "topic", partitions: [{ partition: 2, offset: -1 }] }],
        });
        yield* kafka.commit("topic", "g", 1, { metadata: "first" });
        yield* kafka.commit("topic", "g", 2, { metadata: "ünd" });
      }));
    const ids = await using(file, (context, kafka) =>
      Effect.gen(function* () {
        assertEquals(kafka.topics(), ["topic"]);
        assertEquals(stored(kafka), ["a", "b", "c"]);
        assertEquals({ ...kafka.log("topic", 2) }, { startOffset: 1, endOffset: 1 });
        assertEquals(kafka.log("topic", 2)?.batches, []);
        assertEquals(kafka.committed("g", "topic", 0), { offset: 2, metadata: "ünd" });
        assertEquals(kafka.committed("g", "gone", 0), undefined);
        const again = yield* context.produce("topic", batch(["c"], { ...producer, baseSequence: 2 }));
        assertEquals([again.errorCode, again.baseOffset], [0, 2]);
        const gap = yield* context.produce("topic", batch(["e"], { ...producer, baseSequence: 4 }));
        assertEquals(gap.errorCode, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
        assertEquals((yield* context.call("InitProducerId", init)).producerId, 1_001n);
        assertEquals((yield* context.produce("topic", batch(["d"]), 2)).baseOffset, 1);
        return (yield* context.describe("topic")).topicId;
      }));
    assertEquals(await using(file, (context) => Effect.map(context.describe("topic"), (topic) => topic.topicId)), ids);
  }));

Deno.test("a last entry cut short anywhere is cut off, with a warning, and the rest is there", () =>
  withFile(async (file) => {
    await using(file, (kafka) =>
      Effect.gen(function* () {
        yield* kafka.create({ name: "topic" });
        yield* append(kafka, "whole");
      }));
    const before = (await Deno.readFile(file)).length;
    await using(file, (kafka) => append(kafka, "torn"));
    const all = await Deno.readFile(file);
    for (let size = before; size < all.length; size++) {
      await Deno.writeFile(file, all.subarray(0, size));
      const log: Array<string> = [];
      await using(file, (context, kafka) =>
        Effect.gen(function* () {
          assertEquals(stored(kafka), ["whole"]);
          yield* append(context, "next");
        }), log);
      assertEquals(log.length, size === before ? 0 : 1, `${size - before} bytes: ${log}`);
      assertEquals(await using(file, (_, kafka) => Effect.sync(() => stored(kafka))), ["whole", "next"]);
    }
    // Zeros are what a machine that lost power may leave.
    await Deno.writeFile(file, new Uint8Array([...all.subarray(0, before), ...new Uint8Array(100)]));
    assertEquals(await using(file, (_, kafka) => Effect.sync(() => stored(kafka))), ["whole"]);
    // The same where the bytes are there, but not those that were written.
    for (const at of [before + 4, before + 8, all.length - 1]) {
      const bytes = all.slice();
      bytes[at] ^= 1;
      await Deno.writeFile(file, bytes);
      assertEquals(await using(file, (_, kafka) => Effect.sync(() => stored(kafka))), ["whole"]);
    }
  }));

Deno.test("a file that was cut short within its first bytes is an empty one", () =>
  withFile(async (file) => {
    for (let size = 0; size < 8; size++) {
      await Deno.writeTextFile(file, "troupe1\n".slice(0, size));
      await using(file, (kafka) => kafka.create({ name: `topic-${size}` }));
      assertEquals(await using(file, (_, kafka) => Effect.succeed(kafka.topics())), [`topic-${size}`]);
    }
  }));

const refusal = (file: string) =>
  virtual(Effect.flip(new EmbeddedKafka({ file }).open)).then((error) => {
    assert(error instanceof ConfigError);
    assertEquals(error.field, "file");
    return error.message;
  });

Deno.test("open fails with a reason where the file can't be used", () =>
  withFile(async (file) => {
    assertStringIncludes(await refusal(`${file}/nowhere/kafka.log`), "can't be opened");
    await Deno.mkdir(file);
    assertStringIncludes(await refusal(file), "can't be opened");
    await Deno.remove(file);
    await Deno.writeTextFile(file, "some notes of mine");
    assertStringIncludes(await refusal(file), "is not the log");
    assertEquals(await Deno.readTextFile(file), "some notes of mine");
  }));

Deno.test("open fails where an entry before the last is damaged, and changes nothing", () =>
  withFile(async (file) => {
    await using(file, (kafka) =>
      Effect.gen(function* () {
        yield* kafka.create({ name: "topic" });
        yield* append(kafka, "a");
      }));
    const bytes = await Deno.readFile(file);
    bytes[20] ^= 1;
    await Deno.writeFile(file, bytes);
    assertStringIncludes(await refusal(file), "damaged at byte 8");
    assertEquals(await Deno.readFile(file), bytes);
  }));

Deno.test("a file has one Kafka at a time; its links share it; the last one to end lets it go", () =>
  withFile((file) =>
    virtual(Effect.gen(function* () {
      const kafka = new EmbeddedKafka({ file });
      const one = kafka.open;
      yield* Effect.scoped(Effect.gen(function* () {
        const context = new Context(yield* one, (prefix) => prefix);
        yield* Effect.scoped(Effect.gen(function* () {
          yield* new Context(yield* kafka.open, (prefix) => prefix).create({ name: "topic" });
        }));
        assertEquals((yield* context.describe("topic")).errorCode, 0);
        const error = yield* Effect.flip(Effect.scoped(new EmbeddedKafka({ file }).open));
        assertStringIncludes(error.message, "in use by another process");
      }));
      yield* Effect.scoped(Effect.gen(function* () {
        const other = new EmbeddedKafka({ file });
        yield* append(new Context(yield* other.open, (prefix) => prefix), "from the other");
      }));
      yield* Effect.scoped(
        Effect.andThen(kafka.open, Effect.sync(() => assertEquals(stored(kafka), ["from the other"]))),
      );
      yield* advance(0);
    }))
  ));

Deno.test("a file of which little is still wanted is written anew, with all of that", () =>
  withFile(async (file) => {
    await using(file, (kafka) =>
      Effect.gen(function* () {
        yield* kafka.create({ name: "topic", numPartitions: 3 });
        yield* append(kafka, "a");
        yield* kafka.produce("topic", batch(["b", "c"]), 1);
        yield* kafka.produce("topic", batch(["d"]), 2);
        yield* kafka.call("DeleteRecords", {
          timeoutMs: 0,
          topics: [{ name: "topic", partitions: [{ partition: 1, offset: 1 }, { partition: 2, offset: -1 }] }],
        });
        assertEquals((yield* kafka.call("InitProducerId", init)).producerId, 1_000n);
        for (let offset = 0; offset < 1_000; offset++) yield* kafka.commit("topic", "g", offset);
      }));
    // Every commit takes some 100 bytes.
    const { size } = await Deno.stat(file);
    assert(size < 70_000, `${size} bytes`);
    await using(file, (context, kafka) =>
      Effect.gen(function* () {
        assertEquals(stored(kafka), ["a"]);
        assertEquals(kafka.log("topic", 1)?.startOffset, 1);
        assertEquals(kafka.log("topic", 1)?.endOffset, 2);
        assertEquals({ ...kafka.log("topic", 2) }, { startOffset: 1, endOffset: 1 });
        assertEquals(kafka.log("topic", 2)?.batches, []);
        assertEquals((yield* context.call("InitProducerId", init)).producerId, 1_001n);
        assertEquals(kafka.committed("g", "topic", 0)?.offset, 999);
        yield* append(context, "after");
        assertStringIncludes(yield* Effect.promise(() => refusal(file)), "in use");
      }));
    assertEquals(await using(file, (_, kafka) => Effect.sync(() => stored(kafka))), ["a", "after"]);
    assertEquals([...Deno.readDirSync(file.slice(0, file.lastIndexOf("/")))].length, 1);
  }));
