import { Clock, Effect, Fiber } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeConsumerMember } from "../../src/client/group/consumer_member.ts";
import { makeMember } from "../../src/client/group/member.ts";
import { monotonicMs } from "../../src/fiber/monotonic.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { never } from "../../src/link/embedded/faults.ts";
import { assert, assertEquals } from "../assert.ts";
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

for (const [protocol, make] of [["classic", makeMember], ["consumer", makeConsumerMember]] as const) {
  Deno.test(`a deadline lies a tenth of the session before the coordinator's own, and who waits for it is told: ${protocol}`, () =>
    virtual(Effect.gen(function* () {
      for (const sessionTimeout of [10_000, 6_000]) {
        const kafka = new EmbeddedKafka();
        const cluster = yield* makeCluster(yield* kafka.open);
        const nothing = () => Effect.void;
        const options = { groupId: "g", topics: ["orders"], sessionTimeout };
        const { membership, run } = yield* make(cluster, options, {
          assigned: nothing,
          revoked: nothing,
          lost: nothing,
        });
        const clock = yield* Clock.Clock;
        const fiber = yield* Effect.forkScoped(run);
        yield* advance(2_000);
        kafka.stop();
        yield* advance(10);
        const from = monotonicMs(clock);
        const left = membership.deadline - from;
        // The last heartbeat was answered an interval ago at most.
        assert(left > 0.9 * sessionTimeout - sessionTimeout / 3 - 20 && left <= 0.9 * sessionTimeout, `${left} ms`);
        let told = 0;
        membership.waiting = new Set([() => void told++]);
        yield* advance(1_000);
        assertEquals([told, membership.deadline - from], [0, left], "nothing is heard of the coordinator");
        kafka.start();
        yield* advance(3_000);
        assertEquals([told, membership.waiting.size], [1, 0]);
        yield* Fiber.interrupt(fiber);
      }
    })));
}
