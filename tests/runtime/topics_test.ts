import { Effect } from "effect";
import { actor } from "../../src/actor.ts";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { event } from "../../src/event.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { error, refuse } from "../../src/link/embedded/faults.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Request } from "../../src/link/protocol.ts";
import { systemSettings } from "../../src/runtime/settings.ts";
import { ensureTopics, neededTopics } from "../../src/runtime/topics.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { virtual } from "../client/virtual.ts";
import { TestClock } from "effect/testing";

const Placed = event({ name: "Placed", topic: "orders" });
const Paid = event({ name: "Paid", topic: "payments" });
const clerk = actor({ name: "clerk", receives: [Placed], receive: () => {} });

Deno.test("neededTopics() names the topics of all events, and a dead-letter topic for each that is received", () => {
  assertEquals(neededTopics([clerk], [Placed, Paid]), [
    { name: "orders", lettersOf: null },
    { name: "payments", lettersOf: null },
    { name: "orders.dlt", lettersOf: "orders" },
  ]);
});

/** Makes sure of the clerk's topics on a Kafka; answers what was asked to be created. */
const ensured = (kafka: EmbeddedKafka, log: string[] = []) =>
  virtual(
    Effect.gen(function* () {
      const asked: Array<Request<"CreateTopics">["topics"][number]> = [];
      const before = kafka.intercept;
      kafka.intercept = (request) => {
        const fault = before?.(request) ?? null;
        if (request.api === "CreateTopics" && fault === null) {
          asked.push(...(request.request as Request<"CreateTopics">).topics);
        }
        return fault;
      };
      const cluster = yield* makeCluster(yield* kafka.open);
      const work = yield* Effect.forkScoped(
        ensureTopics(cluster, neededTopics([clerk], [Placed, Paid]), systemSettings({ partitions: 3 })),
      );
      for (let i = 0; i < 3_000 && work.pollUnsafe() === undefined; i++) yield* TestClock.adjust(10);
      assertEquals(work.pollUnsafe()?._tag, "Success");
      return asked;
    }),
    log,
  );

Deno.test("ensureTopics() creates what is missing; dead-letter topics take larger records for longer", async () => {
  const kafka = new EmbeddedKafka();
  const asked = await ensured(kafka);
  assertEquals(asked.map(({ name, numPartitions, configs }) => [name, numPartitions, configs]), [
    ["orders", 3, {}],
    ["payments", 3, {}],
    ["orders.dlt", 3, { "max.message.bytes": "2097152", "retention.ms": "2592000000" }],
  ]);
  assertEquals(await ensured(kafka), []);
});

Deno.test("ensureTopics() leaves a topic as it is, and gives its dead letters as many partitions", async () => {
  const kafka = new EmbeddedKafka();
  await virtual(Effect.gen(function* () {
    const cluster = yield* makeCluster(yield* kafka.open);
    const topics = [{ name: "orders", numPartitions: 5, replicationFactor: 1, configs: {} }];
    yield* (yield* cluster.anyConnection("admin")).call("CreateTopics", { timeoutMs: 1, validateOnly: false, topics });
  }));
  const asked = await ensured(kafka);
  assertEquals(asked.map(({ name, numPartitions }) => [name, numPartitions]), [["payments", 3], ["orders.dlt", 5]]);
});

Deno.test("ensureTopics() tries again when it is refused, and says by whom for what at most every 10 s", async () => {
  const kafka = new EmbeddedKafka();
  const log: string[] = [];
  let tries = 0;
  kafka.intercept = ({ api }) => {
    if (api !== "CreateTopics" || ++tries > 4) return null;
    return tries === 1 ? refuse : error(ErrorCode.TOPIC_AUTHORIZATION_FAILED);
  };
  await ensured(kafka, log);
  assertEquals(kafka.topics(), ["orders", "payments", "orders.dlt"]);
  assertEquals(log.length, 1, log.join("\n"));
  assertMatch(log[0], /CreateTopics: TOPIC_AUTHORIZATION_FAILED \(29\): topic orders/);
});
