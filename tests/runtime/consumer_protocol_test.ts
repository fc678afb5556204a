import { Effect, Exit, Scope } from "effect";
import { actor } from "../../src/actor.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { delay, error } from "../../src/link/embedded/faults.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { committed, ids, Placed, publish, start, until, waited, world } from "./systems.ts";

const consumer = { groupProtocol: "consumer" } as const;

Deno.test("systems of the newer protocol hand partitions over without repeating anything, as three come and go", async () => {
  const kafka = new EmbeddedKafka();
  const seen: string[] = [];
  const clerk = actor({
    name: "clerk",
    receives: [Placed],
    receive: ({ id }) => Effect.sleep(3).pipe(Effect.map(() => void seen.push(id))),
  });
  await world(Effect.gen(function* () {
    const first = yield* start(kafka, [clerk], consumer);
    yield* until(() => first.health().ready);
    const published = yield* Effect.forkChild(
      Effect.forEach(ids(300), (id) => Effect.andThen(first.publish(Placed, { id }), Effect.sleep(4))),
    );
    yield* until(() => seen.length > 30);
    const scopes = [Scope.makeUnsafe(), Scope.makeUnsafe()];
    const second = yield* Scope.provide(start(kafka, [clerk], consumer), scopes[0]);
    yield* until(() => second.consumers[0].partitions.length === 2);
    assertEquals(first.consumers[0].partitions.length, 2);
    const third = yield* Scope.provide(start(kafka, [clerk], consumer), scopes[1]);
    yield* until(() => third.consumers[0].partitions.length === 1);
    yield* until(() => seen.length > 150);
    yield* waited(Scope.close(scopes[0], Exit.void));
    yield* until(() => first.consumers[0].partitions.length === 2 && third.consumers[0].partitions.length === 2);
    yield* waited(Scope.close(scopes[1], Exit.void));
    yield* until(() => first.consumers[0].partitions.length === 4);
    yield* until(() => published.pollUnsafe() !== undefined && seen.length >= 300);
    yield* until(() => committed(kafka, "clerk") === 300);
  }));
  assertEquals([seen.length, new Set(seen).size], [300, 300]);
  assertEquals(kafka.members("clerk"), []);
});

Deno.test("a lease outlives the epoch it was given in, as long as its partition is kept", async () => {
  const kafka = new EmbeddedKafka();
  const held: Array<readonly [partition: number, before: boolean, after: boolean]> = [];
  let slow = true;
  const clerk = actor({
    name: "clerk",
    receives: [Placed],
    receive: (_, { lease, partition }) => {
      const before = lease.held();
      if (!slow) return;
      return Effect.map(Effect.sleep(900), () => void held.push([partition, before, lease.held()]));
    },
  });
  await world(Effect.gen(function* () {
    const first = yield* start(kafka, [clerk], consumer);
    yield* until(() => first.health().ready);
    const epoch = kafka.group("clerk")?.generation ?? 0;
    yield* publish(first, ids(30));
    const second = yield* start(kafka, [clerk], consumer);
    yield* until(() => [first, second].every(({ consumers }) => consumers[0].partitions.length === 2));
    slow = false;
    yield* until(() => committed(kafka, "clerk") === 30);
    assert((kafka.group("clerk")?.generation ?? 0) > epoch);
  }));
  assertEquals(held.filter(([, before, after]) => !before || !after), []);
  assert(held.length >= 2, `${held.length}`);
});

Deno.test("partitions begin although the epoch rises while it is asked where", async () => {
  const kafka = new EmbeddedKafka();
  const seen: string[] = [];
  const clerk = actor({ name: "clerk", receives: [Placed], receive: ({ id }) => void seen.push(id) });
  await world(Effect.gen(function* () {
    let slow = 3_000;
    kafka.intercept = ({ api }) => api === "OffsetFetch" && slow > 0 ? delay(slow) : null;
    const first = yield* start(kafka, [clerk], consumer);
    yield* until(() => first.consumers[0]?.joined);
    const epoch = kafka.group("clerk")?.generation;
    const second = yield* start(kafka, [clerk], consumer);
    yield* until(() => kafka.group("clerk")?.generation !== epoch);
    slow = 0;
    yield* until(() => [first, second].every(({ consumers }) => consumers[0].partitions.length === 2));
    yield* publish(first, ids(40));
    yield* until(() => seen.length === 40);
  }));
});

Deno.test("a system that its group has forgotten begins anew, and repeats only what was not committed", async () => {
  const kafka = new EmbeddedKafka();
  const seen: string[] = [];
  const clerk = actor({ name: "clerk", receives: [Placed], receive: ({ id }) => void seen.push(id) });
  await world(Effect.gen(function* () {
    const system = yield* start(kafka, [clerk], consumer);
    yield* until(() => system.health().ready);
    yield* publish(system, ids(20));
    yield* until(() => committed(kafka, "clerk") === 20);
    let refused = false;
    kafka.intercept = ({ api }) => {
      if (api !== "ConsumerGroupHeartbeat" || refused) return null;
      refused = true;
      return error(ErrorCode.FENCED_MEMBER_EPOCH);
    };
    yield* until(() => refused);
    yield* until(() => system.consumers[0].partitions.length === 4);
    yield* publish(system, ids(20, "new"));
    yield* until(() => seen.length === 40);
  }));
  assertEquals(new Set(seen).size, 40);
});

Deno.test("a system ends with what to do where the brokers don't serve the protocol", async () => {
  const kafka = new EmbeddedKafka();
  const log: string[] = [];
  const clerk = actor({ name: "clerk", receives: [Placed], receive: () => {} });
  await world(
    Effect.gen(function* () {
      kafka.intercept = ({ api }) => api === "ConsumerGroupHeartbeat" ? error(ErrorCode.UNSUPPORTED_VERSION) : null;
      const system = yield* start(kafka, [clerk], consumer);
      const ended = yield* waited(system.ended);
      assert(Exit.isFailure(ended));
    }),
    log,
  );
  assertMatch(log.join("\n"), /the system ends: group clerk: UNSUPPORTED_VERSION: .*set groupProtocol: "classic"/);
});
