/** What is set reaches the requests it is meant for. */
import { Effect } from "effect";
import { actor } from "../../src/actor.ts";
import type { Link } from "../../src/link/link.ts";
import type { ApiName, Request } from "../../src/link/protocol.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { committed, ids, Placed, publish, start, until, world } from "./systems.ts";

/** Kafka with notes of all requests and their time-outs. */
function noted() {
  const kafka = new EmbeddedKafka();
  const requests: Array<{ api: ApiName; request: unknown; timeout: number | undefined }> = [];
  const open = Effect.map(kafka.open, (link): Link => ({
    ...link,
    connect: (address, role) =>
      Effect.map(link.connect(address, role), (connection) => ({
        address: connection.address,
        isOpen: () => connection.isOpen(),
        close: connection.close,
        call: (api, request, timeout) =>
          Effect.suspend(() => {
            requests.push({ api, request, timeout });
            return connection.call(api, request, timeout);
          }),
      })),
  }));
  const of = <A extends ApiName>(api: A) =>
    requests.filter((noted) => noted.api === api) as Array<{ request: Request<A>; timeout: number | undefined }>;
  return { kafka, open, of };
}

const reader = actor({ name: "reader", receives: [Placed], startFrom: "latest", receive: () => {} });

Deno.test("makeSystem() hands every setting to the requests it is for", () => {
  const log: Array<string> = [];
  return world(
    Effect.gen(function* () {
      const { kafka, open, of } = noted();
      const system = yield* start({ open }, [reader], {
        replicationFactor: 1,
        sessionTimeout: 6_000,
        rebalanceTimeout: 41_000,
        instanceId: "one",
        assignors: ["range"],
        fetch: {
          maxWait: 70,
          minBytes: 3,
          maxBytes: 50_000,
          partitionMaxBytes: 9_000,
          rackId: "north",
          requestTimeout: 777,
        },
        producer: { linger: 40, idempotent: false, acks: 1, requestTimeout: 4_321, batchRecords: 2 },
        cluster: { metadataMaxAge: 2_000, metadataTimeout: 888 },
      });
      yield* until(() => system.health().ready);
      yield* publish(system, ids(40));
      yield* until(() => committed(kafka, "reader") === 40);
      const metadata = of("Metadata").length;
      let ticks = 0;
      yield* until(() => ++ticks > 900); // 4.5 seconds
      assert(of("Metadata").length - metadata >= 2, `${of("Metadata").length - metadata} times`);
      assert(of("Metadata").every(({ timeout }) => timeout === 888));

      const created = of("CreateTopics")[0].request.topics.map((
        { name, numPartitions, replicationFactor },
      ) => [name, numPartitions, replicationFactor]);
      assertEquals(created, [["orders", 4, 1], ["orders.dlt", 4, 1]]);
      const joined = of("JoinGroup")[0].request;
      assertEquals([joined.sessionTimeoutMs, joined.rebalanceTimeoutMs, joined.groupInstanceId], [
        6_000,
        41_000,
        "one",
      ]);
      assertEquals(joined.protocols.map(({ name }) => name), ["range"]);
      const fetched = of("Fetch").at(-1);
      assert(fetched !== undefined);
      const { maxWaitMs, minBytes, maxBytes, isolationLevel, rackId, topics } = fetched.request;
      assertEquals([maxWaitMs, minBytes, maxBytes, isolationLevel, rackId], [70, 3, 50_000, 1, "north"]);
      assertEquals([topics[0].partitions[0].maxBytes, fetched.timeout], [9_000, 847]);
      const produced = of("Produce")[0];
      assertEquals([produced.request.acks, produced.request.timeoutMs, produced.timeout], [1, 4_321, 4_321]);
      // The end of committed records, not of all.
      assertEquals(of("ListOffsets").map(({ request }) => request.isolationLevel).filter((level) => level !== 1), []);
      assert(of("ListOffsets").length > 0);
      assertMatch(log.join("\n"), /producer\.idempotent is false: a lost answer stores records twice/);
    }),
    log,
  );
});

Deno.test("makeSystem() reads what is not committed where it is told to", () =>
  world(Effect.gen(function* () {
    const { open, of } = noted();
    const system = yield* start({ open }, [reader], { fetch: { isolationLevel: "read_uncommitted" } });
    yield* until(() => system.health().ready);
    yield* publish(system, ids(4));
    assertEquals(
      new Set([...of("Fetch"), ...of("ListOffsets")].map(({ request }) => request.isolationLevel)),
      new Set([0]),
    );
  })));
