/**
 * A process that writes to an embedded Kafka's file until it is killed, and tells what was acknowledged.
 * @module
 */
import { Effect } from "effect";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { batch } from "../kafka_contract/batches.ts";
import { Context } from "../kafka_contract/context.ts";

const out = new TextEncoder();

if (import.meta.main) {
  await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const kafka = new Context(yield* new EmbeddedKafka({ file: Deno.args[0] }).open, (prefix) => prefix);
    yield* kafka.create({ name: "topic" });
    for (let i = 0;; i++) {
      const { baseOffset } = yield* kafka.produce("topic", batch([String(i)]));
      Deno.stdout.writeSync(out.encode(`${baseOffset}\n`));
    }
  })));
}
