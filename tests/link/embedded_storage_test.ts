/** What an embedded Kafka does when its file can't be written: the disk is full. */
import { Effect, type Scope } from "effect";
import { ErrorCode } from "../../src/link/error_code.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { assert, assertEquals } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { batch, values } from "../kafka_contract/batches.ts";
import { Context } from "../kafka_contract/context.ts";

const full = ErrorCode.KAFKA_STORAGE_ERROR;

/** While `use` runs, only so many more bytes can be written to any file, and truncating works or does not. */
function onFullDisk<A, E, R>(room: number, use: Effect.Effect<A, E, R>, truncates = true): Effect.Effect<A, E, R> {
  const { writeSync, truncateSync } = Deno.FsFile.prototype;
  const begin = Effect.sync(() => {
    Deno.FsFile.prototype.writeSync = function (bytes: Uint8Array): number {
      if (room <= 0) throw new Error("no space left");
      const written = writeSync.call(this, bytes.subarray(0, room));
      room -= written;
      return written;
    };
    if (truncates) return;
    Deno.FsFile.prototype.truncateSync = () => {
      throw new Error("the disk is gone");
    };
  });
  return Effect.acquireUseRelease(
    begin,
    () => use,
    () => Effect.sync(() => void Object.assign(Deno.FsFile.prototype, { writeSync, truncateSync })),
  );
}

function withKafka(
  use: (context: Context, kafka: EmbeddedKafka, file: string) => Effect.Effect<void, unknown, Scope.Scope>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const file = `${folder}/kafka.log`;
  return virtual(Effect.gen(function* () {
    const kafka = new EmbeddedKafka({ file });
    yield* use(new Context(yield* kafka.open, (prefix) => prefix), kafka, file);
  })).finally(() => Deno.removeSync(folder, { recursive: true }));
}

const stored = (kafka: EmbeddedKafka, partition = 0) =>
  kafka.log("topic", partition)?.batches.flatMap((bytes) => values(bytes)) ?? [];

const init = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1n, producerEpoch: -1 };

Deno.test("a batch that can't be kept is refused; half of it does not stay in the file, and the next one is taken", () =>
  withKafka((context, kafka, file) =>
    Effect.gen(function* () {
      yield* context.create({ name: "topic" });
      yield* context.produce("topic", batch(["a"]));
      const { size } = Deno.statSync(file);
      for (const room of [0, 1, 40]) {
        const { errorCode, baseOffset } = yield* onFullDisk(room, context.produce("topic", batch(["lost"])));
        assertEquals([errorCode, baseOffset, Deno.statSync(file).size], [full, -1, size]);
      }
      assertEquals(stored(kafka), ["a"]);
      assertEquals((yield* context.produce("topic", batch(["b"]))).baseOffset, 1);
      assertEquals(stored(kafka), ["a", "b"]);
    })
  ));

Deno.test("one partition's batch is kept though another's can't be", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      yield* context.create({ name: "topic", numPartitions: 2 });
      const one = batch(["x"]);
      const request = {
        transactionalId: null,
        acks: -1 as const,
        timeoutMs: 0,
        topics: [{ name: "topic", partitions: [0, 1].map((partition) => ({ partition, records: one })) }],
      };
      // Room for one entry and a half.
      const { topics } = yield* onFullDisk(150, context.call("Produce", request));
      assertEquals(topics[0].partitions.map(({ errorCode }) => errorCode), [0, full]);
      assertEquals([stored(kafka, 0), stored(kafka, 1)], [["x"], []]);
    })
  ));

Deno.test("nothing that can't be kept is done: topics, commits, producers, trimming", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      yield* context.create({ name: "topic" });
      yield* context.produce("topic", batch(["a", "b"]));
      const trim = { timeoutMs: 0, topics: [{ name: "topic", partitions: [{ partition: 0, offset: 1 }] }] };
      const grow = { timeoutMs: 0, validateOnly: false, topics: [{ name: "topic", count: 2 }] };
      const codes = yield* onFullDisk(
        0,
        Effect.gen(function* () {
          return [
            (yield* context.create({ name: "other" })).errorCode,
            (yield* context.call("CreatePartitions", grow)).topics[0].errorCode,
            (yield* context.call("DeleteTopics", { timeoutMs: 0, topics: ["topic"] })).topics[0].errorCode,
            (yield* context.call("DeleteRecords", trim)).topics[0].partitions[0].errorCode,
            (yield* context.call("InitProducerId", init)).errorCode,
            yield* context.commit("topic", "g", 1),
          ];
        }),
      );
      assertEquals(codes, [full, full, full, full, full, full]);
      assertEquals(kafka.topics(), ["topic"]);
      assertEquals([kafka.log("topic", 0)?.startOffset, kafka.log("topic", 1)], [0, undefined]);
      assertEquals(kafka.committed("g", "topic", 0), undefined);
      assertEquals((yield* context.call("InitProducerId", init)).producerId, 1_000n);
    })
  ));

Deno.test("records that are over stay as long as that can't be noted, and are read meanwhile", () =>
  withKafka((context, kafka) =>
    Effect.gen(function* () {
      yield* context.create({ name: "topic", configs: { "retention.ms": "1000" } });
      yield* context.produce("topic", batch(["a"], { timestamp: 0 }));
      yield* advance(2_000, 1_000);
      assertEquals(values((yield* onFullDisk(0, context.fetch("topic", 0))).records), ["a"]);
      assertEquals((yield* context.fetch("topic", 0)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE);
      assertEquals(kafka.log("topic", 0)?.startOffset, 1);
    })
  ));

Deno.test("a file that could not even be cut takes nothing any more, and opens again with all that was acknowledged", () =>
  withKafka((context, _, file) =>
    Effect.gen(function* () {
      yield* context.create({ name: "topic" });
      yield* context.produce("topic", batch(["a"]));
      assertEquals((yield* onFullDisk(20, context.produce("topic", batch(["b"])), false)).errorCode, full);
      assertEquals((yield* context.produce("topic", batch(["c"]))).errorCode, full);
      assert(Deno.statSync(file).size > 0, "it is empty");
      const copy = `${file}.copy`;
      Deno.copyFileSync(file, copy);
      const other = new EmbeddedKafka({ file: copy });
      yield* Effect.scoped(Effect.andThen(other.open, Effect.sync(() => assertEquals(stored(other), ["a"]))));
    })
  ));

Deno.test("a file that can't be written anew now is written anew later", () =>
  withKafka((context, kafka, file) =>
    Effect.gen(function* () {
      yield* context.create({ name: "topic" });
      const { rename } = { rename: Deno.renameSync };
      Deno.renameSync = () => {
        throw new Error("not now");
      };
      try {
        for (let i = 0; i < 1_000; i++) assertEquals(yield* context.commit("topic", "g", i), 0);
      } finally {
        Deno.renameSync = rename;
      }
      assert(Deno.statSync(file).size > 80_000, "it was written anew");
      assertEquals([...Deno.readDirSync(file.slice(0, file.lastIndexOf("/")))].length, 1);
      for (let i = 0; i < 1_000; i++) yield* context.commit("topic", "g", i);
      assert(Deno.statSync(file).size < 80_000, "it was not written anew");
      assertEquals(kafka.committed("g", "topic", 0)?.offset, 999);
    })
  ));
