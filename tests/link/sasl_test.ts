import { Effect, Fiber, Logger, type Scope } from "effect";
import { TestClock } from "effect/testing";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { SaslFault } from "../../src/link/kafkajs/security/login.ts";
import type { KafkaLinkOptions } from "../../src/link/kafkajs/options.ts";
import { oauthLogin } from "../../src/link/kafkajs/security/sasl_oauthbearer.ts";
import { plainLogin } from "../../src/link/kafkajs/security/sasl_plain.ts";
import { scramLogin } from "../../src/link/kafkajs/security/sasl_scram.ts";
import { saslMechanism } from "../../src/link/kafkajs/security/sasl.ts";
import type { SaslOptions } from "../../src/link/kafkajs/security/security_options.ts";
import type { Connection } from "../../src/link/link.ts";
import { kafka } from "../../src/broker.ts";
import { Authority } from "../../tools/kafka/certificates.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { allVersions, apiVersions, int32, type Received, ScriptedBroker, type Visitor } from "./scripted_broker.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);

// The exchange of RFC 7677, section 3.
const rfc = {
  nonce: "rOprNGfwEbeRWgbNEkqO",
  first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  proof: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  last: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

Deno.test("scramLogin says what RFC 7677's example says", async () => {
  const login = scramLogin("scram-sha-256", "user", "pencil", rfc.nonce);
  assertEquals(text(await login.next(bytes(""))), rfc.first);
  assertEquals(text(await login.next(bytes(rfc.challenge))), rfc.proof);
  assertEquals(await login.next(bytes(rfc.last)), null);
});

Deno.test("scramLogin refuses a broker that does not know the password, or asks for what it should not", async () => {
  const challenges: Readonly<Record<string, string>> = {
    "nonce": rfc.challenge.replace("rOpr", "rOpx"),
    "is not made of ours": `r=${rfc.nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
    "4095 iterations": rfc.challenge.replace("4096", "4095"),
    "1000001 iterations": rfc.challenge.replace("4096", "1000001"),
    "-4096 iterations": rfc.challenge.replace("4096", "-4096"),
    "no i": rfc.challenge.replace(",i=4096", ""),
    "no r": "e=other-error",
    "not base64": rfc.challenge.replace("W22", "W2*"),
  };
  for (const [says, challenge] of Object.entries(challenges)) {
    const login = scramLogin("scram-sha-256", "user", "pencil", rfc.nonce);
    await login.next(bytes(""));
    await assertRejects(async () => await login.next(bytes(challenge)), SaslFault, says);
  }
  const ends: Readonly<Record<string, string>> = {
    "does not know the password": rfc.last.replace("6rri", "6rrx"),
    "wrong": "v=",
    "no v": "",
    "invalid-proof": "e=invalid-proof",
  };
  for (const [says, end] of Object.entries(ends)) {
    const login = scramLogin("scram-sha-256", "user", "pencil", rfc.nonce);
    await login.next(bytes(""));
    await login.next(bytes(rfc.challenge));
    await assertRejects(async () => await login.next(bytes(end)), SaslFault, says);
  }
});

Deno.test("scramLogin writes a name's commas and equals signs as the RFC wants them, and another nonce each time", async () => {
  const firsts = await Promise.all([1, 2].map(() => scramLogin("scram-sha-512", "a,b=c", "p").next(bytes(""))));
  const [one, other] = firsts.map(text);
  assertStringIncludes(one ?? "", "n,,n=a=2Cb=3Dc,r=");
  assert(one !== other);
});

Deno.test("plainLogin and oauthLogin say their one message; a refused token is acknowledged before it fails", async () => {
  const plain = plainLogin("user", "secret");
  assertEquals([text(await plain.next(bytes(""))), await plain.next(bytes(""))], ["\0user\0secret", null]);
  const good = oauthLogin("t0ken", { logicalCluster: "lkc-1" });
  assertEquals(text(await good.next(bytes(""))), "n,,\x01auth=Bearer t0ken\x01logicalCluster=lkc-1\x01\x01");
  assertEquals(await good.next(bytes("")), null);
  const bad = oauthLogin("t0ken");
  await bad.next(bytes(""));
  assertEquals(text(await bad.next(bytes('{"status":"invalid_token"}'))), "\x01");
  await assertRejects(async () => await bad.next(bytes("")), SaslFault, "invalid_token");
});

Deno.test("a token is shared, renewed in the midst of its life, and used to its end while no other can be had", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      let asked = 0;
      let failing = false;
      const { login } = saslMechanism({
        mechanism: "oauthbearer",
        token: () => {
          asked++;
          if (failing) throw new Error("the token server\nis away");
          return { value: `token-${asked}`, expiresAt: asked * 30_000 + 30_000 };
        },
      });
      const token = Effect.map(login, ({ secrets }) => secrets[0]);
      yield* TestClock.adjust(0);
      const three = yield* Effect.all([token, token, token], { concurrency: "unbounded" });
      assertEquals(three, ["token-1", "token-1", "token-1"]);
      yield* TestClock.adjust(29_999);
      assertEquals(yield* token, "token-1");
      yield* TestClock.adjust(1);
      assertEquals(yield* token, "token-2");
      failing = true;
      yield* TestClock.adjust(59_999);
      assertEquals(yield* token, "token-2");
      yield* TestClock.adjust(1);
      assertEquals((yield* Effect.flip(token)).message, "sasl.token failed: the token server is away");
    }).pipe(Effect.provide(TestClock.layer())),
  ));

Deno.test("a JWT says itself when it runs out; any other token is asked for at each login", async () => {
  const jwt = (exp: number) => `e30.${bytes(JSON.stringify({ exp })).toBase64({ alphabet: "base64url" })}.s`;
  const tokens: Readonly<Record<string, string>> = { "1": jwt(Date.now() / 1_000 + 600), "2": "opaque" };
  for (const [count, value] of Object.entries(tokens)) {
    let asked = 0;
    const { login } = saslMechanism({ mechanism: "oauthbearer", token: () => (asked++, value) });
    await Effect.runPromise(Effect.andThen(login, login));
    assertEquals(asked, Number(count));
  }
});

Deno.test("a password is asked for at each login; one that can't be had is a fault in its own words", async () => {
  const words = ["one", "two", "", new Error("vault is\nsealed")];
  const { login } = saslMechanism({
    mechanism: "plain",
    username: () => Promise.resolve("user"),
    password: () => {
      const word = words.shift() ?? "";
      if (typeof word !== "string") throw word;
      return word;
    },
  });
  for (const expected of ["one", "two"]) assertEquals((await Effect.runPromise(login)).secrets, [expected]);
  for (const says of ["sasl.password gave no text", "sasl.password failed: vault is sealed"]) {
    assertEquals((await Effect.runPromise(Effect.flip(login))).message, says);
  }
});

const handshake = 17;
const authenticate = 36;
const alice = { mechanism: "plain", username: "alice", password: "hush" } as const;

/** The body of a SaslAuthenticate answer. */
function authenticated({ errorCode = 0, message = "", lifetime = 0 }): Array<number> {
  return [...[0, errorCode, 0, message.length], ...bytes(message), ...int32(0), ...int32(0), ...int32(lifetime)];
}

/** A broker that takes logins as Kafka does: between a handshake and the end of its login it hears nothing else. */
class LockedBroker extends ScriptedBroker {
  handshakes = 0;
  logins = 0;
  readonly wrong: string[] = [];

  /** `login` gives the answer to the nth login of all, `call` answers the rest. */
  constructor(
    login: (nth: number) => Array<number> | Promise<Array<number>>,
    call: (request: Received, visitor: Visitor) => unknown = () => {},
  ) {
    const inside = new Set<Visitor>();
    super((request, visitor) => {
      const { key, correlationId } = request;
      if (key === apiVersions) return visitor.answer(correlationId, allVersions());
      if (key === handshake) {
        this.handshakes++;
        inside.delete(visitor);
        return visitor.answer(correlationId, [0, 0, ...int32(0)]);
      }
      if (key === authenticate) {
        // Not awaited: what comes meanwhile has to be seen.
        return void Promise.resolve(login(++this.logins)).then((answer) => {
          inside.add(visitor);
          return visitor.answer(correlationId, answer);
        });
      }
      if (!inside.has(visitor)) this.wrong.push(`request ${key} in the midst of a login`);
      return call(request, visitor);
    });
  }
}

function locked<A, E>(
  broker: ScriptedBroker,
  use: (connection: Connection) => Effect.Effect<A, E, Scope.Scope>,
  sasl: SaslOptions = alice,
  options: Partial<KafkaLinkOptions> = {},
): Promise<A> {
  return Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const link = yield* makeKafkajsLink({ brokers: broker.name, sasl, ...options });
    return yield* use(yield* link.connect(link.bootstrap[0], "metadata"));
  })));
}

/** Why a login fails. */
function refused(broker: ScriptedBroker, sasl: SaslOptions = alice): Promise<string> {
  return Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const link = yield* makeKafkajsLink({ brokers: broker.name, sasl });
    const { reason, message } = yield* Effect.flip(link.connect(link.bootstrap[0], "metadata"));
    assertStringIncludes(message, broker.name);
    return `${reason}: ${message}`;
  })));
}

const coordinator = (connection: Connection) => connection.call("FindCoordinator", { key: "group", keyType: 0 });
const coordinatorAnswer = [...int32(0), 0, 0, 0xff, 0xff, ...int32(7), 0, 1, 104, ...int32(9)];

Deno.test("a session is renewed on its connection, again and again, between requests that never stop", async () => {
  await using broker = new LockedBroker(
    () => authenticated({ lifetime: 1_000 }),
    ({ correlationId }, visitor) => visitor.answer(correlationId, coordinatorAnswer),
  );
  await locked(broker, (connection) => {
    const loop: Effect.Effect<void, unknown> = Effect.suspend(() =>
      broker.logins >= 3 ? Effect.void : Effect.andThen(coordinator(connection), loop)
    );
    return Effect.all([loop, loop, loop], { concurrency: "unbounded" });
  });
  assertEquals(broker.wrong, []);
  assertEquals(broker.received.filter(({ key }) => key === apiVersions).length, 1);
});

Deno.test("an answer that comes in the midst of a login reaches its own request, and what waits goes out in order", async () => {
  const early = Promise.withResolvers<() => Promise<void>>();
  const asked = Promise.withResolvers<void>();
  const proceed = Promise.withResolvers<void>();
  const keys: string[] = [];
  await using broker = new LockedBroker(
    async (nth) => {
      if (nth === 1) return authenticated({ lifetime: 1_000 });
      asked.resolve();
      await proceed.promise;
      return authenticated({});
    },
    ({ correlationId, frame }, visitor) => {
      keys.push(/key-\w/.exec(text(frame) ?? "")?.[0] ?? "");
      const nodeId = keys.length;
      const answer = () => visitor.answer(correlationId, coordinatorAnswer.with(11, nodeId));
      return nodeId === 1 ? early.resolve(answer) : answer();
    },
  );
  const ask = (connection: Connection, key: string) =>
    Effect.map(connection.call("FindCoordinator", { key, keyType: 0 }), ({ nodeId }) => nodeId);
  await locked(broker, (connection) =>
    Effect.gen(function* () {
      const first = yield* Effect.forkChild(ask(connection, "key-a"), { startImmediately: true });
      const answer = yield* Effect.promise(() => early.promise);
      yield* Effect.promise(() => asked.promise);
      const later = ["key-b", "key-c", "key-d"].map((key) => ask(connection, key));
      const fibers = yield* Effect.forEach(later, (call) => Effect.forkChild(call, { startImmediately: true }));
      yield* Effect.promise(answer);
      assertEquals(yield* Fiber.join(first), 1);
      assertEquals([keys.length, connection.isOpen()], [1, true]);
      proceed.resolve();
      assertEquals(yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber)), [2, 3, 4]);
    }));
  assertEquals(keys, ["key-a", "key-b", "key-c", "key-d"]);
  assertEquals(broker.wrong, []);
});

Deno.test("a login that is refused later ends the connection, and what waits for it", async () => {
  const asked = Promise.withResolvers<void>();
  const proceed = Promise.withResolvers<void>();
  await using broker = new LockedBroker(async (nth) => {
    if (nth === 1) return authenticated({ lifetime: 1_000 });
    asked.resolve();
    await proceed.promise;
    return authenticated({ errorCode: 58, message: "rotated" });
  });
  await locked(broker, (connection) =>
    Effect.gen(function* () {
      yield* Effect.promise(() => asked.promise);
      const call = yield* Effect.forkChild(Effect.flip(coordinator(connection)), { startImmediately: true });
      proceed.resolve();
      const error = yield* Fiber.join(call);
      assertEquals([error.reason, connection.isOpen()], ["authentication", false]);
      assertStringIncludes(error.message, "rotated");
      yield* Effect.promise(() => broker.deserted());
    }));
});

Deno.test("who gives passwords may fail for a while: the session goes on, and is renewed when there is one", async () => {
  const passwords = ["hush", new Error("away"), "hush"];
  let asked = 0;
  await using broker = new LockedBroker(
    (nth) => authenticated({ lifetime: nth === 1 ? 1_400 : 0 }),
    ({ correlationId }, visitor) => visitor.answer(correlationId, coordinatorAnswer),
  );
  const password = () => {
    const next = passwords[asked++];
    if (typeof next === "string") return next;
    throw next;
  };
  await locked(broker, (connection) => {
    const loop: Effect.Effect<void, unknown> = Effect.suspend(() =>
      broker.logins >= 2 ? Effect.void : Effect.andThen(coordinator(connection), Effect.delay(loop, 5))
    );
    return loop;
  }, { ...alice, password });
  assertEquals(asked, 3);
});

Deno.test("a broker's refusal is one line, and repeats no secret", async () => {
  const echo = "no such user hush\nor so";
  await using broker = new LockedBroker(() => authenticated({ errorCode: 58, message: echo }));
  const said = await refused(broker);
  assertEquals(said, `authentication: broker ${broker.name}: authentication: PLAIN as "alice": no such user *** or so`);
});

Deno.test("a broker's nonsense in a login is an error that says so", async () => {
  const nonsense: Readonly<Record<string, Array<number>>> = {
    "malformed: SaslAuthenticate: 8 bytes wanted": authenticated({}).slice(0, -1),
    "malformed: SaslAuthenticate: 1 bytes too many": [...authenticated({}), 0],
    "malformed: SaslAuthenticate: 2147483647 bytes wanted": [0, 0, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff],
  };
  for (const [says, answer] of Object.entries(nonsense)) {
    await using broker = new LockedBroker(() => answer);
    assertStringIncludes(await refused(broker), says);
    await broker.deserted();
  }
  await using scram = new LockedBroker(() => authenticated({}));
  assertStringIncludes(await refused(scram, { ...alice, mechanism: "scram-sha-256" }), "has no r");
  const handshakes: Readonly<Record<string, Array<number>>> = {
    "the broker knows GSSAPI, not PLAIN": [0, 33, ...int32(1), 0, 6, ...bytes("GSSAPI")],
    "asks for no login": [0, 34, ...int32(0)],
    "error 35 in answer to the handshake": [0, 35, ...int32(0)],
    "malformed: SaslHandshake": [0, 0, 0xff, 0xff, 0xff, 0],
  };
  for (const [says, answer] of Object.entries(handshakes)) {
    await using broker = new ScriptedBroker(({ key, correlationId }, visitor) =>
      visitor.answer(correlationId, key === apiVersions ? allVersions() : answer)
    );
    assertStringIncludes(await refused(broker), says);
  }
});

Deno.test("a broker that closes in the midst of a login has closed, and is not said to have refused", async () => {
  await using broker = new ScriptedBroker(({ key, correlationId }, visitor) =>
    key === apiVersions ? visitor.answer(correlationId, allVersions()) : visitor.close()
  );
  assertStringIncludes(await refused(broker), "closed: the broker closed the connection in the midst of the login");
});

Deno.test("no look at a broker, a link, a connection or an error shows a secret", async () => {
  const authority = await Authority.make("an authority");
  const ssl = await authority.issue({ name: "a client" });
  const logins: ReadonlyArray<SaslOptions> = [
    alice,
    { ...alice, mechanism: "scram-sha-256" },
    { mechanism: "oauthbearer", token: () => "hush" },
  ];
  await using broker = new LockedBroker(() => authenticated({ errorCode: 58, message: "hush" }));
  await using open = new LockedBroker(() => authenticated({}));
  const shown: unknown[] = [];
  for (const sasl of logins) {
    shown.push(kafka({ brokers: "a:1", ssl, sasl }));
    await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      shown.push(yield* makeKafkajsLink({ brokers: "a:1", ssl, sasl }));
      const link = yield* makeKafkajsLink({ brokers: broker.name, sasl });
      shown.push(link, yield* Effect.flip(link.connect(link.bootstrap[0], "metadata")));
    })));
  }
  await locked(open, (connection) => Effect.sync(() => shown.push(connection)));
  for (const value of shown) {
    const text = Deno.inspect(value, { depth: 50, showHidden: true, getters: true, iterableLimit: Infinity });
    for (const secret of ["hush", "PRIVATE KEY"]) assert(!text.includes(secret), text);
  }
});

Deno.test("a token that is refused is not used again, however long it was to live", async () => {
  const asked: string[] = [];
  await using broker = new LockedBroker((nth) => authenticated({ errorCode: nth === 1 ? 58 : 0, message: "revoked" }));
  const token = () => {
    asked.push(`token-${asked.length + 1}`);
    return { value: asked[asked.length - 1], expiresAt: Date.now() + 3_600_000 };
  };
  await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const link = yield* makeKafkajsLink({ brokers: broker.name, sasl: { mechanism: "oauthbearer", token } });
    const connect = Effect.scoped(link.connect(link.bootstrap[0], "metadata"));
    assertEquals((yield* Effect.flip(connect)).reason, "authentication");
    yield* connect;
    yield* connect;
  })));
  assertEquals(asked, ["token-1", "token-2"]);
});

Deno.test("a password that would go over a wire as it is is warned of", async () => {
  const lines: string[] = [];
  const log = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]);
  const made = (options: KafkaLinkOptions) =>
    Effect.runPromise(Effect.scoped(makeKafkajsLink(options)).pipe(Effect.provide(log)));
  await made({ brokers: "kafka-1,127.0.0.1", ssl: true, sasl: alice });
  await made({ brokers: "kafka-1", sasl: { ...alice, mechanism: "scram-sha-256" } });
  await made({ brokers: "localhost,127.0.0.1:1,[::1]:9", sasl: alice });
  assertEquals(lines, []);
  await made({ brokers: "localhost,kafka-1", sasl: alice });
  assertEquals(lines.map((line) => /^PLAIN without TLS/.test(line)), [true]);
});

Deno.test("a broker that repeats the token it refuses has it repeated nowhere", async () => {
  const token = "t0ken".repeat(30);
  const said = bytes(`{"status":"invalid_token","why":"${"x".repeat(100)}\n${token}"}`);
  await using broker = new LockedBroker((nth) =>
    nth === 1 ? [0, 0, 0xff, 0xff, ...int32(said.length), ...said, ...int32(0), ...int32(0)] : authenticated({})
  );
  const why = await refused(broker, { mechanism: "oauthbearer", token: () => token });
  assertStringIncludes(why, "the token is refused");
  assert(!why.includes("t0ken") && !why.includes("\n"), why);
});

Deno.test("TLS options that are never given are not waited for longer than a connection", async () => {
  const given = Promise.withResolvers<Record<string, never>>();
  const options = { brokers: "127.0.0.1:1", connectionTimeout: 20 };
  const never = Effect.scoped(makeKafkajsLink({ ...options, ssl: () => given.promise }));
  assertEquals((await Effect.runPromise(Effect.flip(never))).message, "ssl: nothing was given within 20 ms");
  let asked = 0;
  const once = Effect.scoped(Effect.gen(function* () {
    const link = yield* makeKafkajsLink({ ...options, ssl: () => asked++ === 0 ? {} : given.promise });
    return yield* Effect.flip(link.connect(link.bootstrap[0], "metadata"));
  }));
  const { reason, message } = await Effect.runPromise(once);
  assertEquals(reason, "tls");
  assertStringIncludes(message, "nothing was given within 20 ms");
});
