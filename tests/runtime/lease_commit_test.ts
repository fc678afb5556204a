/** Commits while it is in doubt whose a partition is, and a whole system that was frozen. */
import { Clock, Effect } from "effect";
import { actor } from "../../src/actor.ts";
import type { Membership, Offsets, OffsetToCommit } from "../../src/client/port.ts";
import { event } from "../../src/event.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { never } from "../../src/link/embedded/faults.ts";
import { Committer } from "../../src/runtime/committer.ts";
import { assert, assertEquals } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { frozenClock } from "./frozen_clock.ts";
import { Note, notes, open, turns } from "./one_partition.ts";
import { committed, ids, Placed, publish, start, until, waited, world } from "./systems.ts";

/** Offsets that take what is held when it is asked for. */
function takingOffsets(): { readonly offsets: Offsets; readonly commits: Array<ReadonlyArray<OffsetToCommit>> } {
  const commits: Array<ReadonlyArray<OffsetToCommit>> = [];
  const commit = (_: Membership, all: ReadonlyArray<OffsetToCommit>, held = (_: OffsetToCommit) => true) =>
    Effect.sync(() => void commits.push(all.filter(held)));
  const offsets: Offsets = { commit, committed: () => Effect.succeed([]), list: () => Effect.succeed([]) };
  return { offsets, commits };
}

Deno.test("commit() leaves out what is in doubt, does not take it for committed, and comes back for it soon", () =>
  virtual(Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const definition = actor({ name: "a", receives: [Note], receive: () => {} });
    const [sure, doubtful] = [yield* open(definition), yield* open(definition)];
    for (const one of [sure, doubtful]) one.deliver(notes(3));
    yield* turns;
    doubtful.membership.deadline = -Infinity;
    const { offsets, commits } = takingOffsets();
    const committer = new Committer(offsets, sure.membership, () => true, clock);
    const fiber = yield* Effect.forkScoped(committer.commit([sure.partition, doubtful.partition]));
    yield* advance(10);
    assertEquals(commits.map((all) => all.length), [1]);
    assertEquals([sure.partition.lastCommitted, doubtful.partition.lastCommitted], [3, null]);
    assert(committer.standing() !== null, "something is still to be committed");
    doubtful.membership.deadline = Infinity;
    yield* advance(100);
    assertEquals(doubtful.partition.lastCommitted, 3);
    assert(fiber.pollUnsafe() !== undefined);
    assertEquals(committer.standing(), null);
  })));

Deno.test("a commit that gets no answer leaves time for another one in the same drain", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const seen: string[] = [];
    const counter = actor({ name: "counter", group: "g", receives: [Placed], receive: ({ id }) => void seen.push(id) });
    const settings = { commitInterval: 60_000, drainTimeout: 10_000, sessionTimeout: 6_000 };
    const system = yield* start(kafka, [counter], settings);
    yield* publish(system, ids(20));
    yield* until(() => seen.length === 20);
    let silent = 0;
    kafka.intercept = ({ api }) => api === "OffsetCommit" && silent++ === 0 ? never : null;
    yield* waited(system.drain);
    assertEquals([silent >= 2, committed(kafka, "g")], [true, 20]);
  })));

const Echoed = event({ name: "Echoed", topic: "echoes", schema: Placed.schema, key: ({ id }) => id });

for (const groupProtocol of ["classic", "consumer"] as const) {
  Deno.test(`a system that wakes up first asks its group whether it is still in it: ${groupProtocol}`, () =>
    world(Effect.gen(function* () {
      const kafka = new EmbeddedKafka();
      const process = frozenClock(yield* Clock.Clock);
      let begun = 0;
      const worker = actor({
        name: "worker",
        group: "g",
        receives: [Placed],
        publishes: [Echoed],
        concurrency: 2,
        retry: { times: 1, initial: 50 },
        receive: ({ id }, context) => {
          begun++;
          if (id.endsWith("7")) return Effect.fail(new Error("never"));
          context.publish(Echoed, { id });
          return Effect.sleep(100);
        },
      });
      const settings = { groupProtocol, producer: { linger: 20 }, commitInterval: 50, sessionTimeout: 6_000 };
      const system = yield* Effect.provideService(start(kafka, [worker], settings), Clock.Clock, process.clock);
      yield* waited(system.whenReady(30_000));
      const asked: string[] = [];
      kafka.intercept = ({ api }) => {
        asked.push(api);
        return null;
      };
      // Publishing by itself is under no lease: that is over before.
      yield* publish(system, ids(150));
      yield* until(() => begun > 30);
      assert(asked.includes("OffsetCommit") && begun < 150, `${begun} begun`);
      for (let freezes = 0; freezes < 8; freezes++) {
        for (let turns = 0; turns < freezes * 3; turns++) yield* Effect.yieldNow;
        process.freeze(20_000);
        asked.length = 0;
        const before = begun;
        yield* until(() => asked.some((api) => api.endsWith("Heartbeat")));
        const first = asked.findIndex((api) => api.endsWith("Heartbeat"));
        assertEquals(asked.slice(0, first).filter((api) => api === "Produce" || api === "OffsetCommit"), []);
        assertEquals(begun, before);
        yield* until(() => begun > before || committed(kafka, "g") === 150);
      }
      yield* until(() => committed(kafka, "g") === 150);
    })));
}
