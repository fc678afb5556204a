import { Effect, Fiber } from "effect";
import { makeOffsets } from "../../src/client/offsets/offsets.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals } from "../assert.ts";
import { realKafkaTest } from "../support/kafka_broker.ts";
import { makeKafkaWorld } from "./kafka_world.ts";

realKafkaTest(
  "members hand partitions over as they come, leave and die",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { grow, start, until } = yield* makeKafkaWorld(brokers, 8, true);
      const a = yield* start("a", { metadataMaxAge: 500 });
      yield* until(["a"], 8);
      const b = yield* start("b");
      yield* until(["a", "b"], 4, 4);
      const c = yield* start("c");
      yield* until(["a", "b", "c"], 3, 3, 2);
      yield* grow(9);
      yield* until(["a", "b", "c"], 3, 3, 3);
      yield* b.member.leave;
      yield* Fiber.join(b.run);
      yield* until(["a", "c"], 5, 4);
      yield* a.crash;
      yield* until(["c"], 9);
      for (const { events } of [a, b, c]) assert(!events.some((event) => event.startsWith("lost")), events.join());
    }))),
);

realKafkaTest(
  "a static member comes back to its partitions; a second one of its name ends it",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { start, until, holders } = yield* makeKafkaWorld(brokers, 4, true);
      const one = yield* start("one", { instanceId: "one" });
      yield* until(["one"], 4);
      const two = yield* start("two", { instanceId: "two" });
      yield* until(["one", "two"], 2, 2);
      const mine = () => [...holders].filter(([, name]) => name === "one").map(([key]) => key).sort();
      const before = mine();
      const { generation } = two.member.membership;
      yield* one.member.leave;
      assertEquals(mine(), []);
      const again = yield* start("one", { instanceId: "one" });
      yield* until(["two", "one"], 2, 2);
      assertEquals(mine(), before);
      assertEquals(two.member.membership.generation, generation);
      const failed = yield* Effect.forkScoped(Effect.flip(Fiber.join(again.run)));
      holders.clear();
      yield* start("third", { instanceId: "one" });
      assertEquals((yield* Fiber.join(failed)).type, "FENCED_INSTANCE_ID");
    }))),
);

realKafkaTest(
  "offsets are committed under a membership and not under an old generation",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { cluster, topic, groupId, start, until } = yield* makeKafkaWorld(brokers, 2, true);
      const a = yield* start("a");
      yield* until(["a"], 2);
      const offsets = yield* makeOffsets(cluster);
      const zero = { topic, partition: 0 };
      const { membership } = a.member;
      yield* offsets.commit(membership, [{ ...zero, offset: 0, metadata: "map" }]);
      assertEquals(yield* offsets.committed(groupId, [zero, { topic, partition: 1 }]), [
        { ...zero, offset: 0, metadata: "map" },
        { topic, partition: 1, offset: -1, metadata: "" },
      ]);
      const old = { ...membership, generation: membership.generation - 1 };
      const error = yield* Effect.flip(offsets.commit(old, [{ ...zero, offset: 1, metadata: "" }]));
      assertEquals(error.code, ErrorCode.ILLEGAL_GENERATION);
      assertEquals(yield* offsets.list([zero], -1), [{ ...zero, offset: 0 }]);
    }))),
);

realKafkaTest(
  "run fails when the broker refuses the session time-out",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { start } = yield* makeKafkaWorld(brokers, 1, true);
      const a = yield* start("a", { sessionTimeout: 1 });
      const error = yield* Effect.flip(Fiber.join(a.run));
      assertEquals(error.type, "INVALID_SESSION_TIMEOUT");
    }))),
);
