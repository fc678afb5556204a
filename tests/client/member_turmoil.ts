/**
 * Members of a group come, go and die while requests are lost, by a seed.
 * @module
 */
import { Effect, Exit, Logger, Random, Scope } from "effect";
import { ConnectionError } from "../../src/errors.ts";
import type { ConfigError } from "../../src/errors.ts";
import type { Link } from "../../src/link/link.ts";
import type { ApiName } from "../../src/link/protocol.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";
import type { GroupWorld, GroupWorldOptions, Running } from "./group_world.ts";
import type { ScriptedLink } from "./scripted_link.ts";

/** What the small coordinators of both protocols let a test do. */
export interface Troubled {
  readonly link: ScriptedLink;
  readonly seats: ReadonlyMap<string, unknown>;
  node: number;
  refuse(api: ApiName, errorCode: number): void;
}

/** How hard it gets. */
export interface Turmoil<Kafka, Options> {
  readonly world: (
    topics: Record<string, number>,
    options: GroupWorldOptions<Kafka>,
  ) => Effect.Effect<GroupWorld<Kafka, Options>, ConfigError, Scope.Scope>;
  readonly prepare?: (kafka: Kafka) => void;
  readonly options: Partial<Options>;
  /** Share of the requests that are lost, and of the answers. */
  readonly lost: number;
  /** Most milliseconds a request takes, and its answer. */
  readonly slow: number;
  /** What the coordinator refuses now and then. */
  readonly refusals: readonly [ApiName, number, ApiName, number];
  /** The coordinator's count of assignments. */
  readonly generation: (kafka: Kafka) => number;
}

/** What came of it. */
export interface Aftermath {
  readonly wrong: ReadonlyArray<string>;
  /** Partitions of each member when all was quiet. */
  readonly loads: ReadonlyArray<number>;
  /** How far each member's generation was behind then. */
  readonly behind: ReadonlyArray<number>;
  /** How often partitions were assigned. */
  readonly assigned: number;
  /** What was left when all had gone. */
  readonly left: { readonly seats: number; readonly holders: number };
}

/** The same link with slow requests, of which a few get lost on the way or lose their answer. */
function faulty(link: Link, rate: () => number, slow: number): Link {
  const takesTime = Effect.flatMap(Random.nextIntBetween(0, slow), (ms) => Effect.sleep(ms));
  return {
    ...link,
    connect: (address, role) =>
      Effect.map(link.connect(address, role), (connection) => ({
        ...connection,
        call: (api, request, timeout) =>
          Effect.gen(function* () {
            yield* takesTime;
            const chance = yield* Random.next;
            const lost = new ConnectionError("faulty", "closed", "lost");
            if (chance < rate()) return yield* Effect.andThen(connection.close, Effect.fail(lost));
            const answer = yield* connection.call(api, request, timeout);
            if (chance > 1 - rate()) return yield* Effect.andThen(connection.close, Effect.fail(lost));
            yield* takesTime;
            return answer;
          }),
      })),
  };
}

const schedule = Effect.fnUntraced(function* <Kafka extends Troubled, Options>(turmoil: Turmoil<Kafka, Options>) {
  let rate = turmoil.lost;
  let slowest = 300;
  const through = (link: Link) => faulty(link, () => rate, turmoil.slow);
  const { kafka, wrong, count, holders, start } = yield* turmoil.world({ orders: 9, payments: 4 }, { through });
  turmoil.prepare?.(kafka);
  const running: Array<Running> = [];
  const gone: Array<Running> = [];
  const taking = (most: () => number) => () =>
    Effect.flatMap(Random.nextIntBetween(0, most()), (ms) => Effect.sleep(ms));
  const listener = { revoked: taking(() => slowest), assigned: taking(() => slowest / 3) };
  const [first, firstCode, second, secondCode] = turmoil.refusals;
  for (let turn = 0, names = 0; turn < 25; turn++) {
    const choice = yield* Random.next;
    const victim = Math.floor((yield* Random.next) * running.length);
    if (running.length < 2 || choice < 0.3) {
      running.push(yield* start(`m${++names}`, turmoil.options, listener));
    } else if (choice < 0.5) {
      const [leaver] = running.splice(victim, 1);
      gone.push(leaver);
      yield* choice < 0.4 ? Effect.forkScoped(leaver.member.leave) : leaver.crash;
    } else if (choice < 0.65) kafka.link.cut(kafka.node);
    else if (choice < 0.7) kafka.node = 3 - kafka.node;
    else if (choice < 0.75) kafka.refuse(first, firstCode);
    else if (choice < 0.8) kafka.refuse(second, secondCode);
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
  const loads = running.map(({ name }) => count(name));
  const generation = turmoil.generation(kafka);
  yield* Effect.sleep(5_000);
  const behind = running.map(({ member }) => generation - member.membership.generation);
  for (const { member } of running) yield* member.leave;
  const told = [...running, ...gone].flatMap(({ events }) => events);
  const assigned = told.filter((event) => event.startsWith("assigned")).length;
  const left = { seats: kafka.seats.size, holders: holders.size };
  return { wrong: [...wrong], loads, behind, assigned, left };
});

/** Runs the schedule of a seed. What went wrong is answered: the world's own look at it would not name the seed. */
export function suffer<Kafka extends Troubled, Options>(seed: number, turmoil: Turmoil<Kafka, Options>): Aftermath {
  const scheduled = Effect.gen(function* () {
    const scope = Scope.makeUnsafe();
    const end = yield* Scope.provide(schedule(turmoil), scope);
    yield* Effect.exit(Scope.close(scope, Exit.void));
    return end;
  });
  return new VirtualTime(seed).run(Effect.provide(scheduled, Logger.layer([])));
}
