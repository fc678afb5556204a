/** An incarnation that was left behind, as it does not end, has nothing to say any more. In virtual time. */
import { Cause, Effect, Schedule } from "effect";
import { actor, type ActorDefinition } from "../../src/actor.ts";
import { OffsetOutOfRange } from "../../src/errors.ts";
import { stop } from "../../src/outcome.ts";
import { Stuck } from "../../src/runtime/crash.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { ended, failureOf, type Gate, gate, Note, note, open, turns } from "./one_partition.ts";

const stuck = new Stuck("it was stuck", false);

/**
 * Whose first receive fails, and its schedule answers, and can be interrupted, only once `late` is open; those of the key
 * "slow" wait for `slow`.
 */
function failing(late: Gate, slow: Gate, received: string[]): ActorDefinition {
  let failures = 0;
  const pause = Effect.suspend(() =>
    failures++ === 0 ? Effect.as(Effect.uninterruptible(Effect.promise(() => late.promise)), 10) : Effect.succeed(10)
  );
  return actor({
    name: "clerk",
    receives: [Note],
    restart: { initial: 10 },
    retry: Schedule.modifyDelay(Schedule.recurs(5), () => pause),
    receive: async ({ key, n }, context) => {
      received.push(`${key}${n}`);
      if (received.length === 1) throw new Error("not yet");
      if (key === "slow") await slow.promise;
      context.publish(Note, { key, n });
    },
  });
}

Deno.test("an incarnation that was left behind while it let go, its work having failed for good, publishes nothing", () =>
  virtual(Effect.gen(function* () {
    const [late, slow] = [gate(), gate()];
    const received: string[] = [];
    const one = yield* open(failing(late, slow, received));
    one.deliver([note("k", 0), note("slow", 1)]);
    yield* turns;
    assertEquals(received, ["k0", "slow1"]);
    // Nothing ends this incarnation but the end of its log: no crash that it would know of.
    one.partition.failed(new OffsetOutOfRange("notes", 0, 1));
    yield* turns;
    assertEquals([one.partition.stage, ended(one)], ["releasing", false]);
    one.partition.abandon(stuck);
    yield* turns;
    assert(ended(one));
    assertMatch((yield* failureOf(one))?.message ?? "", /^clerk on notes\/0@0: notes\/0@1: the log no longer has/);
    slow.open();
    yield* turns;
    late.open();
    yield* advance(100);
    assertEquals([received, one.sender.offered.length], [["k0", "slow1"], 0]);
  })));

Deno.test("an incarnation that was left behind after it was stuck at work leaves its records to the next, once", () =>
  virtual(Effect.gen(function* () {
    const [late, slow] = [gate(), gate()];
    const received: string[] = [];
    const one = yield* open(failing(late, slow, received));
    one.deliver([note("k", 0), note("slow", 1)]);
    yield* turns;
    one.partition.crash(Cause.fail(stuck), one.partition.oldest() ?? undefined);
    yield* turns;
    assertEquals([one.partition.stage, received], ["releasing", ["k0", "slow1"]]);
    one.partition.abandon(stuck);
    yield* advance(20);
    const all = ["k0", "slow1", "k0", "slow1"];
    assertEquals([received, one.sender.offered.length, one.counters.watchdogRestarts], [all, 1, 1]);
    slow.open();
    yield* turns;
    late.open();
    yield* advance(100);
    // Of the two that were slow only the second counts.
    assertEquals([received, one.sender.offered.length], [all, 2]);
    one.sender.settle();
    yield* turns;
    assertEquals(one.partition.position, 2);
  })));

Deno.test("a stop stands, also where the incarnation that asked for it does not let go", () =>
  virtual(Effect.gen(function* () {
    const never = gate();
    let received = 0;
    const clerk = actor({
      name: "clerk",
      receives: [Note],
      resources: () => ({ [Symbol.asyncDispose]: () => never.promise }),
      receive: () => (received++, stop("enough")),
    });
    const one = yield* open(clerk);
    one.deliver([note("k", 0)]);
    yield* turns;
    assertEquals([one.partition.stage, received], ["releasing", 1]);
    one.partition.abandon(stuck);
    yield* advance(200);
    assertMatch((yield* failureOf(one))?.message ?? "", /enough/);
    assertEquals(received, 1);
    never.open();
  })));
