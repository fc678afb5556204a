/** The same batches to both Kafkas, whatever is wrong with them: the answers have to be the same. */
import { Effect, type Scope } from "effect";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { errorName } from "../../src/link/error_code.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { assert, assertEquals } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { altered, batch } from "./batches.ts";
import { Context } from "./context.ts";

/** Sends a batch to a topic of its own on each of the two; gives both answers. */
type Send = (records: Uint8Array) => Effect.Effect<ReadonlyArray<string>, unknown, Scope.Scope>;

function sideBySide(
  name: string,
  use: (makeSend: Effect.Effect<Send, unknown, Scope.Scope>) => Effect.Effect<void, unknown, Scope.Scope>,
): void {
  realKafkaTest(name, (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const links = [yield* makeKafkajsLink({ brokers }), yield* new EmbeddedKafka().open];
      const both = links.map((link) => new Context(link, freshName));
      const makeSend = Effect.map(
        Effect.forEach(both, (kafka) => Effect.map(kafka.topic(), (topic) => ({ kafka, topic }))),
        (topics): Send => (records) =>
          Effect.forEach(topics, ({ kafka, topic }) =>
            Effect.map(
              kafka.produce(topic, records),
              ({ errorCode, baseOffset }) => `${errorName(errorCode)} ${baseOffset}`,
            )),
      );
      yield* use(makeSend);
    }))));
}

/** Numbers in [0, 1) that a seed chooses. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

sideBySide(
  "producers that repeat, skip, go back and begin anew are answered the same",
  (makeSend) =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 10; seed++) {
        const send = yield* makeSend;
        const random = numbers(seed * 7_919);
        const below = (limit: number) => Math.floor(random() * limit);
        const producers = [0, 1].map(() => ({ epoch: 0, next: 0 }));
        for (let step = 0; step < 50; step++) {
          const producer = below(2);
          let { epoch: producerEpoch, next: baseSequence } = producers[producer];
          const choice = random();
          if (choice < 0.15) baseSequence = Math.max(0, baseSequence - 1 - below(8));
          else if (choice < 0.25) baseSequence += 1 + below(3);
          else if (choice < 0.33) [producerEpoch, baseSequence] = [producerEpoch + 1, below(3) === 0 ? below(4) : 0];
          else if (choice < 0.4) producerEpoch = Math.max(0, producerEpoch - 1);
          else if (choice < 0.45) baseSequence = 2 ** 31 - 1 - below(3);
          const records = Array.from({ length: 1 + below(3) }, () => "x");
          const producerId = BigInt(1_000_000 + seed * 10 + producer);
          const [real, embedded] = yield* send(batch(records, { producerId, producerEpoch, baseSequence }));
          assertEquals(embedded, real, `seed ${seed}, step ${step}`);
          if (!real.startsWith("NONE")) continue;
          producers[producer] = { epoch: producerEpoch, next: (baseSequence + records.length) % 2 ** 31 };
        }
      }
    }),
);

sideBySide(
  "a batch with any one bit wrong is answered the same, or refused where nobody could read it",
  (makeSend) =>
    Effect.gen(function* () {
      const send = yield* makeSend;
      const good = batch(["abc", "def"], { timestamp: Date.now(), key: "k" });
      const different: Array<string> = [];
      let refused = 0;
      for (let at = 21; at < good.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const wrong = altered(good, (view) => view.setUint8(at, view.getUint8(at) ^ (1 << bit)));
          const [real, embedded] = (yield* send(wrong)).map((answer) => answer.split(" ")[0]);
          if (real === "NONE" && embedded === "INVALID_RECORD") refused++;
          else if (real !== embedded) different.push(`byte ${at}, bit ${bit}: ${real}, ${embedded}`);
        }
      }
      assertEquals(different, []);
      // Offsets that do not count up, and a length of a key that is none.
      assert(refused < 40, `${refused} are refused that a real one takes`);
    }),
);
