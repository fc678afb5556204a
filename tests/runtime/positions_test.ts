import { Effect } from "effect";
import { actor } from "../../src/actor.ts";
import type { Cluster, Offsets, OffsetToCommit } from "../../src/client/port.ts";
import { event } from "../../src/event.ts";
import type { TopicMetadata } from "../../src/link/protocol.ts";
import { encodeOffsetMap, originOf } from "../../src/runtime/offset_map.ts";
import { Positions } from "../../src/runtime/positions.ts";
import { assertEquals } from "../assert.ts";

const Placed = event({ name: "Placed", topic: "orders" });
const old = "1".repeat(32);
const anew = "2".repeat(32);
const nothing = { attempts: 0, failures: 0, deaths: 0 };

/** A commit at 5 in the topic of this id, made when it had so many partitions; "" has no metadata. */
function commit(partition: number, topicId: string, partitions: number): OffsetToCommit {
  const metadata = topicId === "" ? "" : encodeOffsetMap(5, nothing, [], originOf(topicId, partitions));
  return { topic: "orders", partition, offset: 5, metadata };
}

/** Where partitions 0 to 3 begin: "partition known offset" or "partition fresh place". */
async function begin(
  startFrom: "earliest" | "latest",
  commits: ReadonlyArray<OffsetToCommit>,
  topicId = old,
  afterRefresh = topicId,
): Promise<ReadonlyArray<string>> {
  let id = topicId;
  const clerk = actor({ name: "clerk", startFrom, receives: [Placed], receive: () => {} });
  const metadata = (): TopicMetadata => ({
    errorCode: 0,
    name: "orders",
    topicId: id,
    partitions: [0, 1, 2, 3].map((partition) => ({
      errorCode: 0,
      partition,
      leader: 1,
      leaderEpoch: 0,
      replicas: [1],
      isr: [1],
    })),
  });
  const cluster = { topic: metadata, refresh: () => Effect.sync(() => void (id = afterRefresh)) };
  const offsets = {
    committed: (_group: string, partitions: ReadonlyArray<{ readonly partition: number }>) =>
      Effect.succeed(partitions.map(({ partition }) =>
        commits.find((one) => one.partition === partition) ??
          { topic: "orders", partition, offset: -1, metadata: "" }
      )),
  };
  const positions = new Positions(
    "clerk",
    new Map([["orders", clerk]]),
    offsets as unknown as Offsets,
    cluster as unknown as Cluster,
  );
  const all = [0, 1, 2, 3].map((partition) => ({ topic: "orders", partition }));
  const { known, fresh } = await Effect.runPromise(positions.committed(all));
  return [
    ...known.map(({ partition, offset }) => `${partition} known ${offset}`),
    ...fresh.map(({ partition, from }) => `${partition} fresh ${from}`),
  ].sort();
}

Deno.test("committed() takes an offset of a topic of the same name that is no more for none", async () => {
  const found = await begin(
    "latest",
    [commit(0, old, 4), commit(1, anew, 4), commit(2, "", 4), commit(3, anew, 4)],
    anew,
  );
  assertEquals(found, ["0 fresh earliest", "1 known 5", "2 known 5", "3 known 5"]);
});

Deno.test("committed() asks for metadata before it takes an offset for one of a topic that is no more", async () => {
  const found = await begin("earliest", [0, 1, 2, 3].map((partition) => commit(partition, anew, 4)), old, anew);
  assertEquals(found, ["0 known 5", "1 known 5", "2 known 5", "3 known 5"]);
});

Deno.test("committed() begins with partitions that were added after the group began at their beginning", async () => {
  const added = [commit(0, old, 2), commit(1, old, 2), commit(2, old, 3)];
  assertEquals((await begin("latest", added)).at(-1), "3 fresh earliest");
  // A partition that was there, and one of a group of which nothing is known.
  assertEquals((await begin("latest", [commit(0, old, 4), commit(1, old, 4)])).at(-1), "3 fresh latest");
  assertEquals((await begin("latest", [commit(0, "", 2)])).at(-1), "3 fresh latest");
  // All of a topic that was created again is later than the group.
  assertEquals(await begin("latest", [commit(0, old, 4)], anew), [0, 1, 2, 3].map((n) => `${n} fresh earliest`));
});
