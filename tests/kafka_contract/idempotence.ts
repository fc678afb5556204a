/**
 * What Kafka does for idempotent producers.
 * @module
 */
import { Effect, type Scope } from "effect";
import { assert, assertEquals } from "../assert.ts";
import { altered, batch, values } from "./batches.ts";
import { type Behaviour, type Context, ErrorCode } from "./context.ts";

/** An answer; a broker that has just started may not have producer ids yet. */
const newProducer = (kafka: Context) => {
  const ask = kafka.call("InitProducerId", {
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    producerId: -1n,
    producerEpoch: -1,
  });
  const early = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
  return kafka.until(ask, ({ errorCode }) => errorCode !== early);
};

/** A topic, and a way to send a producer's next batches to it: "code offset". */
const makeProducer = Effect.fnUntraced(function* (kafka: Context, partitions = 1) {
  const topic = yield* kafka.topic(partitions);
  const { producerId } = yield* newProducer(kafka);
  const send = (
    baseSequence: number,
    texts: ReadonlyArray<string>,
    producerEpoch = 0,
    partition = 0,
  ): Effect.Effect<string, unknown, Scope.Scope> =>
    Effect.map(
      kafka.produce(topic, batch(texts, { producerId, producerEpoch, baseSequence }), partition),
      ({ errorCode, baseOffset }) => `${errorCode} ${baseOffset}`,
    );
  const log = Effect.map(kafka.fetch(topic, 0), ({ records }) => values(records).join(""));
  return { topic, producerId, send, log };
});

const outOfOrder = `${ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER} -1`;

/** The behaviours. */
export const idempotence: ReadonlyArray<Behaviour> = [
  {
    name: "InitProducerId gives every asker an id of its own, with epoch 0",
    check: Effect.fnUntraced(function* (kafka) {
      const ids = new Set<bigint>();
      for (let i = 0; i < 3; i++) {
        const { errorCode, producerId, producerEpoch } = yield* newProducer(kafka);
        assertEquals([errorCode, producerEpoch], [0, 0]);
        assert(producerId >= 0n);
        ids.add(producerId);
      }
      assertEquals(ids.size, 3);
    }),
  },
  {
    name: "a repeated batch is answered with its first offset and not stored again",
    check: Effect.fnUntraced(function* (kafka) {
      const { send, log } = yield* makeProducer(kafka);
      assertEquals(yield* send(0, ["a", "b"]), "0 0");
      assertEquals(yield* send(2, ["c"]), "0 2");
      assertEquals(yield* send(0, ["a", "b"]), "0 0");
      assertEquals(yield* send(2, ["c"]), "0 2");
      assertEquals(yield* send(3, ["d"]), "0 3");
      assertEquals(yield* log, "abcd");
    }),
  },
  {
    name: "five batches of a producer are remembered; older ones are out of order",
    check: Effect.fnUntraced(function* (kafka) {
      const { send, log } = yield* makeProducer(kafka);
      for (let i = 0; i < 6; i++) assertEquals(yield* send(i, [String(i)]), `0 ${i}`);
      assertEquals(yield* send(0, ["0"]), outOfOrder);
      for (let i = 1; i < 6; i++) assertEquals(yield* send(i, [String(i)]), `0 ${i}`);
      assertEquals(yield* log, "012345");
    }),
  },
  {
    name: "a gap in the sequence is refused until what is missing has come",
    check: Effect.fnUntraced(function* (kafka) {
      const { send, log } = yield* makeProducer(kafka);
      assertEquals(yield* send(0, ["a"]), "0 0");
      assertEquals(yield* send(2, ["c"]), outOfOrder);
      assertEquals(yield* send(1, ["b"]), "0 1");
      assertEquals(yield* send(2, ["c"]), "0 2");
      assertEquals(yield* log, "abc");
    }),
  },
  {
    name: "a batch that overlaps one that was stored is out of order",
    check: Effect.fnUntraced(function* (kafka) {
      const { send, log } = yield* makeProducer(kafka);
      assertEquals(yield* send(0, ["a", "b"]), "0 0");
      assertEquals(yield* send(0, ["a"]), outOfOrder);
      assertEquals(yield* send(1, ["b", "c"]), outOfOrder);
      assertEquals(yield* log, "ab");
    }),
  },
  {
    name: "a producer nobody knows may begin with any sequence",
    check: Effect.fnUntraced(function* (kafka) {
      const { send } = yield* makeProducer(kafka);
      assertEquals(yield* send(41, ["a"]), "0 0");
      assertEquals(yield* send(43, ["c"]), outOfOrder);
      assertEquals(yield* send(42, ["b"]), "0 1");
    }),
  },
  {
    name: "a newer epoch begins at sequence 0; the old one is refused from then on",
    check: Effect.fnUntraced(function* (kafka) {
      const { send, log } = yield* makeProducer(kafka);
      assertEquals(yield* send(0, ["a"]), "0 0");
      assertEquals(yield* send(1, ["x"], 1), outOfOrder);
      assertEquals(yield* send(0, ["b"], 1), "0 1");
      assertEquals(yield* send(1, ["x"], 0), `${ErrorCode.INVALID_PRODUCER_EPOCH} -1`);
      assertEquals(yield* send(1, ["c"], 1), "0 2");
      assertEquals(yield* send(0, ["b"], 1), "0 1");
      assertEquals(yield* log, "abc");
    }),
  },
  {
    name: "sequences begin again at 0 after 2^31 - 1",
    check: Effect.fnUntraced(function* (kafka) {
      const { send } = yield* makeProducer(kafka, 2);
      const last = 2 ** 31 - 1;
      assertEquals(yield* send(last - 1, ["a", "b", "c"]), "0 0");
      assertEquals(yield* send(0, ["x"]), outOfOrder);
      assertEquals(yield* send(1, ["d"]), "0 3");
      assertEquals(yield* send(last - 1, ["a", "b", "c"]), "0 0");
      assertEquals(yield* send(last - 1, ["a", "b"], 0, 1), "0 0");
      assertEquals(yield* send(0, ["c"], 0, 1), "0 2");
    }),
  },
  {
    name: "sequences count per partition",
    check: Effect.fnUntraced(function* (kafka) {
      const { send } = yield* makeProducer(kafka, 2);
      assertEquals(yield* send(0, ["a"], 0, 0), "0 0");
      assertEquals(yield* send(0, ["a"], 0, 1), "0 0");
      assertEquals(yield* send(1, ["b"], 0, 0), "0 1");
      assertEquals(yield* send(2, ["x"], 0, 1), outOfOrder);
    }),
  },
  {
    name: "a batch of a producer without a sequence is refused",
    check: Effect.fnUntraced(function* (kafka) {
      const { topic, producerId } = yield* makeProducer(kafka);
      const bytes = altered(batch(["a"]), (view) => {
        view.setBigInt64(43, producerId);
        view.setInt16(51, 0);
      });
      assertEquals((yield* kafka.produce(topic, bytes)).errorCode, ErrorCode.INVALID_RECORD);
    }),
  },
];
