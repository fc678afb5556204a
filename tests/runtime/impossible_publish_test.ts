import { Effect } from "effect";
import { z } from "zod";
import { actor } from "../../src/actor.ts";
import { event } from "../../src/event.ts";
import { ActorFailed } from "../../src/errors.ts";
import { TestSystem } from "../../src/testing/test_system.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { publishError } from "./fake_sender.ts";
import { Echo, failureOf, Note, notes, open } from "./one_partition.ts";

const Asked = event({ name: "Asked", topic: "asked", schema: z.object({ id: z.string() }), key: (asked) => asked.id });
const Told = event({ name: "Told", topic: "told", schema: z.object({ id: z.string(), text: z.string() }) });

/** Publishes what can't be published for ids that begin with "bad". */
const teller = (way: "large" | "partition", asynchronous: boolean) =>
  actor({
    name: "teller",
    receives: [Asked],
    publishes: [Told],
    receive: ({ id }, context) => {
      const bad = id.startsWith("bad");
      const text = bad && way === "large" ? "x".repeat(1_100_000) : "";
      const publish = () => context.publish(Told, { id, text }, bad && way === "partition" ? { partition: 99 } : {});
      return asynchronous ? Effect.map(Effect.yieldNow, publish) : publish();
    },
  });

for (const way of ["large", "partition"] as const) {
  for (const asynchronous of [false, true]) {
    const how = `${way === "large" ? "too large" : "for no partition"}${asynchronous ? ", from an Effect" : ""}`;
    Deno.test(`a message whose publish is ${how} becomes a dead letter, and the rest goes on`, async () => {
      await using test = await TestSystem.start({
        actors: [teller(way, asynchronous)],
        partitions: 1,
        logLevel: "none",
      });
      const ids = ["a", "bad-1", "b", "bad-2", "bad-3", "bad-1", "c"];
      for (const id of ids) await test.publish(Asked, { id });
      await test.handled();
      assertEquals(test.system.state, "running");
      const letters = await test.deadLetters("asked", { count: 4 });
      assertEquals(letters.map(({ reason }) => reason), Array(4).fill("killed-actor"));
      // The end of one cuts short what others are at.
      for (const { attempts } of letters) assert(asynchronous ? attempts >= 3 : attempts === 3, `${attempts} attempts`);
      for (const { error } of letters) {
        assertStringIncludes(error, way === "large" ? "RECORD_TOO_LARGE" : "UNKNOWN_PARTITION");
      }
      const told = await test.expect(Told, { count: 3 });
      assertEquals([...new Set(told.map(({ message }) => message.id))].sort(), ["a", "b", "c"]);
    });
  }
}

Deno.test("a message whose publish the broker refuses as too large becomes a dead letter", async () => {
  await using test = await TestSystem.start({
    actors: [teller("large", false)],
    partitions: 1,
    logLevel: "none",
    producer: { batchBytes: 4_000_000 },
  });
  for (const id of ["a", "bad-1", "b"]) await test.publish(Asked, { id });
  await test.handled();
  const [{ reason, error }] = await test.deadLetters("asked", { count: 1 });
  assertEquals(reason, "killed-actor");
  assertStringIncludes(error, "RECORD_TOO_LARGE");
});

Deno.test("a topic that may not be written to ends the system, and no record is given up for it", () =>
  virtual(Effect.gen(function* () {
    const one = yield* open(actor({
      name: "a",
      receives: [Note],
      receive: ({ n }, context) => context.publish(Echo, `${n}`),
    }));
    one.sender.refuses = ({ topic }) => topic === "out" ? publishError("TOPIC_AUTHORIZATION_FAILED") : null;
    one.deliver(notes(5));
    yield* advance(60_000, 50);
    const error = yield* failureOf(one);
    assert(error instanceof ActorFailed);
    assertStringIncludes(error.message, "TOPIC_AUTHORIZATION_FAILED");
    assertEquals(one.sender.values("notes.dlt"), []);
  })));
