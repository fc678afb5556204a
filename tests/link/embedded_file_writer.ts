/**
 * A process that writes to an embedded Kafka's file until it is killed, and tells what was acknowledged: a line
 * `partition offset` per record. With `tidy` its topic keeps little, so that the file is written anew again and again.
 * @module
 */
import { Clock, Effect } from "effect";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { batch } from "../kafka_contract/batches.ts";
import { Context } from "../kafka_contract/context.ts";

const out = new TextEncoder();

if (import.meta.main) {
  const [file, mode] = Deno.args;
  await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const kafka = new Context(yield* new EmbeddedKafka({ file }).open, (prefix) => prefix);
    const configs: Readonly<Record<string, string>> = mode === "tidy"
      ? { "retention.bytes": "0", "segment.ms": "1" }
      : {};
    yield* kafka.create({ name: "topic", numPartitions: 2, configs });
    for (let i = 0;; i++) {
      const timestamp = yield* Clock.currentTimeMillis;
      const text = mode === "tidy" ? `${i} ${"x".repeat(1_000)}` : String(i);
      const { errorCode, baseOffset } = yield* kafka.produce("topic", batch([text], { timestamp }), i % 2);
      if (errorCode !== 0) return yield* Effect.die(new Error(`error ${errorCode}`));
      if (i % 10 === 0) yield* kafka.commit("topic", "g", i);
      Deno.stdout.writeSync(out.encode(`${i % 2} ${baseOffset}\n`));
    }
  })));
}
