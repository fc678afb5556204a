/** Fetching from a close replica: the leader names it (KIP-392). */
import { Effect, type Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeFetcher } from "../../src/client/fetch/fetcher.ts";
import type { FetchTarget } from "../../src/client/port.ts";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals } from "../assert.ts";
import { SmallKafka } from "./small_kafka.ts";
import { advance, virtual } from "./virtual.ts";

const orders = { topic: "orders", partition: 0 };
const maxAge = 5_000;

/** Broker 1 leads and sends whoever names a rack to broker 2, which holds the same log and is as `replica` says. */
function fetching(
  body: (world: World) => Effect.Effect<void, unknown, Scope.Scope>,
  rackId = "north",
) {
  const kafka = new SmallKafka([1, 2], (kafka) => ({
    Fetch: (request, node, role) => {
      world.asked.push([node, request.rackId]);
      const answer = (code: number, preferredReadReplica: number) =>
        Effect.succeed({
          throttleTimeMs: 0,
          errorCode: 0,
          topics: request.topics.map(({ name, partitions }) => ({
            name,
            partitions: partitions.map(({ partition }) => ({
              partition,
              errorCode: code,
              highWatermark: 0,
              lastStableOffset: 0,
              logStartOffset: 0,
              abortedTransactions: [],
              preferredReadReplica,
              records: new Uint8Array(),
            })),
          })),
        });
      if (node === 1 && request.rackId !== "") return answer(0, 2);
      if (node === 2 && world.replica !== 0) return answer(world.replica, -1);
      return kafka.script.Fetch(request, 1, role);
    },
  }));
  kafka.lead("orders", [1]);
  const write = (value: string) => kafka.write("orders", 0, [value]);
  const world: World = { read: [], replica: 0, asked: [], write, link: kafka.link };
  const target: FetchTarget = {
    deliver: ({ bytes, from, aborted }) => {
      const records = decodeRecords(bytes, { from, aborted });
      for (let i = 0; i < records.length; i++) world.read.push(new TextDecoder().decode(records.value(i) ?? undefined));
    },
    idle: () => {},
    reset: () => {},
    failed: (error) => void world.read.push(error.message),
  };
  return virtual(Effect.gen(function* () {
    const cluster = yield* makeCluster(kafka.link);
    yield* cluster.refresh(["orders"]);
    const fetcher = yield* makeFetcher(cluster, { maxWait: 100, rackId: rackId || undefined }, {
      metadataMaxAge: maxAge,
    });
    fetcher.add(orders, 0, target, "fail");
    yield* body(world);
  }));
}

interface World {
  /** Values delivered so far. */
  readonly read: Array<string>;
  /** What the replica answers with: 0, records. */
  replica: number;
  /** Who was asked by which rack, in order. */
  readonly asked: Array<readonly [node: number, rackId: string]>;
  readonly write: (value: string) => void;
  readonly link: SmallKafka["link"];
}

/** Who was asked since the last time, without repeats. */
function turns(asked: World["asked"]): Array<string> {
  const turns: Array<string> = [];
  for (const [node, rackId] of asked.splice(0)) {
    const turn = `${node} ${rackId || "-"}`;
    if (turns.at(-1) !== turn) turns.push(turn);
  }
  return turns;
}

Deno.test("fetcher reads from the replica its leader names, and asks the leader again when metadata are old", () =>
  fetching((world) =>
    Effect.gen(function* () {
      world.write("a");
      yield* advance(1_000);
      assertEquals([turns(world.asked), world.read], [["1 north", "2 north"], ["a"]]);
      world.write("b");
      yield* advance(maxAge - 1_200);
      assertEquals([turns(world.asked), world.read], [["2 north"], ["a", "b"]]);
      yield* advance(400);
      assertEquals(turns(world.asked), ["2 north", "1 north", "2 north"]);
      world.write("c");
      yield* advance(200);
      assertEquals(world.read, ["a", "b", "c"]);
    })
  ));

Deno.test("fetcher without a rack stays with the leader", () =>
  fetching((world) =>
    Effect.gen(function* () {
      world.write("a");
      yield* advance(1_000);
      assertEquals([turns(world.asked), world.read], [["1 -"], ["a"]]);
    }), ""));

Deno.test("fetcher goes back to the leader when the replica is away, and does not let itself be sent there for a while", () =>
  fetching((world) =>
    Effect.gen(function* () {
      world.write("a");
      yield* advance(500);
      turns(world.asked);
      world.link.down.add(2);
      world.link.cut(2);
      world.write("b");
      yield* advance(500);
      assertEquals([turns(world.asked), world.read], [["1 -"], ["a", "b"]]);
      yield* advance(maxAge - 1_000);
      assertEquals(turns(world.asked), ["1 -"]);
      // Then it is sent there again, and comes back again.
      yield* advance(1_500);
      assertEquals(turns(world.asked), ["1 -", "1 north", "1 -"]);
      world.link.down.clear();
      world.write("c");
      yield* advance(maxAge + 500);
      assertEquals([turns(world.asked).at(-1), world.read], ["2 north", ["a", "b", "c"]]);
    })
  ));

for (const code of ["OFFSET_OUT_OF_RANGE", "NOT_LEADER_OR_FOLLOWER", "KAFKA_STORAGE_ERROR"] as const) {
  Deno.test(`fetcher goes back to the leader when the replica answers ${code}`, () =>
    fetching((world) =>
      Effect.gen(function* () {
        world.write("a");
        yield* advance(500);
        turns(world.asked);
        world.replica = ErrorCode[code];
        world.write("b");
        yield* advance(500);
        assertEquals(world.read, ["a", "b"]);
        const asked = turns(world.asked);
        assertEquals(asked.at(-1), "1 -");
        assert(asked.length <= 2, asked.join(", "));
      })
    ));
}
