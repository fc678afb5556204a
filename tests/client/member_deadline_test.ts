import { Effect } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeMember } from "../../src/client/group/member.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { never } from "../../src/link/embedded/faults.ts";
import { assertEquals } from "../assert.ts";
import { advance, virtual } from "./virtual.ts";

// The coordinator answers a member that asks again with the present generation, and does not take that for a sign of life.
Deno.test("a join that is answered does not move the deadline, only a sync does", () =>
  virtual(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const cluster = yield* makeCluster(yield* kafka.open);
    const nothing = () => Effect.void;
    const { membership, run } = yield* makeMember(cluster, { groupId: "g", topics: ["orders"] }, {
      assigned: nothing,
      revoked: nothing,
      lost: nothing,
    });
    kafka.intercept = ({ api }) => api === "SyncGroup" ? never : null;
    yield* Effect.forkScoped(run);
    yield* advance(100);
    assertEquals([membership.generation, membership.deadline], [1, -Infinity]);
    kafka.intercept = null;
    kafka.stop();
    kafka.start();
    yield* advance(100);
    assertEquals(membership.deadline > 9_000, true);
  })));
