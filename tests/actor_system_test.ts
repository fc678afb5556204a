import { Context, Effect, Layer } from "effect";
import { z } from "zod";
import { actor, ActorSystem, type Broker, ConfigError, embedded, event, operations, stop } from "@troupe/troupe";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "./assert.ts";

const Placed = event({ name: "Placed", topic: "orders", schema: z.object({ id: z.string() }), key: (o) => o.id });
const Taken = event({ name: "Taken", topic: "taken", schema: z.object({ id: z.string() }), key: (o) => o.id });
const quiet = { logLevel: "none", partitions: 2 } as const;

/** What `console.error` is given while `body` runs. */
async function complaints(body: () => Promise<void>): Promise<string[]> {
  const { error } = console;
  const lines: string[] = [];
  console.error = (line: string) => void lines.push(line);
  try {
    await body();
  } finally {
    console.error = error;
  }
  return lines;
}

Deno.test("ActorSystem.start() gives a system whose actors receive what it publishes, until it is disposed of", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const clerk = actor({
    name: "clerk",
    receives: [Placed],
    publishes: [Taken],
    receive: ({ id }, context) => context.publish(Taken, { id }),
  });
  const reader = actor({ name: "reader", receives: [Taken], receive: ({ id }) => resolve(id) });
  let system: ActorSystem;
  {
    await using started = await ActorSystem.start({ ...quiet, actors: [clerk, reader], broker: embedded() });
    system = started;
    assertEquals(await system.whenReady(), true);
    const { topic, offset } = await system.publish(Placed, { id: "o-1" });
    assertEquals([topic, offset], ["orders", 0]);
    assertEquals(await promise, "o-1");
  }
  assertEquals([system.state, system.health().live], ["stopped", false]);
  await system.ended;
});

Deno.test("ActorSystem.stop() gives the same report however often it is asked", async () => {
  const system = await ActorSystem.start({ ...quiet, actors: [], broker: embedded() });
  const [first, second] = await Promise.all([system.stop(), system.stop()]);
  assertEquals(first.unfinished, []);
  assertEquals(first, second);
  await assertRejects(() => system.publish(Placed, { id: "late" }), Error, "STOPPED");
});

Deno.test("ActorSystem.start() provides the services that handlers require by its layer", async () => {
  interface Till {
    readonly put: (id: string) => Effect.Effect<void>;
  }
  const Till: Context.Service<Till, Till> = Context.Service<Till>("test/Till");
  const { promise, resolve } = Promise.withResolvers<string>();
  const clerk = actor({
    name: "clerk",
    receives: [Placed],
    receive: ({ id }) => Effect.flatMap(Effect.context<Till>(), (context) => Context.get(context, Till).put(id)),
  });
  const released: string[] = [];
  const layer = Layer.effect(
    Till,
    Effect.acquireRelease(
      Effect.succeed<Till>({ put: (id) => Effect.sync(() => resolve(id)) }),
      () => Effect.sync(() => void released.push("till")),
    ),
  );
  {
    await using system = await ActorSystem.start({ ...quiet, actors: [clerk], broker: embedded(), layer });
    await system.publish(Placed, { id: "o-1" });
    assertEquals(await promise, "o-1");
    assertEquals(released, []);
  }
  assertEquals(released, ["till"]);
});

Deno.test("ActorSystem.start() acquires services in order and releases them in reverse, after the drain", async () => {
  const notes: string[] = [];
  const service = (name: string) => (system: ActorSystem) => {
    notes.push(`${name} acquired, ${system.state}`);
    return { [Symbol.dispose]: () => void notes.push(`${name} released, ${system.state}`) };
  };
  const scoped = (_system: ActorSystem) =>
    Effect.acquireRelease(
      Effect.sync(() => notes.push("c acquired")),
      () => Effect.sync(() => notes.push("c released")),
    );
  const promised = async (system: ActorSystem) => await Promise.resolve(service("b")(system));
  const services = [service("a"), promised, scoped];
  {
    await using _ = await ActorSystem.start({ ...quiet, actors: [], broker: embedded(), services });
  }
  assertEquals(notes.map((note) => note.replace(/starting|running/, "up")), [
    "a acquired, up",
    "b acquired, up",
    "c acquired",
    "c released",
    "b released, draining",
    "a released, draining",
  ]);
});

Deno.test("ActorSystem.start() rejects with a ConfigError and leaves nothing running when something is wrong", async () => {
  const notes: string[] = [];
  const broker = embedded();
  const clerk = actor({ name: "clerk", receives: [Placed], receive: () => {} });
  const first = () => ({ [Symbol.dispose]: () => void notes.push("released") });
  const wrong = () => {
    throw new ConfigError("PORT", "in use");
  };
  const rows: ReadonlyArray<readonly [() => Promise<unknown>, message: string]> = [
    [() => ActorSystem.start({ ...quiet, actors: [clerk, clerk], broker }), 'actors: two actors are called "clerk"'],
    [() => ActorSystem.start({ ...quiet, actors: [], broker, partitions: 0 }), "partitions: "],
    [() => ActorSystem.start({ ...quiet, actors: [], broker, ...{ drainTimout: 5 } }), "drainTimout: no such option"],
    [() => ActorSystem.start({ ...quiet, actors: [], broker: {} as Broker }), "broker: expected kafka"],
    [() => ActorSystem.start({ ...quiet, actors: [{}] as never, broker }), "actors: expected a list of actors"],
    [
      () => ActorSystem.start({ ...quiet, actors: [], broker, logLevel: "loud" as "info" }),
      "logLevel: expected one of",
    ],
    [() => ActorSystem.start({ ...quiet, actors: [clerk], broker, services: [first, wrong] }), "PORT: in use"],
  ];
  for (const [start, message] of rows) await assertRejects(start, ConfigError, message);
  assertEquals(notes, ["released"]);
});

Deno.test("ActorSystem.ended rejects with the reason when the system fails", async () => {
  const clerk = actor({ name: "clerk", receives: [Placed], receive: () => stop("no paper") });
  await using system = await ActorSystem.start({ ...quiet, actors: [clerk], broker: embedded() });
  const ended = system.ended;
  await system.publish(Placed, { id: "o-1" });
  await assertRejects(() => ended, Error, "no paper");
  assertEquals(system.state, "failed");
});

Deno.test("ActorSystem.send() tells its callback where the record stands, or why it does not", async () => {
  await using system = await ActorSystem.start({
    ...quiet,
    actors: [],
    events: [Placed],
    broker: embedded(),
    producer: { deliveryTimeout: 50 },
  });
  await system.whenReady();
  const told = Promise.withResolvers<unknown[]>();
  await system.send(Placed, { id: "o-1" }, (error, { topic, offset }) => told.resolve([error, topic, offset]));
  assertEquals(await told.promise, [null, "orders", 0]);
  const failed = Promise.withResolvers<string | undefined>();
  const Nowhere = event({ name: "Nowhere", topic: "nowhere" });
  await system.send(Nowhere, new Uint8Array(1), (error) => failed.resolve(error?.message));
  assertMatch(await failed.promise ?? "", /^publish to nowhere: UNKNOWN_TOPIC_OR_PARTITION/);
});

Deno.test("ActorSystem.send() logs and counts an error nobody asked for, and survives a callback that throws", async () => {
  const lines = await complaints(async () => {
    await using system = await ActorSystem.start({
      ...quiet,
      logLevel: "error",
      actors: [],
      events: [Placed],
      broker: embedded(),
      producer: { deliveryTimeout: 50 },
    });
    const Nowhere = event({ name: "Nowhere", topic: "nowhere" });
    await system.send(Nowhere, new Uint8Array(1));
    await system.send(Placed, { id: "o-1" }, () => {
      throw new Error("oh no");
    });
    await system.drain();
    assertStringIncludes(system.metrics(), "troupe_sends_failed_total 1\n");
  });
  assert(lines.some((line) => line.includes("publish to nowhere: UNKNOWN_TOPIC_OR_PARTITION")), lines.join("\n"));
  assert(lines.some((line) => line.includes("the callback of a send threw: oh no")), lines.join("\n"));
});

Deno.test("ActorSystem.make() is the system of a scope, with the program's own services and logging", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const clerk = actor({ name: "clerk", receives: [Placed], receive: ({ id }) => Effect.sync(() => resolve(id)) });
  const state = await Effect.runPromise(Effect.gen(function* () {
    const system = yield* Effect.scoped(Effect.gen(function* () {
      const made = yield* ActorSystem.make({ actors: [clerk], broker: embedded(), partitions: 1 });
      yield* Effect.promise(() => made.whenReady());
      yield* made.publishEffect(Placed, { id: "o-1" });
      assertEquals(yield* Effect.promise(() => promise), "o-1");
      return made;
    }));
    return system.state;
  }));
  assertEquals(state, "stopped");
});

Deno.test("operations() answers metrics and health, and leaves other paths to others", async () => {
  const clerk = actor({ name: "clerk", receives: [Placed], receive: () => {} });
  const system = await ActorSystem.start({ ...quiet, actors: [clerk], broker: embedded() });
  await system.whenReady();
  const operate = operations(system);
  const ask = async (path: string, method = "GET") => {
    const answer = operate(new Request(`http://localhost${path}`, { method }));
    return answer && [answer.status, await answer.text()] as const;
  };
  assertEquals(await ask("/order"), undefined);
  assertEquals(await ask("/health/live"), [200, '{"status":"ok","state":"running","reasons":[]}']);
  assertEquals((await ask("/health/ready"))?.[0], 200);
  assertEquals((await ask("/metrics", "POST"))?.[0], 405);
  const metrics = (await ask("/metrics"))?.[1] ?? "";
  assertMatch(metrics, /^troupe_lag_records\{group="clerk",actor="clerk",topic="orders",partition="0"\} 0$/m);
  assertMatch(metrics, /^troupe_messages_total\{actor="clerk",outcome="done"\} 0$/m);
  assertMatch(metrics, /^troupe_dead_letters_total\{actor="clerk",reason="decode"\} 0$/m);
  assertMatch(metrics, /^process_resident_memory_bytes \d+$/m);
  await system.stop();
  assertEquals((await ask("/health/live"))?.[0], 503);
  const ready = await ask("/health/ready");
  assertEquals([ready?.[0], JSON.parse(ready?.[1] ?? "").error], [503, "the system is stopped"]);
});
