import { Effect, Fiber, Schedule } from "effect";
import { makeOffsets } from "../../src/client/offsets/offsets.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { realKafkaTest } from "../support/kafka_broker.ts";
import { makeKafkaWorld } from "./kafka_world.ts";

realKafkaTest(
  "members of the newer protocol hand partitions over as they come, leave and die",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { grow, start, until } = yield* makeKafkaWorld(brokers, 8, false);
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
  "a static member of the newer protocol comes back to its partitions; a second one of its name is refused",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { start, until, holders } = yield* makeKafkaWorld(brokers, 4, false);
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
      yield* until(["one", "two"], 2, 2);
      assertEquals(mine(), before);
      assertEquals(two.member.membership.generation, generation);
      const third = yield* start("third", { instanceId: "one" });
      const error = yield* Effect.flip(Fiber.join(third.run));
      assertEquals(error.type, "UNRELEASED_INSTANCE_ID");
      assertMatch(error.message, /instanceId/);
      assertEquals(again.events, ["assigned 2"]);
    }))),
);

realKafkaTest(
  "commits go on while the epoch rises in the middle of a drain, and an old epoch commits nothing that was let go",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { cluster, topic, groupId, start, until, holders } = yield* makeKafkaWorld(brokers, 4, false);
      const offsets = yield* makeOffsets(cluster);
      const commit = (partition: number, offset: number) =>
        offsets.commit(membership, [{ topic, partition, offset, metadata: "" }]);
      const a = yield* start("a", { slow: 3_000 });
      const { membership } = a.member;
      yield* until(["a"], 4);
      const first = { ...membership };
      yield* commit(0, 1);
      const b = yield* start("b");
      // Others come while it lets go: what it keeps and what it lets go are committed all the time.
      const c = yield* start("c");
      const going = [...holders.keys()].length;
      assertEquals(going, 4);
      const letGo = () => a.events.some((event) => event.startsWith("revoked"));
      for (let offset = 2; !letGo(); offset++) {
        for (let partition = 0; partition < 4; partition++) yield* commit(partition, offset);
        yield* Effect.sleep(50);
      }
      yield* until(["a", "b", "c"], 2, 1, 1);
      yield* commit(0, 1_000);
      assert(membership.generation > first.generation, `${membership.generation}`);
      assertEquals([membership.losses, a.events.includes("lost 4")], [0, false]);
      const theirs = [...holders].filter(([, name]) => name !== "a").map(([key]) => Number(key.split("/").at(-1)));
      const old = { ...first, losses: undefined };
      const error = yield* Effect.flip(
        offsets.commit(old, [{ topic, partition: theirs[0], offset: 7, metadata: "" }]),
      );
      assertEquals(error.code, ErrorCode.STALE_MEMBER_EPOCH);
      const [{ offset }] = yield* offsets.committed(groupId, [{ topic, partition: 0 }]);
      assertEquals(offset, 1_000);
      for (const { events } of [a, b, c]) assert(!events.some((event) => event.startsWith("lost")), events.join());
    }))),
);

realKafkaTest(
  "a member whose epoch is fenced loses everything and joins anew under the same id, a static one, too",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { start, until, topic } = yield* makeKafkaWorld(brokers, 4, false);
      for (const instanceId of [null, "one"]) {
        const a = yield* start("a", { instanceId });
        yield* until(["a"], 4);
        const { memberId } = a.member.membership;
        // An answer under way may set it right again.
        const fenced = Effect.suspend(() => {
          const { membership } = a.member;
          if (membership.losses === 0) membership.generation += 7;
          return a.events.length < 3 ? Effect.fail(new Error(a.events.join())) : Effect.void;
        });
        yield* Effect.retry(fenced, { schedule: Schedule.spaced(20), times: 500 });
        assertEquals(a.events.slice(0, 3), ["assigned 4", "lost 4", "assigned 4"], topic);
        assertEquals([a.member.membership.memberId, a.member.membership.losses], [memberId, 1]);
        yield* a.member.leave;
      }
    }))),
);

realKafkaTest(
  "a group moves from the classic protocol to the newer one while its members are restarted one by one, and back",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { start, until } = yield* makeKafkaWorld(brokers, 6, false);
      const a = yield* start("a", { classic: true });
      const b = yield* start("b", { classic: true });
      yield* until(["a", "b"], 3, 3);
      const c = yield* start("c");
      yield* until(["a", "b", "c"], 2, 2, 2);
      yield* a.member.leave;
      yield* until(["b", "c"], 3, 3);
      yield* b.member.leave;
      yield* until(["c"], 6);
      const d = yield* start("d", { classic: true });
      yield* until(["c", "d"], 3, 3);
      yield* c.member.leave;
      yield* until(["d"], 6);
      for (const { events } of [a, b, c, d]) assert(!events.some((event) => event.startsWith("lost")), events.join());
    }))),
);

realKafkaTest(
  "run fails for an assignor the brokers don't have",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { start } = yield* makeKafkaWorld(brokers, 1, false);
      const a = yield* start("a", { serverAssignor: "none" });
      const error = yield* Effect.flip(Fiber.join(a.run));
      assertEquals(error.type, "UNSUPPORTED_ASSIGNOR");
    }))),
);
