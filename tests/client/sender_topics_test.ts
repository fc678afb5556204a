/** Publishing to topics that go, come back, and change under what waits. */
import { Effect, type Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import type { Cluster, DeliveryObserver, PublishLease, Sender } from "../../src/client/port.ts";
import { makeSender, type SenderOptions } from "../../src/client/produce/sender.ts";
import { partitionForKey } from "../../src/codec/murmur2.ts";
import { LeaseLost } from "../../src/errors.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { ProducerRecord } from "../../src/record.ts";
import { assert, assertEquals } from "../assert.ts";
import { SmallKafka } from "./small_kafka.ts";
import { advance, virtual } from "./virtual.ts";

const settled: Array<string> = [];

/** Notes what becomes of a record. */
const of = (name: string): DeliveryObserver => ({
  settled: (error) => void settled.push(error === null ? name : `${name} ${"type" in error ? error.type : error._tag}`),
});

const keyed = (value: string): ProducerRecord => ({ topic: "orders", key: `key ${value}`, value });

function sending(
  kafka: SmallKafka,
  options: SenderOptions,
  body: (sender: Sender, cluster: Cluster) => Effect.Effect<void, unknown, Scope.Scope>,
  log: Array<string> = [],
) {
  settled.length = 0;
  return virtual(
    Effect.gen(function* () {
      const cluster = yield* makeCluster(kafka.link);
      yield* cluster.refresh(["orders"]);
      yield* body(yield* makeSender(cluster, options), cluster);
    }),
    log,
  );
}

const names = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** All records of a topic, partition by partition; each must stand where its key belongs. */
function stored(kafka: SmallKafka, partitions: number): Array<string> {
  return Array.from({ length: partitions }, (_, partition) => kafka.log("orders", partition).values()).flatMap(
    (values, partition) => {
      for (const value of values) {
        const key = new TextEncoder().encode(`key ${value}`);
        assertEquals(partitionForKey(key, partitions), partition, value);
      }
      return values;
    },
  );
}

for (const [before, now] of [[4, 2], [2, 2], [2, 5]]) {
  Deno.test(`what waits for ${before} partitions of a deleted topic goes to the ${now} of the one created again, once`, () => {
    let refuse = false;
    const kafka = new SmallKafka([1], (kafka) => ({
      Produce: (request, node, role) =>
        refuse
          ? Effect.as(Effect.sleep(30), {
            throttleTimeMs: 0,
            topics: request.topics.map(({ name, partitions }) => ({
              name,
              partitions: partitions.map(({ partition }) => ({
                partition,
                errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                baseOffset: -1,
                logAppendTimeMs: -1,
              })),
            })),
          })
          : kafka.script.Produce(request, node, role),
    }));
    const leaders = (count: number) => Array.from({ length: count }, () => 1);
    kafka.lead("orders", leaders(before));
    const log: Array<string> = [];
    return sending(kafka, { batchRecords: 3 }, (sender) =>
      Effect.gen(function* () {
        for (const name of names(40, "old")) sender.offer(keyed(name), of(name), null);
        yield* advance(100);
        assertEquals(settled.length, 40);
        kafka.delete("orders");
        refuse = true;
        for (const name of names(40, "new")) sender.offer(keyed(name), of(name), null);
        yield* advance(60); // some are in flight, some wait
        kafka.lead("orders", leaders(now));
        for (const name of names(10, "later")) sender.offer(keyed(name), of(name), null);
        yield* advance(300);
        refuse = false;
        yield* advance(2_000);
        const all = [...names(40, "new"), ...names(10, "later")];
        assertEquals(stored(kafka, now).sort(), all.sort(), "each once");
        assertEquals(settled.slice(40).sort(), all.sort());
        assertEquals(sender.pending(), 0);
        yield* sender.flush;
        for (const name of names(10, "last")) sender.offer(keyed(name), of(name), null);
        yield* sender.flush.pipe(Effect.raceFirst(advance(1_000)));
        assertEquals(stored(kafka, now).length, 60);
      }), log);
  });
}

Deno.test("records of a key keep their order when their topic is created again, whatever was in flight", () => {
  // Answers take so long that some batches are always in flight.
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) => Effect.andThen(Effect.sleep(40), kafka.script.Produce(request, node, role)),
  }));
  kafka.lead("orders", [1, 1, 1]);
  return sending(kafka, { batchRecords: 2 }, (sender, cluster) =>
    Effect.gen(function* () {
      const values = names(60, "v");
      for (const [i, name] of values.entries()) {
        sender.offer({ topic: "orders", key: `k${i % 3}`, value: name }, of(name), null);
        if (i === 20) kafka.delete("orders");
        if (i === 40) {
          kafka.lead("orders", [1, 1]);
          yield* cluster.refresh(["orders"]);
        }
        yield* advance(7, 1);
      }
      yield* advance(2_000);
      for (const partition of [0, 1]) {
        const numbers = kafka.log("orders", partition).values().map((value) => Number(value.slice(1)));
        for (const key of [0, 1, 2]) {
          const own = numbers.filter((n) => n % 3 === key);
          assertEquals(own, own.toSorted((a, b) => a - b));
        }
      }
      assertEquals(settled.length, 60);
    }));
});

Deno.test("a record that names a partition the topic does not have any more fails, and the others go on", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1, 1, 1]);
  return sending(kafka, { linger: 50 }, (sender, cluster) =>
    Effect.gen(function* () {
      sender.offer({ topic: "orders", key: null, value: "named", partition: 2 }, of("named"), null);
      sender.offer(keyed("x"), of("x"), null);
      kafka.delete("orders");
      kafka.lead("orders", [1]);
      yield* cluster.refresh(["orders"]);
      yield* advance(2_000);
      assertEquals(settled.toSorted(), ["named UNKNOWN_PARTITION", "x"]);
      assertEquals(kafka.log("orders", 0).values(), ["x"]);
    }));
});

Deno.test("what an actor publishes to a topic that is gone waits as long as its lease, anything else for the time-out", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  let state: ReturnType<PublishLease["state"]> = "valid";
  const lease: PublishLease = { state: () => state, lost: () => new LeaseLost("t", 0, 1) };
  return sending(kafka, { deliveryTimeout: 10_000 }, (sender) =>
    Effect.gen(function* () {
      kafka.delete("orders");
      yield* advance(10);
      sender.offer(keyed("actor"), of("actor"), lease);
      sender.offer({ topic: "never", key: null, value: "a" }, of("never by an actor"), lease);
      sender.offer({ topic: "never", key: null, value: "s" }, of("never by a service"), null);
      yield* advance(9_000, 20);
      assertEquals(sender.waitingFor?.().toSorted(), ["never", "orders"]);
      assertEquals(settled, []);
      const before = kafka.link.requests.length;
      yield* advance(60_000, 20);
      assertEquals(settled, ["never by a service UNKNOWN_TOPIC_OR_PARTITION"]);
      const asked = kafka.link.requests.length - before;
      assert(asked < 400, `${asked} requests in a minute`);
      kafka.lead("orders", [1, 1]);
      yield* advance(3_000, 20);
      assertEquals(settled.slice(1), ["actor"]);
      state = "fenced";
      yield* advance(3_000, 20);
      assertEquals(settled.slice(2), ["never by an actor LeaseLost"]);
      assertEquals([sender.pending(), sender.waitingFor?.()], [0, []]);
    }));
});

Deno.test("a batch whose answer was lost while its topic was created again makes no later record vanish", () => {
  let deaf = true;
  const kafka = new SmallKafka([1], (kafka) => ({
    Produce: (request, node, role) => {
      const answer = kafka.script.Produce(request, node, role);
      return deaf ? Effect.andThen(answer, Effect.never) : answer;
    },
  }));
  kafka.lead("orders", [1]);
  return sending(kafka, {}, (sender, cluster) =>
    Effect.gen(function* () {
      kafka.delete("orders");
      kafka.lead("orders", [1]);
      sender.offer(keyed("a"), of("a"), null);
      yield* advance(20);
      assertEquals(kafka.log("orders", 0).values(), ["a"]);
      yield* cluster.refresh(["orders"]);
      sender.offer(keyed("b"), of("b"), null);
      yield* advance(20);
      deaf = false;
      kafka.link.cut(1);
      yield* advance(2_000);
      assertEquals(settled, ["a", "b"]);
      assertEquals(kafka.log("orders", 0).values(), ["a", "a", "b"]);
    }));
});

Deno.test("a topic that is not there does not hold up the look for another one's leader", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  return sending(kafka, {}, (sender) =>
    Effect.gen(function* () {
      sender.offer({ topic: "nowhere", key: null, value: "" }, of("nowhere"), null);
      yield* advance(10_000);
      const slow: Array<number> = [];
      for (let turn = 0; turn < 10; turn++) {
        const topic = `new${turn}`;
        kafka.lead(topic, [1]);
        sender.offer({ topic, key: null, value: "" }, of(topic), null);
        let waited = 0;
        for (; !settled.includes(topic); waited += 5) yield* advance(5);
        if (waited > 100) slow.push(waited);
        yield* advance(130);
      }
      assertEquals(slow, []);
    }));
});

Deno.test("what is published behind an actor's records to a topic that is gone fails at its time-out all the same", () => {
  const kafka = new SmallKafka();
  kafka.lead("orders", [1]);
  const lease: PublishLease = { state: () => "valid", lost: () => new LeaseLost("orders", 0, 1) };
  return sending(kafka, { deliveryTimeout: 20_000 }, (sender) =>
    Effect.gen(function* () {
      sender.offer(keyed("before"), of("before"), null);
      yield* advance(100);
      kafka.delete("orders");
      sender.offer(keyed("actor"), of("actor"), lease);
      yield* advance(5_000);
      sender.offer(keyed("other"), of("other"), null);
      yield* advance(24_000);
      assertEquals(settled, ["before", "other DELIVERY_TIMEOUT"]);
      kafka.lead("orders", [1]);
      yield* advance(5_000);
      assertEquals(settled, ["before", "other DELIVERY_TIMEOUT", "actor"]);
    }));
});
