import { Effect, Exit, Fiber, Scope } from "effect";
import type { ConnectionError } from "../../src/errors.ts";
import { ConfigError } from "../../src/errors.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { loadKafkajs } from "../../src/link/kafkajs/internals.ts";
import { type KafkaLinkOptions, linkSettings } from "../../src/link/kafkajs/options.ts";
import { WireConnection } from "../../src/link/kafkajs/wire_connection.ts";
import type { Connection, Role } from "../../src/link/link.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { freePort } from "../../tools/kafka/node.ts";
import { afterVersions, int32, ScriptedBroker, type Visitor } from "./scripted_broker.ts";

type Options = Partial<KafkaLinkOptions> & { readonly role?: Role };

/** Connects to a port of this machine, uses the connection, closes everything. */
function connected<A, E>(
  port: number,
  use: (connection: Connection) => Effect.Effect<A, E, Scope.Scope>,
  { role = "metadata", ...options }: Options = {},
): Promise<A> {
  return Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const link = yield* makeKafkajsLink({ brokers: `127.0.0.1:${port}`, ...options });
    return yield* use(yield* link.connect(link.bootstrap[0], role));
  })));
}

/** Why a connection to this port can't be opened. */
function refusal(port: number, options: Options = {}): Promise<ConnectionError> {
  const { role = "metadata", ...settings } = options;
  return Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const link = yield* makeKafkajsLink({ brokers: `127.0.0.1:${port}`, ...settings });
    return yield* Effect.flip(link.connect(link.bootstrap[0], role));
  })));
}

function assertError(
  error: ConnectionError,
  broker: string,
  reason: ConnectionError["reason"],
  ...says: string[]
): void {
  assertEquals([error._tag, error.broker, error.reason], ["ConnectionError", broker, reason], error.message);
  assertStringIncludes(error.message, broker);
  for (const text of says) assertStringIncludes(error.message, text);
}

/** One request of which any answer would do. */
const coordinator = (connection: Connection, timeout?: number) =>
  connection.call("FindCoordinator", { key: "group", keyType: 0 }, timeout);

/** A FindCoordinator answer: no error, node 7 at h:9. */
const coordinatorAnswer = [...int32(0), 0, 0, 0xff, 0xff, ...int32(7), 0, 1, 104, ...int32(9)];

const never = () => {};

Deno.test("connect is refused where nobody listens", async () => {
  const port = freePort();
  assertError(await refusal(port), `127.0.0.1:${port}`, "refused");
});

Deno.test("connect to a broker that says nothing times out and says at which point", async () => {
  await using broker = new ScriptedBroker(never);
  assertError(await refusal(broker.port, { connectionTimeout: 80 }), broker.name, "timeout", "80 ms", "versions");
  await broker.deserted();
});

Deno.test("connect to a web server says that it is no Kafka", async () => {
  const web = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hello"));
  const error = await refusal(web.addr.port);
  await web.shutdown();
  assertError(error, `127.0.0.1:${web.addr.port}`, "malformed", '"HTTP"', "no Kafka");
});

Deno.test("connect without TLS to a port that speaks TLS says so", async () => {
  await using broker = new ScriptedBroker(never, (visitor) => visitor.send(0x15, 3, 3, 0, 2, 2, 40));
  assertError(await refusal(broker.port), broker.name, "tls", "speaks TLS");
});

Deno.test("connect with TLS to a port that doesn't speak it blames TLS", async () => {
  await using broker = new ScriptedBroker(never, (visitor) => visitor.send(1, 2, 3, 4, 5, 6, 7, 8));
  assertError(await refusal(broker.port, { ssl: true }), broker.name, "tls", "TLS");
});

Deno.test("connect to a broker that closes at once says closed", async () => {
  await using broker = new ScriptedBroker(never, (visitor) => visitor.close());
  assertError(await refusal(broker.port), broker.name, "closed");
});

Deno.test("connect refuses whatever is not the versions", async () => {
  const garbage: Record<string, (visitor: Visitor, id: number) => unknown> = {
    "an answer of 2147483647 bytes": (visitor) => visitor.send(0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1),
    "an answer of 4294967295 bytes": (visitor) => visitor.send(0xff, 0xff, 0xff, 0xff),
    "an answer of 3 bytes": (visitor) => visitor.send(0, 0, 0, 3, 1, 2, 3),
    "never asked": (visitor, id) => visitor.answer(id + 41, [0, 0, 0, 0, 0, 0]),
    "ApiVersions: 9 elements": (visitor, id) => visitor.answer(id, [0, 0, 0, 0, 0, 9]),
    "error 35": (visitor, id) => visitor.answer(id, [0, 35, 0, 0, 0, 0]),
  };
  for (const [says, send] of Object.entries(garbage)) {
    await using broker = new ScriptedBroker(({ correlationId }, visitor) => send(visitor, correlationId));
    assertError(await refusal(broker.port), broker.name, "malformed", says);
    await broker.deserted();
  }
});

Deno.test("connect refuses a broker that lacks what the role needs, and names it", async () => {
  await using old = new ScriptedBroker(afterVersions(never, 2));
  const needs = {
    metadata: "Metadata",
    group: "JoinGroup",
    offsets: "OffsetCommit",
    fetch: "Fetch",
    produce: "Produce",
  };
  for (const [role, api] of Object.entries(needs)) {
    assertError(await refusal(old.port, { role: role as Role }), old.name, "unsupported", api, "0 to 2");
  }
});

Deno.test("connect ends its socket when it is interrupted", async () => {
  const visited = Promise.withResolvers<void>();
  await using broker = new ScriptedBroker(never, () => visited.resolve());
  const abort = new AbortController();
  const running = Effect.runPromiseExit(
    Effect.scoped(Effect.gen(function* () {
      const link = yield* makeKafkajsLink({ brokers: broker.name });
      yield* link.connect(link.bootstrap[0], "fetch");
    })),
    { signal: abort.signal },
  );
  await visited.promise;
  abort.abort();
  assert(Exit.hasInterrupts(await running));
  await broker.deserted();
});

Deno.test("call gives the answer of its own request, in whatever order the answers come", async () => {
  const ids: Array<number> = [];
  await using broker = new ScriptedBroker(afterVersions(async ({ correlationId }, visitor) => {
    ids.push(correlationId);
    if (ids.length < 3) return;
    for (const id of ids.toReversed()) {
      await visitor.answer(
        id,
        coordinatorAnswer.with(9, 10 + ids.indexOf(id)).with(8, 0).with(11, 7 + ids.indexOf(id)),
      );
    }
  }));
  const answers = await connected(
    broker.port,
    (connection) => Effect.all([1, 2, 3].map(() => coordinator(connection)), { concurrency: "unbounded" }),
  );
  assertEquals(answers.map(({ host, port }) => [host, port]), [["h", 9], ["h", 9], ["h", 9]]);
  assertEquals(new Set(answers.map(({ nodeId }) => nodeId)).size, 3);
});

Deno.test("call is on the wire before it suspends, in the order of the calls", async () => {
  await using broker = new ScriptedBroker(
    afterVersions(({ correlationId }, visitor) => visitor.answer(correlationId, coordinatorAnswer)),
  );
  const keys = Array.from({ length: 50 }, (_, i) => `group-${i}`);
  await connected(broker.port, (connection) =>
    Effect.gen(function* () {
      const calls = keys.map((key) => connection.call("FindCoordinator", { key, keyType: 0 }));
      const fibers = [];
      for (const call of calls) fibers.push(yield* Effect.forkChild(call, { startImmediately: true }));
      yield* Fiber.awaitAll(fibers);
    }));
  const text = new TextDecoder();
  const seen = broker.received.slice(1).map(({ frame }) => /group-\d+/.exec(text.decode(frame))?.[0]);
  assertEquals(seen, keys);
});

Deno.test("call takes an answer that comes byte by byte", async () => {
  await using broker = new ScriptedBroker(afterVersions(async ({ correlationId }, visitor) => {
    const bytes = [...int32(4 + coordinatorAnswer.length), ...int32(correlationId), ...coordinatorAnswer];
    for (const byte of bytes) {
      await visitor.send(byte);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }));
  assertEquals((await connected(broker.port, coordinator)).port, 9);
});

Deno.test("call without an answer in time fails and closes the connection", async () => {
  await using broker = new ScriptedBroker(afterVersions(never));
  await connected(broker.port, (connection) =>
    Effect.gen(function* () {
      const other = yield* Effect.forkChild(Effect.flip(coordinator(connection)), { startImmediately: true });
      assertError(yield* Effect.flip(coordinator(connection, 50)), broker.name, "timeout", "FindCoordinator", "50 ms");
      assertEquals(connection.isOpen(), false);
      assertError(yield* Fiber.join(other), broker.name, "closed", "50 ms");
      assertError(yield* Effect.flip(coordinator(connection)), broker.name, "closed");
      yield* Effect.promise(() => broker.deserted());
    }));
});

Deno.test("call takes requestTimeout where it is told nothing else", async () => {
  await using broker = new ScriptedBroker(afterVersions(never));
  const error = await connected(broker.port, (connection) => Effect.flip(coordinator(connection)), {
    requestTimeout: 40,
  });
  assertError(error, broker.name, "timeout", "40 ms");
});

Deno.test("calls under way fail when the broker closes, also in the midst of an answer", async () => {
  for (const part of [[], [0, 0], [0, 0, 0, 40, 0, 0, 0, 1, 5]]) {
    await using broker = new ScriptedBroker(afterVersions(async (_, visitor) => {
      await visitor.send(...part);
      visitor.close();
    }));
    await connected(broker.port, (connection) =>
      Effect.gen(function* () {
        const errors = yield* Effect.all([1, 2].map(() => Effect.flip(coordinator(connection))), {
          concurrency: "unbounded",
        });
        for (const error of errors) assertError(error, broker.name, "closed");
        assertEquals(connection.isOpen(), false);
      }));
  }
});

Deno.test("call refuses an answer that is none, and closes the connection", async () => {
  const answers: Record<string, (visitor: Visitor, id: number) => unknown> = {
    "an answer of 134217729 bytes": (visitor) => visitor.send(8, 0, 0, 1),
    "an answer of 2147483647 bytes": (visitor) => visitor.send(0x7f, 0xff, 0xff, 0xff),
    "never asked": (visitor, id) => visitor.answer(id + 1, coordinatorAnswer),
    "FindCoordinator: 4 bytes wanted": (visitor, id) => visitor.answer(id, coordinatorAnswer.slice(0, -1)),
    "FindCoordinator: 1 bytes too many": (visitor, id) => visitor.answer(id, [...coordinatorAnswer, 0]),
  };
  for (const [says, send] of Object.entries(answers)) {
    await using broker = new ScriptedBroker(
      afterVersions(({ correlationId }, visitor) => send(visitor, correlationId)),
    );
    await connected(broker.port, (connection) =>
      Effect.gen(function* () {
        assertError(yield* Effect.flip(coordinator(connection)), broker.name, "malformed", says);
        assertEquals(connection.isOpen(), false);
        yield* Effect.promise(() => broker.deserted());
      }));
  }
});

Deno.test("an answer twice is one that was never asked for", async () => {
  await using broker = new ScriptedBroker(afterVersions(async ({ correlationId }, visitor) => {
    await visitor.answer(correlationId, coordinatorAnswer);
    await visitor.answer(correlationId, coordinatorAnswer);
  }));
  await connected(broker.port, (connection) =>
    Effect.gen(function* () {
      yield* coordinator(connection);
      yield* Effect.promise(() => broker.deserted());
      assertError(yield* Effect.flip(coordinator(connection)), broker.name, "closed", "never asked");
    }));
});

Deno.test("a call that is given up disturbs no other", async () => {
  let first = 0;
  await using broker = new ScriptedBroker(afterVersions(async ({ correlationId }, visitor) => {
    if (first === 0) return void (first = correlationId);
    await visitor.answer(first, coordinatorAnswer);
    await visitor.answer(correlationId, coordinatorAnswer);
  }));
  await connected(broker.port, (connection) =>
    Effect.gen(function* () {
      const given = yield* Effect.forkChild(coordinator(connection), { startImmediately: true });
      yield* Fiber.interrupt(given);
      assertEquals((yield* coordinator(connection)).nodeId, 7);
      assertEquals(connection.isOpen(), true);
    }));
});

Deno.test("produce with acks 0 is answered when it is written", async () => {
  await using broker = new ScriptedBroker(afterVersions(never));
  const request = {
    transactionalId: null,
    acks: 0 as const,
    timeoutMs: 1_000,
    topics: [{ name: "t", partitions: [{ partition: 2, records: Uint8Array.of(1, 2, 3) }] }],
  };
  const answer = await connected(broker.port, (connection) => connection.call("Produce", request), { role: "produce" });
  assertEquals(answer.topics[0].partitions[0], { partition: 2, errorCode: 0, baseOffset: -1, logAppendTimeMs: -1 });
});

Deno.test("close fails what is under way and waits for the socket to be gone; the link's scope closes the rest", async () => {
  await using broker = new ScriptedBroker(afterVersions(never));
  await Effect.runPromise(Effect.gen(function* () {
    const scope = yield* Scope.make();
    const link = yield* Scope.provide(makeKafkajsLink({ brokers: broker.name }), scope);
    const outlives = yield* Scope.make();
    const [a, b] = yield* Effect.all(
      ["fetch", "produce"].map((role) => Scope.provide(link.connect(link.bootstrap[0], role as Role), outlives)),
    );
    const call = yield* Effect.forkChild(Effect.flip(coordinator(a)), { startImmediately: true });
    yield* a.close;
    assertError(yield* Fiber.join(call), broker.name, "closed", "this client");
    assertEquals([a.isOpen(), b.isOpen()], [false, true]);
    yield* a.close;
    yield* Scope.close(scope, Exit.void);
    assertEquals(b.isOpen(), false);
    yield* Effect.promise(() => broker.deserted());
    yield* Scope.close(outlives, Exit.void);
  }));
});

Deno.test("a connection that is closed before it is opened opens no socket", async () => {
  let visitors = 0;
  await using broker = new ScriptedBroker(afterVersions(never), () => visitors++);
  const settings = linkSettings({ brokers: broker.name });
  const make = await loadKafkajs();
  const error = await Effect.runPromise(Effect.gen(function* () {
    const connection = new WireConnection(settings.bootstrap[0], settings, null, make);
    yield* connection.close;
    return yield* Effect.flip(connection.open("metadata"));
  }));
  assertError(error, broker.name, "closed");
  // Whoever connects later is the first.
  await connected(broker.port, () => Effect.void);
  assertEquals(visitors, 1);
});

Deno.test("close ends for all who wait for it at the same time", async () => {
  await using broker = new ScriptedBroker(afterVersions(never));
  await connected(
    broker.port,
    (connection) =>
      Effect.all([connection.close, connection.close, connection.close], { concurrency: "unbounded" }).pipe(
        Effect.timeoutOption(5_000),
        Effect.map((closed) => assertEquals(closed._tag, "Some", "one of them waits for ever")),
      ),
  );
});

Deno.test("makeKafkajsLink refuses wrong options and names them", async () => {
  const wrong: ReadonlyArray<readonly [KafkaLinkOptions, string]> = [
    [{ brokers: "" }, "brokers"],
    [{ brokers: " , " }, "brokers"],
    [{ brokers: "host:0" }, "brokers"],
    [{ brokers: "host:65536" }, "brokers"],
    [{ brokers: "host:port" }, "brokers"],
    [{ brokers: ["http://host:1"] }, "brokers"],
    [{ brokers: "::1" }, "brokers"],
    [{ brokers: "h", connectionTimeout: 0 }, "connectionTimeout"],
    [{ brokers: "h", requestTimeout: Number.NaN }, "requestTimeout"],
  ];
  for (const [options, field] of wrong) {
    const error = await Effect.runPromise(Effect.scoped(Effect.flip(makeKafkajsLink(options))));
    assert(error instanceof ConfigError);
    assertStringIncludes(error.message, field);
  }
});

Deno.test("makeKafkajsLink takes brokers as a list or a text, with and without ports", async () => {
  const link = await Effect.runPromise(Effect.scoped(makeKafkajsLink({ brokers: "a, b:1 ,[::1]:2,10.0.0.1" })));
  assertEquals(link.bootstrap.map(({ host, port }) => [host, port]), [["a", 9092], ["b", 1], ["::1", 2], [
    "10.0.0.1",
    9092,
  ]]);
  assertEquals(link.name, "a:9092,b:1,::1:2,10.0.0.1:9092");
});
