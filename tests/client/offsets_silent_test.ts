import { Effect } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeOffsets } from "../../src/client/offsets/offsets.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { never } from "../../src/link/embedded/faults.ts";
import { assertEquals } from "../assert.ts";
import { advance, virtual } from "./virtual.ts";

const t0 = { topic: "t", partition: 0 };

Deno.test("who stops waiting for offsets leaves no silent connection to the next", () =>
  virtual(Effect.gen(function* () {
    const kafka = new EmbeddedKafka({ partitions: 1 });
    const cluster = yield* makeCluster(yield* kafka.open);
    const admin = yield* cluster.anyConnection("admin");
    const topics = [{ name: "t", numPartitions: 1, replicationFactor: -1, configs: {} }];
    yield* admin.call("CreateTopics", { timeoutMs: 1_000, validateOnly: false, topics });
    yield* cluster.refresh(["t"]);
    const offsets = yield* makeOffsets(cluster);
    kafka.intercept = ({ api }) => api === "OffsetFetch" || api === "ListOffsets" ? never : null;
    const asked = [
      Effect.map(offsets.committed("g", [t0]), ([{ offset }]) => offset),
      Effect.map(offsets.list([t0], -1), ([{ offset }]) => offset),
    ];
    for (const ask of asked) yield* Effect.forkScoped(Effect.timeoutOption(ask, 500));
    yield* advance(600);
    kafka.intercept = null;
    const answers: number[] = [];
    for (const ask of asked) yield* Effect.forkScoped(Effect.map(ask, (offset) => void answers.push(offset)));
    yield* advance(500);
    assertEquals(answers.toSorted(), [-1, 0]);
  })));
