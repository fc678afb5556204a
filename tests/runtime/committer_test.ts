import { Clock, Effect } from "effect";
import { actor } from "../../src/actor.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { error } from "../../src/link/embedded/faults.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { assert, assertEquals } from "../assert.ts";
import { committed, ids, Placed, publish, start, until, waited, world } from "./systems.ts";

/** Refuses the next commits with these. */
function refuseCommits(kafka: EmbeddedKafka, codes: ReadonlyArray<number>): { readonly left: ReadonlyArray<number> } {
  const left = [...codes];
  kafka.intercept = ({ api }) => {
    const code = api === "OffsetCommit" ? left.shift() : undefined;
    return code === undefined ? null : error(code);
  };
  return { left };
}

Deno.test("a commit that a rebalance holds up is tried again soon, not at the next interval", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const counter = actor({ name: "counter", group: "g", receives: [Placed], receive: () => {} });
    const system = yield* start(kafka, [counter], { commitInterval: 2_000 });
    yield* publish(system, ids(20));
    const { left } = refuseCommits(kafka, [ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.ILLEGAL_GENERATION]);
    yield* until(() => left.length < 2);
    const refused = yield* Clock.currentTimeMillis;
    yield* until(() => committed(kafka, "g") === 20);
    const took = (yield* Clock.currentTimeMillis) - refused;
    assert(took < 1_000, `${took} ms`);
    assertEquals(left, []);
  })));

Deno.test("what is let go in a rebalance is committed although the commit is refused at first", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const seen = new Map<string, number>();
    const counter = actor({
      name: "counter",
      group: "g",
      receives: [Placed],
      receive: ({ id }) => void seen.set(id, (seen.get(id) ?? 0) + 1),
    });
    const one = yield* start(kafka, [counter], { commitInterval: 60_000 });
    yield* publish(one, ids(40));
    yield* until(() => seen.size === 40);
    const { left } = refuseCommits(kafka, [ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.REBALANCE_IN_PROGRESS]);
    const two = yield* start(kafka, [counter], { commitInterval: 60_000 });
    yield* waited(two.whenReady(30_000));
    yield* until(() => two.health().status === "ok" && (kafka.group("g")?.members.length ?? 0) === 2);
    yield* publish(two, ids(40, "later"));
    yield* until(() => seen.size === 80);
    assertEquals(left, []);
    assert([...seen.values()].every((times) => times === 1), "something came twice");
  })));

Deno.test("what is let go is committed although the group can take no commit for seconds", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    let seen = 0;
    const counter = actor({ name: "counter", group: "g", receives: [Placed], receive: () => void seen++ });
    const system = yield* start(kafka, [counter], { commitInterval: 60_000, drainTimeout: 20_000 });
    yield* publish(system, ids(40));
    yield* until(() => seen === 40);
    // A member that led the assignment was killed: until its session is over nobody hears of a new generation.
    const refused = Array.from({ length: 100 }, () => ErrorCode.REBALANCE_IN_PROGRESS);
    const { left } = refuseCommits(kafka, refused);
    yield* waited(system.drain);
    assertEquals(left, []);
    assertEquals(committed(kafka, "g"), 40);
  })));
