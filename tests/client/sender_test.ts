import { Effect, Fiber } from "effect";
import type { Sender } from "../../src/client/port.ts";
import { partitionForKey } from "../../src/codec/murmur2.ts";
import { readBatchHeader } from "../../src/codec/batch_header.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Request } from "../../src/link/protocol.ts";
import { assert, assertEquals } from "../assert.ts";
import { Outcomes, record, sending, sent } from "./sending.ts";
import { SmallKafka } from "./small_kafka.ts";
import { advance } from "./virtual.ts";

Deno.test("offer sends after the linger, or at once when a batch is full", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return sending(kafka, { linger: 10, batchRecords: 3 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      assert(sender.offer(record("a"), outcomes.of("a"), null));
      yield* advance(5, 1);
      assertEquals(sent(kafka).length, 0);
      assertEquals(sender.pending(), 1);
      yield* advance(7, 1);
      assertEquals(outcomes.settled, ["a"]);
      for (const value of ["b", "c", "d", "e"]) sender.offer(record(value), outcomes.of(value), null);
      yield* advance(2, 1);
      assertEquals(outcomes.settled, ["a", "b", "c", "d"]);
      yield* advance(12, 1);
      assertEquals(outcomes.settled, ["a", "b", "c", "d", "e"]);
      assertEquals(outcomes.offsets, [0, 1, 2, 3, 4]);
      assertEquals(kafka.log("orders", 0).values(), ["a", "b", "c", "d", "e"]);
      assertEquals(sent(kafka).map(({ count }) => count), [1, 3, 1]);
      assertEquals(sender.pending(), 0);
    }));
});

Deno.test("a batch ends at its size, and a record larger than a batch fails at once", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return sending(kafka, { batchBytes: 1_000 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      for (let i = 0; i < 5; i++) sender.offer(record("x".repeat(300)), outcomes.of(`${i}`), null);
      assert(sender.offer(record("y".repeat(1_000)), outcomes.of("large"), null));
      assertEquals(outcomes.settled, ["large:RECORD_TOO_LARGE"]);
      yield* advance(20, 1);
      assertEquals(sent(kafka).map(({ count }) => count), [2, 2, 1]);
      assertEquals(outcomes.settled.slice(1), ["0", "1", "2", "3", "4"]);
    }));
});

Deno.test("keys choose partitions as Java does and keyless records stay together for a batch", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1, 1, 1, 1]);
  return sending(kafka, { batchRecords: 10 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      for (const key of ["a", "order-17", "größer", "k".repeat(100)]) {
        sender.offer(record(key, { key, partition: undefined }), outcomes.of(key), null);
      }
      yield* sender.flush;
      for (const key of ["a", "order-17", "größer", "k".repeat(100)]) {
        const partition = partitionForKey(new TextEncoder().encode(key), 4);
        assert(kafka.log("orders", partition).values().includes(key), key);
      }
      const before = sent(kafka).length;
      for (let i = 0; i < 25; i++) {
        sender.offer(record(`${i}`, { partition: undefined }), outcomes.of(`${i}`), null);
      }
      yield* sender.flush;
      assertEquals(sent(kafka).slice(before).map(({ count }) => count).sort(), [10, 10, 5].sort());
    }));
});

/** A Kafka that applies every request but loses every `nth` answer with its connection. */
function losing(nth: number, nodes: ReadonlyArray<number> = [1]): SmallKafka {
  let requests = 0;
  return new SmallKafka(nodes, (kafka) => ({
    Produce: (request, node, role) =>
      Effect.flatMap(Effect.delay(Effect.void, 2), () => {
        const lost = ++requests % nth === 0;
        // Half of the lost ones never arrive, the others are stored.
        if (lost && requests % (2 * nth) === 0) {
          kafka.link.cut(node);
          return Effect.never;
        }
        return Effect.flatMap(kafka.script.Produce(request, node, role), (answer) => {
          if (!lost) return Effect.succeed(answer);
          kafka.link.cut(node);
          return Effect.never;
        });
      }),
  }));
}

Deno.test("lost answers lose nothing, store nothing twice and keep the order", () => {
  const kafka = losing(7);
  kafka.lead("orders", [1, 1, 1]);
  return sending(kafka, { linger: 1, batchRecords: 5 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const wanted: Array<Array<string>> = [[], [], []];
      for (let i = 0; i < 3_000; i++) {
        const partition = i % 3;
        wanted[partition].push(`${i}`);
        sender.offer(record(`${i}`, { partition }), outcomes.of(`${i}`), null);
        if (i % 50 === 0) yield* advance(2, 1);
      }
      const flushed = yield* Effect.forkScoped(sender.flush);
      yield* advance(20_000);
      yield* Fiber.join(flushed);
      for (const partition of [0, 1, 2]) assertEquals(kafka.log("orders", partition).values(), wanted[partition]);
      assertEquals(outcomes.settled.length, 3_000);
      assert([...outcomes.byName.values()].every((times) => times === 1));
      assert(outcomes.settled.every((outcome) => !outcome.includes(":")));
      assert(kafka.link.opened() > 10, "connections were cut");
    }));
});

Deno.test("leaders that move lose nothing, store nothing twice and keep the order", () => {
  const kafka = losing(23, [1, 2, 3]);
  kafka.lead("orders", [1, 2]);
  return sending(kafka, { linger: 1, batchRecords: 5 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const wanted: Array<Array<string>> = [[], []];
      for (let i = 0; i < 2_000; i++) {
        const partition = i % 2;
        wanted[partition].push(`${i}`);
        sender.offer(record(`${i}`, { partition }), outcomes.of(`${i}`), null);
        if (i % 40 === 0) yield* advance(3, 1);
        if (i % 200 === 0) kafka.lead("orders", [1 + (i / 200) % 3, 1 + (i / 200 + 1) % 3]);
      }
      const flushed = yield* Effect.forkScoped(sender.flush);
      yield* advance(20_000);
      yield* Fiber.join(flushed);
      for (const partition of [0, 1]) assertEquals(kafka.log("orders", partition).values(), wanted[partition]);
      assert(outcomes.settled.every((outcome) => !outcome.includes(":")));
    }));
});

Deno.test("a broker that does not answer is given up for the one that leads by now, and only then", () => {
  const kafka = new SmallKafka([1, 2], (kafka) => ({
    // Frozen: it stores nothing and says nothing.
    Produce: (request, node, role) => node === 1 ? Effect.never : kafka.script.Produce(request, node, role),
  }));
  kafka.lead("orders", [1, 2]);
  return sending(kafka, { requestTimeout: 30_000 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      for (const value of ["a", "b"]) sender.offer(record(value), outcomes.of(value), null);
      yield* advance(9_000, 50);
      sender.offer(record("c", { partition: 1 }), outcomes.of("c"), null);
      yield* advance(100);
      assertEquals([outcomes.settled, sent(kafka).length], [["c"], 2]);
      kafka.lead("orders", [2, 2]);
      yield* advance(2_000, 50);
      assertEquals(outcomes.settled, ["c", "a", "b"]);
      assertEquals(kafka.log("orders", 0).values(), ["a", "b"]);
      const [first, , again] = sent(kafka);
      assertEquals(again, first);
    }));
});

Deno.test("a broker that asks to be left alone is, for as long as it says; the others are not", () => {
  const kafka = new SmallKafka([1, 2], (kafka) => ({
    Produce: (request, node, role) =>
      Effect.map(
        kafka.script.Produce(request, node, role),
        (answer) => ({ ...answer, throttleTimeMs: node === 1 ? 700 : 0 }),
      ),
  }));
  kafka.lead("orders", [1, 2]);
  return sending(kafka, { linger: 0 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const offer = (value: string, partition: number) =>
        sender.offer(record(value, { partition }), outcomes.of(value), null);
      offer("a", 0);
      offer("b", 1);
      yield* advance(20);
      assertEquals(outcomes.settled.toSorted(), ["a", "b"]);
      offer("c", 0);
      offer("d", 1);
      yield* advance(650);
      assertEquals(outcomes.settled.slice(2), ["d"]);
      yield* advance(100);
      assertEquals(outcomes.settled.slice(2), ["d", "c"]);
    }));
});

Deno.test("after a batch is refused for good the next ones go under a new producer id", () => {
  let refuse = 1;
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) =>
      Effect.flatMap(Effect.sleep(5), () => {
        const { count, baseSequence } = readBatchHeader(request.topics[0].partitions[0].records, 0);
        if (baseSequence === 2 && refuse-- > 0) {
          assertEquals(count, 2);
          return Effect.succeed({
            throttleTimeMs: 0,
            topics: [{
              name: "orders",
              partitions: [{ partition: 0, errorCode: 29, baseOffset: -1, logAppendTimeMs: -1 }],
            }],
          });
        }
        return kafka.script.Produce(request, node, role);
      }),
  }));
  kafka.lead("orders", [1]);
  return sending(kafka, { batchRecords: 2, linger: 0 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const offer = (value: string) => sender.offer(record(value), outcomes.of(value), null);
      ["0", "1"].forEach(offer);
      yield* advance(50, 1);
      ["2", "3", "4", "5", "6", "7"].forEach(offer);
      yield* advance(1, 1);
      ["8", "9"].forEach(offer);
      yield* advance(500, 1);
      assertEquals(kafka.log("orders", 0).values(), ["0", "1", "4", "5", "6", "7", "8", "9"]);
      const refused = ["2", "3"].map((value) => `${value}:TOPIC_AUTHORIZATION_FAILED`);
      assertEquals(outcomes.settled, ["0", "1", ...refused, "4", "5", "6", "7", "8", "9"]);
      assertEquals(new Set(sent(kafka).map(({ producerId }) => producerId)).size, 2);
    }));
});

Deno.test("a refusal for good leaves earlier batches of unknown outcome under their producer id", () => {
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) =>
      Effect.gen(function* () {
        const { baseSequence } = readBatchHeader(request.topics[0].partitions[0].records, 0);
        const first = sent(kafka).filter((batch) => batch.baseSequence === baseSequence).length === 1;
        yield* Effect.sleep(5);
        const answer = (errorCode: number) => ({
          throttleTimeMs: 0,
          topics: [{ name: "orders", partitions: [{ partition: 0, errorCode, baseOffset: -1, logAppendTimeMs: -1 }] }],
        });
        if (baseSequence === 2) return answer(87);
        const stored = yield* kafka.script.Produce(request, node, role);
        // Stored by the leader, but not by its followers in time.
        return baseSequence === 1 && first ? answer(7) : stored;
      }),
  }));
  kafka.lead("orders", [1]);
  return sending(kafka, { batchRecords: 1 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const offer = (value: string) => sender.offer(record(value), outcomes.of(value), null);
      offer("0");
      yield* advance(20, 1);
      ["1", "2", "3", "4"].forEach(offer);
      yield* advance(500, 1);
      assertEquals(kafka.log("orders", 0).values(), ["0", "1", "3", "4"]);
      assertEquals(outcomes.settled, ["0", "2:INVALID_RECORD", "1", "3", "4"]);
    }));
});

Deno.test("a batch that is too large for its broker is divided, a single record that is fails", () => {
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) => {
      const { records } = request.topics[0].partitions[0];
      return records.length < 400 ? kafka.script.Produce(request, node, role) : Effect.succeed({
        throttleTimeMs: 0,
        topics: [{
          name: "orders",
          partitions: [{ partition: 0, errorCode: 10, baseOffset: -1, logAppendTimeMs: -1 }],
        }],
      });
    },
  }));
  kafka.lead("orders", [1]);
  return sending(kafka, {}, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const values = ["a", "b", "c", "d", "e", "f", "g"].map((value) => value.repeat(value === "e" ? 500 : 100));
      for (const value of values) sender.offer(record(value), outcomes.of(value[0]), null);
      sender.offer(record("later"), outcomes.of("later"), null);
      const flushed = yield* Effect.forkScoped(sender.flush);
      yield* advance(1_000);
      yield* Fiber.join(flushed);
      assertEquals(outcomes.settled, ["a", "b", "c", "d", "e:RECORD_TOO_LARGE", "f", "g", "later"]);
      assertEquals(kafka.log("orders", 0).values().map((value) => value[0]), ["a", "b", "c", "d", "f", "g", "l"]);
      assertEquals(sender.pending(), 0);
    }));
});

Deno.test("a batch that is refused for one of its records is divided until that one fails alone", () => {
  const decoder = new TextDecoder();
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) => {
      const { records } = request.topics[0].partitions[0];
      return !decoder.decode(records).includes("bad") ? kafka.script.Produce(request, node, role) : Effect.succeed({
        throttleTimeMs: 0,
        topics: [{
          name: "orders",
          partitions: [{ partition: 0, errorCode: ErrorCode.INVALID_RECORD, baseOffset: -1, logAppendTimeMs: -1 }],
        }],
      });
    },
  }));
  kafka.lead("orders", [1]);
  return sending(kafka, {}, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const values = ["a", "b", "bad", "c", "d"];
      for (const value of values) sender.offer(record(value), outcomes.of(value), null);
      const flushed = yield* Effect.forkScoped(sender.flush);
      yield* advance(1_000);
      yield* Fiber.join(flushed);
      assertEquals(outcomes.settled, ["a", "b", "bad:INVALID_RECORD", "c", "d"]);
      assertEquals(kafka.log("orders", 0).values(), ["a", "b", "c", "d"]);
    }));
});

Deno.test("a broker away for ten seconds ends nothing, one away longer than the delivery time-out does", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return sending(kafka, {}, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      sender.offer(record("a"), outcomes.of("a"), null);
      yield* sender.flush;
      kafka.link.down.add(1);
      kafka.link.cut(1);
      sender.offer(record("b"), outcomes.of("b"), null);
      yield* advance(10_000, 50);
      sender.offer(record("c"), outcomes.of("c"), null);
      assertEquals(outcomes.settled, ["a"]);
      kafka.link.down.clear();
      yield* advance(3_000, 50);
      assertEquals(outcomes.settled, ["a", "b", "c"]);
      kafka.link.down.add(1);
      kafka.link.cut(1);
      sender.offer(record("d"), outcomes.of("d"), null);
      yield* advance(119_000, 250);
      sender.offer(record("e"), outcomes.of("e"), null);
      assertEquals(outcomes.settled.length, 3);
      yield* advance(11_000, 250);
      assertEquals(outcomes.settled, ["a", "b", "c", "d:DELIVERY_TIMEOUT"]);
      kafka.link.down.clear();
      yield* advance(3_000, 50);
      assertEquals(outcomes.settled.at(-1), "e");
      assertEquals(kafka.log("orders", 0).values(), ["a", "b", "c", "e"]);
    }));
});

Deno.test("what was sent and given up does not make the next record vanish", () => {
  const run = (stored: boolean) => {
    let deaf = false;
    const kafka = new SmallKafka([1], (kafka) => ({
      Produce: (request, node, role) =>
        deaf
          ? Effect.andThen(stored ? kafka.script.Produce(request, node, role) : Effect.void, Effect.never)
          : kafka.script.Produce(request, node, role),
    }));
    kafka.lead("orders", [1]);
    return sending(kafka, { deliveryTimeout: 5_000, requestTimeout: 1_000 }, (sender) =>
      Effect.gen(function* () {
        const outcomes = new Outcomes();
        sender.offer(record("a"), outcomes.of("a"), null);
        yield* sender.flush;
        deaf = true;
        sender.offer(record("b"), outcomes.of("b"), null);
        yield* advance(6_500, 50);
        assertEquals(outcomes.settled, ["a", "b:DELIVERY_TIMEOUT"]);
        sender.offer(record("c"), outcomes.of("c"), null);
        sender.offer(record("d", {}), outcomes.of("d"), null);
        yield* advance(500, 50);
        deaf = false;
        yield* advance(3_000, 50);
        assertEquals(outcomes.settled, ["a", "b:DELIVERY_TIMEOUT", "c", "d"]);
        assertEquals(kafka.log("orders", 0).values(), stored ? ["a", "b", "c", "d"] : ["a", "c", "d"]);
      }));
  };
  return run(true).then(() => run(false));
});

Deno.test("offer refuses above the memory bound and room waits until some is free", () => {
  let open = false;
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) =>
      Effect.suspend(() => open ? kafka.script.Produce(request, node, role) : Effect.never),
  }));
  kafka.lead("orders", [1]);
  return sending(kafka, { memoryBytes: 10_000, requestTimeout: 1_000 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      let accepted = 0;
      while (sender.offer(record("x".repeat(500)), outcomes.of(`${accepted}`), null)) accepted++;
      assert(accepted >= 18 && accepted <= 20, `${accepted}`);
      let free = false;
      yield* Effect.forkScoped(Effect.andThen(sender.room, Effect.sync(() => free = true)));
      yield* advance(500);
      assert(!free);
      open = true;
      yield* advance(2_000);
      assert(free);
      assertEquals(outcomes.settled.length, accepted);
      assert(sender.offer(record("more"), outcomes.of("more"), null));
    }));
});

Deno.test("flush does not wait for the linger, nor for what comes after it", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return sending(kafka, { linger: 60_000 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      sender.offer(record("a"), outcomes.of("a"), null);
      const flushed = yield* Effect.forkScoped(sender.flush, { startImmediately: true });
      sender.offer(record("b"), outcomes.of("b"), null);
      yield* advance(100);
      assert(flushed.pollUnsafe() !== undefined);
      assertEquals(outcomes.settled, ["a"]);
      yield* sender.flush;
      assertEquals(outcomes.settled, ["a", "b"]);
      yield* sender.flush;
    }));
});

Deno.test("records of an unknown topic wait for it, in order, until the delivery time-out", () => {
  const kafka = new SmallKafka();
  return sending(kafka, { deliveryTimeout: 5_000 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const offer = (topic: string, value: string) =>
        sender.offer(record(value, { topic, partition: undefined, key: "k" }), outcomes.of(value), null);
      offer("later", "a");
      offer("later", "b");
      offer("never", "n");
      const flushed = yield* Effect.forkScoped(sender.flush, { startImmediately: true });
      yield* advance(2_000);
      assertEquals(outcomes.settled, []);
      assert(kafka.link.requests.length < 20, `${kafka.link.requests.length} requests`);
      kafka.lead("later", [1, 1]);
      offer("later", "c");
      yield* advance(1_000);
      assertEquals(outcomes.settled, ["a", "b", "c"]);
      assert(flushed.pollUnsafe() === undefined);
      yield* advance(2_500);
      assertEquals(outcomes.settled.at(-1), "n:UNKNOWN_TOPIC_OR_PARTITION");
      yield* Fiber.join(flushed);
      assertEquals(sender.pending(), 0);
    }));
});

Deno.test("a topic that stays unknown is said once, one that is there soon is not", () => {
  const kafka = new SmallKafka();
  const log: string[] = [];
  return sending(kafka, {}, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      for (const topic of ["soon", "never"]) sender.offer(record("a", { topic }), outcomes.of(topic), null);
      yield* advance(1_000);
      kafka.lead("soon", [1]);
      yield* advance(30_000);
      assertEquals(outcomes.settled, ["soon"]);
      assertEquals(log.map((line) => /publish to (\w+): there is no such topic/.exec(line)?.[1]), ["never"]);
    }), log);
});

Deno.test("an unknown partition fails after a look at the metadata, one that was added does not", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return sending(kafka, {}, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      sender.offer(record("a", { partition: 1 }), outcomes.of("a"), null);
      yield* advance(20, 1);
      assertEquals(outcomes.settled, ["a:UNKNOWN_PARTITION"]);
      kafka.lead("orders", [1, 1]);
      sender.offer(record("b", { partition: 1 }), outcomes.of("b"), null);
      yield* advance(1_000);
      assertEquals(outcomes.settled.at(-1), "b");
      assertEquals(kafka.log("orders", 1).values(), ["b"]);
    }));
});

Deno.test("without idempotence batches carry no producer id and go one at a time", () => {
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) => Effect.andThen(Effect.sleep(5), kafka.script.Produce(request, node, role)),
  }));
  kafka.lead("orders", [1]);
  return sending(
    kafka,
    { idempotent: false, acks: 1, batchRecords: 2, linger: 0 },
    (sender) =>
      Effect.gen(function* () {
        const outcomes = new Outcomes();
        for (let i = 0; i < 6; i++) sender.offer(record(`${i}`), outcomes.of(`${i}`), null);
        yield* advance(50, 1);
        assertEquals(outcomes.settled, ["0", "1", "2", "3", "4", "5"]);
        assert(sent(kafka).every(({ producerId, baseSequence }) => producerId === -1n && baseSequence === -1));
        const requests = kafka.link.requests.filter(({ api }) => api === "Produce");
        assert(requests.every(({ request }) => (request as Request<"Produce">).acks === 1));
        assert(!kafka.link.requests.some(({ api }) => api === "InitProducerId"));
      }),
  );
});

Deno.test("compressed batches are smaller and hold the same records, also when divided", () => {
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) =>
      readBatchHeader(request.topics[0].partitions[0].records, 0).count <= 5
        ? kafka.script.Produce(request, node, role)
        : Effect.succeed({
          throttleTimeMs: 0,
          topics: [{
            name: "orders",
            partitions: [{ partition: 0, errorCode: 10, baseOffset: -1, logAppendTimeMs: -1 }],
          }],
        }),
  }));
  kafka.lead("orders", [1]);
  return sending(kafka, { compression: "gzip" }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const values = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(200));
      values.forEach((value, i) => sender.offer(record(value), outcomes.of(`${i}`), null));
      yield* sender.flush;
      assertEquals(kafka.log("orders", 0).values(), values);
      assertEquals(outcomes.offsets, values.map((_, i) => i));
      assert(kafka.log("orders", 0).batches.every(({ bytes }) => bytes.length < 500));
    }));
});

Deno.test("an observer may offer again, and one that throws does no harm to the others", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  const log: Array<string> = [];
  return sending(kafka, { batchRecords: 2 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      const again = () => {
        sender.offer(record("b"), outcomes.of("b"), null);
        throw new Error("boom");
      };
      sender.offer(record("a"), { settled: again }, null);
      sender.offer(record("c"), outcomes.of("c"), null);
      yield* advance(50, 1);
      assertEquals(outcomes.settled, ["c", "b"]);
      assert(log.some((line) => line.includes("boom")));
    }), log);
});

Deno.test("the end of the scope settles everything that is pending", async () => {
  const kafka = new SmallKafka([1], () => ({ Produce: () => Effect.never }));
  kafka.lead("orders", [1]);
  const outcomes = new Outcomes();
  let ended: Sender | undefined;
  await sending(kafka, { linger: 10, batchRecords: 2 }, (sender) =>
    Effect.gen(function* () {
      ended = sender;
      for (const value of ["a", "b", "c"]) sender.offer(record(value), outcomes.of(value), null);
      sender.offer(record("d", { topic: "unknown" }), outcomes.of("d"), null);
      yield* advance(5, 1);
    }));
  assertEquals(outcomes.settled.sort(), ["a:STOPPED", "b:STOPPED", "c:STOPPED", "d:STOPPED"]);
  assertEquals(ended?.pending(), 0);
  assert(ended?.offer(record("late"), outcomes.of("late"), null));
  assertEquals(outcomes.settled.at(-1), "late:STOPPED");
  assertEquals(kafka.link.open(), 0);
});

Deno.test("until the first success one batch of a partition is in flight, later up to five", () => {
  let flying = 0;
  const most: Array<number> = [];
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) =>
      Effect.suspend(() => {
        most.push(++flying);
        return Effect.andThen(Effect.sleep(10), kafka.script.Produce(request, node, role));
      }).pipe(Effect.ensuring(Effect.sync(() => flying--))),
  }));
  kafka.lead("orders", [1]);
  return sending(kafka, { batchRecords: 1 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      for (let i = 0; i < 12; i++) sender.offer(record(`${i}`), outcomes.of(`${i}`), null);
      yield* advance(9, 1);
      assertEquals(most, [1]);
      yield* advance(200, 1);
      assertEquals(Math.max(...most), 5);
      assertEquals(kafka.log("orders", 0).values(), Array.from({ length: 12 }, (_, i) => `${i}`));
    }));
});

Deno.test("a fresh topic that refuses its first batches stores everything once and in order", () => {
  let refusals = 20;
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) =>
      refusals-- > 0
        ? Effect.succeed({
          throttleTimeMs: 0,
          topics: request.topics.map(({ name, partitions }) => ({
            name,
            partitions: partitions.map(({ partition }) => ({
              partition,
              errorCode: refusals % 2 === 0 ? 3 : 6,
              baseOffset: -1,
              logAppendTimeMs: -1,
            })),
          })),
        })
        : kafka.script.Produce(request, node, role),
  }));
  kafka.lead("orders", [1, 1, 1, 1]);
  return sending(kafka, { linger: 0 }, (sender) =>
    Effect.gen(function* () {
      const outcomes = new Outcomes();
      for (let i = 0; i < 200; i++) {
        sender.offer(record(`${i}`, { partition: i % 4 }), outcomes.of(`${i}`), null);
        if (i % 7 === 0) yield* advance(1, 1);
      }
      const flushed = yield* Effect.forkScoped(sender.flush);
      yield* advance(5_000);
      yield* Fiber.join(flushed);
      for (const partition of [0, 1, 2, 3]) {
        const wanted = Array.from({ length: 50 }, (_, i) => `${i * 4 + partition}`);
        assertEquals(kafka.log("orders", partition).values(), wanted);
      }
      assert(outcomes.settled.every((outcome) => !outcome.includes(":")));
    }));
});
