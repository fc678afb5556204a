import { Effect, Exit, Logger, Random, Scope } from "effect";
import { ConnectionError } from "../../src/errors.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Link } from "../../src/link/link.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";
import { assert, assertEquals } from "../assert.ts";
import { makeConsumerWorld, type Running } from "./consumer_world.ts";

/** The same link with slow requests, of which a few get lost on the way or lose their answer. */
function faulty(link: Link, rate: () => number): Link {
  return {
    ...link,
    connect: (address, role) =>
      Effect.map(link.connect(address, role), (connection) => ({
        ...connection,
        call: (api, request, timeout) =>
          Effect.gen(function* () {
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 30));
            const chance = yield* Random.next;
            const lost = new ConnectionError("faulty", "closed", "lost");
            if (chance < rate()) return yield* Effect.andThen(connection.close, Effect.fail(lost));
            const answer = yield* connection.call(api, request, timeout);
            if (chance > 1 - rate()) return yield* Effect.andThen(connection.close, Effect.fail(lost));
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 30));
            return answer;
          }),
      })),
  };
}

/** Members come, go and die while requests are lost; answers how often partitions were assigned. */
const turmoil = Effect.gen(function* () {
  let rate = 0.06;
  let slowest = 300;
  const through = (link: Link) => faulty(link, () => rate);
  const { kafka, wrong, count, holders, start } = yield* makeConsumerWorld({ orders: 9, payments: 4 }, { through });
  kafka.sessionTimeout = 2_000;
  kafka.heartbeatInterval = 200;
  const running: Array<Running> = [];
  const gone: Array<Running> = [];
  const revoked = () => Effect.flatMap(Random.nextIntBetween(0, slowest), (ms) => Effect.sleep(ms));
  const assigned = () => Effect.flatMap(Random.nextIntBetween(0, slowest / 3), (ms) => Effect.sleep(ms));
  for (let turn = 0, names = 0; turn < 25; turn++) {
    const choice = yield* Random.next;
    const victim = Math.floor((yield* Random.next) * running.length);
    if (running.length < 2 || choice < 0.3) {
      const options = { sessionTimeout: 2_000, rebalanceTimeout: 4_000, metadataMaxAge: 3_000 };
      running.push(yield* start(`m${++names}`, options, { revoked, assigned }));
    } else if (choice < 0.4) {
      const [leaver] = running.splice(victim, 1);
      gone.push(leaver);
      yield* Effect.forkScoped(leaver.member.leave);
    } else if (choice < 0.5) {
      const [dead] = running.splice(victim, 1);
      gone.push(dead);
      yield* dead.crash;
    } else if (choice < 0.65) kafka.link.cut(kafka.node);
    else if (choice < 0.7) kafka.node = 3 - kafka.node;
    else if (choice < 0.75) kafka.refuse("ConsumerGroupHeartbeat", ErrorCode.FENCED_MEMBER_EPOCH);
    else if (choice < 0.8) kafka.refuse("ConsumerGroupHeartbeat", ErrorCode.COORDINATOR_LOAD_IN_PROGRESS);
    else if (choice < 0.85) slowest = 6_000;
    else if (choice < 0.9) {
      kafka.link.down.add(kafka.node);
      kafka.link.cut(kafka.node);
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 4_000));
      kafka.link.down.clear();
    } else slowest = 300;
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 1_500));
  }
  rate = 0;
  slowest = 100;
  yield* Effect.sleep(20_000);
  const loads = running.map(count);
  const epochs = running.map(({ member }) => kafka.epoch - member.membership.generation);
  for (const { member } of running) yield* member.leave;
  const told = [...running, ...gone].flatMap(({ events }) => events);
  const left = { seats: kafka.seats.size, holders: holders.size };
  return { wrong: [...wrong], loads, epochs, assigned: told.filter((event) => /^assigned/.test(event)).length, left };
});

// The world looks at what went wrong when its scope ends: here that is to be told with the seed.
const scheduled = Effect.gen(function* () {
  const scope = Scope.makeUnsafe();
  const end = yield* Scope.provide(turmoil, scope);
  yield* Effect.exit(Scope.close(scope, Exit.void));
  return end;
}).pipe(Effect.provide(Logger.layer([])));

Deno.test("members of the newer protocol under 20 schedules of faults never hold a partition twice, and settle evenly", () => {
  let assigned = 0;
  for (let seed = 0; seed < 20; seed++) {
    const end = new VirtualTime(seed).run(scheduled);
    assertEquals(end.wrong, [], `seed ${seed}`);
    assertEquals(end.loads.reduce((sum, load) => sum + load, 0), 13, `seed ${seed}: ${end.loads}`);
    assert(Math.max(...end.loads) - Math.min(...end.loads) <= 1, `seed ${seed}: ${end.loads}`);
    assert(end.epochs.every((behind) => behind === 0), `seed ${seed}: ${end.epochs}`);
    assertEquals(end.left, { seats: 0, holders: 0 }, `seed ${seed}`);
    assigned += end.assigned;
  }
  assert(assigned > 200, `${assigned}`);
});
