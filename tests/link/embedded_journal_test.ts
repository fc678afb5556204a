/** What is in an embedded Kafka's file, whatever has happened to the process that wrote it. */
import { Effect, type Scope } from "effect";
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

const opened = <A>(
  file: string,
  use: (kafka: EmbeddedKafka, context: Context) => Effect.Effect<A, unknown, Scope.Scope>,
) =>
  virtual(Effect.gen(function* () {
    const kafka = new EmbeddedKafka({ file });
    return yield* use(kafka, new Context(yield* kafka.open, (prefix) => prefix));
  }));

const produce = (context: Context, text: string) =>
  Effect.map(context.produce("topic", batch([text])), ({ errorCode }) => assertEquals(errorCode, 0));

const texts = (kafka: EmbeddedKafka, partition = 0) =>
  kafka.log("topic", partition)?.batches.flatMap((bytes) => values(bytes)) ?? [];

/** The file of records "0", "1", …, and its size after each. */
async function written(file: string, count: number): Promise<ReadonlyArray<number>> {
  const sizes: Array<number> = [];
  const size = Effect.sync(() => void sizes.push(Deno.statSync(file).size));
  await opened(file, (_, context) =>
    Effect.gen(function* () {
      yield* context.create({ name: "topic" });
      yield* size;
      for (let i = 0; i < count; i++) yield* Effect.andThen(produce(context, String(i)), size);
    }));
  return sizes;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => String(i));

Deno.test("a file cut off at any byte gives every whole entry before, and goes on behind it", () =>
  withFile(async (file) => {
    const sizes = await written(file, 20);
    const all = await Deno.readFile(file);
    const places = Array.from({ length: all.length - sizes[17] }, (_, i) => sizes[17] + i);
    for (let at = sizes[0]; at < sizes[17]; at += 31) places.push(at);
    for (const at of places) {
      await Deno.writeFile(file, all.subarray(0, at));
      const whole = sizes.filter((size) => size <= at).length - 1;
      await opened(file, (kafka, context) =>
        Effect.gen(function* () {
          assertEquals(texts(kafka), upTo(whole), `cut at ${at}`);
          yield* produce(context, "next");
        }));
      await opened(file, (kafka) => Effect.sync(() => assertEquals(texts(kafka), [...upTo(whole), "next"])));
    }
  }));

Deno.test("a last entry with any byte wrong is cut off; one before the last is no torn end, and nothing is changed", () =>
  withFile(async (file) => {
    const sizes = await written(file, 4);
    const all = await Deno.readFile(file);
    for (let at = sizes[2]; at < all.length; at++) {
      const bytes = all.slice();
      bytes[at] ^= 0x55;
      await Deno.writeFile(file, bytes);
      if (at >= sizes[3]) {
        await opened(file, (kafka, context) =>
          Effect.gen(function* () {
            assertEquals(texts(kafka), upTo(3), `wrong at ${at}`);
            yield* produce(context, "3");
          }));
        assertEquals(await Deno.readFile(file), all);
      } else {
        const { message } = await virtual(Effect.flip(new EmbeddedKafka({ file }).open));
        assertStringIncludes(message, `damaged at byte ${sizes[2]}`);
        assertEquals(await Deno.readFile(file), bytes);
      }
    }
  }));

/** Lets a process write for a while and kills it; gives the last offset it was acknowledged, by partition. */
async function killed(file: string, records: number, ...args: ReadonlyArray<string>): Promise<ReadonlyArray<number>> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", new URL("embedded_file_writer.ts", import.meta.url).pathname, file, ...args],
    stdout: "piped",
  }).spawn();
  let lines = "";
  let over = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    lines += text;
    if (!over && lines.split("\n").length > records) {
      over = true;
      child.kill("SIGKILL");
    }
  }
  assertEquals((await child.status).signal, "SIGKILL");
  const last = [-1, -1];
  // The last line may be half a line.
  for (const line of lines.split("\n").slice(0, -1)) {
    const [partition, offset] = line.split(" ").map(Number);
    last[partition] = offset;
  }
  return last;
}

Deno.test("what was acknowledged is there however often the process is killed", () =>
  withFile(async (file) => {
    for (let round = 1; round <= 3; round++) {
      const last = await killed(file, 100 + 70 * round);
      await opened(file, (kafka) =>
        Effect.sync(() => {
          for (const [partition, offset] of last.entries()) {
            const end = kafka.log("topic", partition)?.endOffset ?? -1;
            assert(end > offset, `round ${round}: partition ${partition} ends at ${end}, ${offset} was acknowledged`);
            assertEquals(texts(kafka, partition).length, end);
          }
        }));
    }
  }));

Deno.test("what was acknowledged is there when the process is killed while its file is written anew", () =>
  withFile(async (file) => {
    for (let round = 1; round <= 3; round++) {
      const last = await killed(file, 1_000, "tidy");
      assert(Deno.statSync(file).size < 400_000, "the file did not shrink");
      await opened(file, (kafka) =>
        Effect.sync(() => {
          for (const [partition, offset] of last.entries()) {
            const log = kafka.log("topic", partition);
            assert(
              log !== undefined && log.endOffset > offset,
              `${offset} was acknowledged, ${log?.endOffset} is the end`,
            );
            assertEquals(texts(kafka, partition).length, log.endOffset - log.startOffset);
            assert(log.startOffset > 0, "everything was kept");
          }
        }));
    }
  }));

Deno.test("a file shrinks while it is in use, once most of it is about what is gone", () =>
  withFile(async (file) => {
    await opened(file, (kafka, context) =>
      Effect.gen(function* () {
        yield* context.create({ name: "topic", configs: { "retention.ms": "1000", "segment.ms": "1" } });
        yield* context.create({ name: "kept" });
        yield* context.produce("kept", batch(["kept"]));
        let largest = 0;
        for (let i = 0; i < 400; i++) {
          const records = batch(["x".repeat(1_000)], { timestamp: i * 100 });
          assertEquals((yield* context.produce("topic", records)).baseOffset, i);
          yield* context.commit("topic", "g", i);
          largest = Math.max(largest, Deno.statSync(file).size);
          yield* advance(100, 100);
        }
        assert(largest < 120_000, `it grew to ${largest} bytes, of 400,000 that were written`);
        const { startOffset = 0, endOffset } = kafka.log("topic", 0) ?? {};
        assertEquals([endOffset, startOffset > 380], [400, true]);
        assertEquals([...Deno.readDirSync(file.slice(0, file.lastIndexOf("/")))].length, 1);
      }));
    await opened(file, (kafka) =>
      Effect.sync(() => {
        assertEquals(kafka.log("topic", 0)?.endOffset, 400);
        assertEquals(kafka.committed("g", "topic", 0)?.offset, 399);
        assertEquals(kafka.log("kept", 0)?.batches.flatMap((bytes) => values(bytes)), ["kept"]);
      }));
  }));

Deno.test("at no write while the file is written anew would a kill lose anything", () =>
  withFile(async (file) => {
    const { writeSync } = Deno.FsFile.prototype;
    const { renameSync } = Deno;
    const seen: Array<{ readonly bytes: Uint8Array; readonly acknowledged: number }> = [];
    let acknowledged = 0;
    let largest = 0;
    // What a process that is killed right now would leave behind.
    const look = () => {
      const bytes = Deno.readFileSync(file);
      const isAnew = bytes.length < largest || [...Deno.readDirSync(file.slice(0, file.lastIndexOf("/")))].length > 1;
      if (isAnew && seen.length < 100) seen.push({ bytes, acknowledged });
      largest = isAnew ? largest : bytes.length;
    };
    await opened(file, (_, context) =>
      Effect.gen(function* () {
        yield* context.create({ name: "topic", configs: { "retention.bytes": "5000", "segment.ms": "1" } });
        Deno.FsFile.prototype.writeSync = function (bytes: Uint8Array): number {
          const written = writeSync.call(this, bytes);
          look();
          return written;
        };
        Deno.renameSync = (from, to) => {
          renameSync(from, to);
          look();
        };
        while (seen.length < 100) {
          yield* context.produce("topic", batch(["x".repeat(1_000)], { timestamp: acknowledged * 10 }));
          acknowledged++;
        }
      }).pipe(Effect.ensuring(Effect.sync(() => {
        Deno.FsFile.prototype.writeSync = writeSync;
        Deno.renameSync = renameSync;
      }))));
    for (const { bytes, acknowledged } of seen) {
      await Deno.writeFile(file, bytes);
      await opened(file, (kafka) =>
        Effect.sync(() => {
          const { startOffset, endOffset } = kafka.log("topic", 0) ?? { startOffset: -1, endOffset: -1 };
          assert(endOffset >= acknowledged, `${acknowledged} were acknowledged, ${endOffset} are there`);
          assert(startOffset > 0 && endOffset - startOffset >= 5, `from ${startOffset} to ${endOffset}`);
        }));
    }
  }));

Deno.test("what a killed process left of a new file does not hinder the next one", () =>
  withFile(async (file) => {
    await Deno.writeTextFile(`${file}.new`, "half of something");
    await opened(file, (_, context) =>
      Effect.gen(function* () {
        yield* context.create({ name: "topic" });
        for (let i = 0; i < 1_200; i++) yield* context.commit("topic", "g", i);
      }));
    await opened(file, (kafka) => Effect.sync(() => assertEquals(kafka.committed("g", "topic", 0)?.offset, 1_199)));
    assert(Deno.statSync(file).size < 70_000, "it was not written anew");
    assertEquals([...Deno.readDirSync(file.slice(0, file.lastIndexOf("/")))].length, 1);
  }));
