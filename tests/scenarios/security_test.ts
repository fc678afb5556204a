/**
 * Systems on a real Kafka with locks on its doors: every way in, sessions that end, what is refused, and what is never said.
 */
import { Effect, Exit, Fiber, Logger, References, Schedule, Scope } from "effect";
import { z } from "zod";
import { actor } from "../../src/actor.ts";
import { ActorSystem } from "../../src/actor_system.ts";
import { kafka, type KafkaLinkOptions } from "../../src/broker.ts";
import { ConfigError, type PublishError } from "../../src/errors.ts";
import { event } from "../../src/event.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import type { Answer } from "../../src/link/protocol.ts";
import { grant, type Right } from "../../tools/kafka/access.ts";
import { Authority } from "../../tools/kafka/certificates.ts";
import { type SecuredNode, startSecured, unsignedToken, users } from "../../tools/kafka/secured.ts";
import { RunningProgram } from "../actors/running_program.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../assert.ts";
import { ownKafkaPossible } from "../support/own_kafka.ts";
import { until, within } from "./within.ts";

const eventOn = (topic: string) =>
  event({ name: "Numbered", topic, schema: z.object({ n: z.number() }), key: ({ n }) => String(n) });

/** A system with one actor on the topic of its name; keeps what it logs and what it has received. */
class Watched implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly received: number[] = [];
  readonly #scope = Scope.makeUnsafe();
  #system: ActorSystem | null = null;

  static async start(options: KafkaLinkOptions, name: string, group: string = name): Promise<Watched> {
    const watched = new Watched();
    const log = Logger.make(({ message, logLevel }) => void watched.lines.push(`${logLevel} ${message}`));
    const reader = actor({ name, group, receives: [eventOn(name)], receive: ({ n }) => void watched.received.push(n) });
    watched.#system = await Effect.runPromise(
      ActorSystem.make({ actors: [reader], broker: kafka(options), partitions: 2, drainTimeout: 5_000 }).pipe(
        Scope.provide(watched.#scope),
        Effect.provide(Logger.layer([log])),
        Effect.provideService(References.MinimumLogLevel, "Debug"),
      ),
    );
    return watched;
  }

  get system(): ActorSystem {
    assert(this.#system !== null);
    return this.#system;
  }

  /** Waits until it is ready, or is not. */
  async becomes(ready: boolean): Promise<void> {
    const look = () => ({ ready: this.system.health().ready, lines: this.lines });
    await until(look, (now) => now.ready === ready, `ready is ${ready}`);
  }

  /** Waits for a line in the log. */
  async says(pattern: RegExp): Promise<void> {
    await until(() => this.lines, (lines) => lines.some((line) => pattern.test(line)), String(pattern));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Effect.runPromise(Scope.close(this.#scope, Exit.void));
  }
}

const scram = (username: string, password: string | (() => string) = users[username]) =>
  ({ mechanism: "scram-sha-256", username, password }) as const;

/** The error of the one partition that was fetched from. */
function code({ topics }: Answer<"Fetch">): number | undefined {
  return topics[0]?.partitions[0]?.errorCode;
}

/** Why a system can't start, or ends where the machine is so slow that it is told of that a moment later. */
async function refusal(options: KafkaLinkOptions): Promise<string> {
  try {
    await using watched = await Watched.start(options, "refused");
    await within(watched.system.ended, "the end of a system that is refused");
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    assertEquals(error.message.split("\n").length, 1, error.message);
    return error.message;
  }
  throw new Error("it has started");
}

/** Publishes numbers at a steady pace until it is told to stop; answers how many. */
async function load(system: ActorSystem, topic: string, done: () => boolean): Promise<number> {
  let n = 0;
  const published: Array<Promise<unknown>> = [];
  while (!done()) {
    published.push(system.publish(eventOn(topic), { n: n++ }));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await Promise.all(published);
  return n;
}

type Steps = Readonly<Record<string, (kafka: SecuredNode) => Promise<void>>>;

/** One after the other: these have to keep up with the time. */
const strict: Steps = {
  "every way in publishes and receives": async ({ sasl, mutual, authority }) => {
    const ssl = { ca: authority.cert };
    const carol = await authority.issue({ name: "carol" });
    const login = { username: "alice", password: users.alice };
    const ways: Readonly<Record<string, KafkaLinkOptions>> = {
      plain: { brokers: sasl, ssl, sasl: { mechanism: "plain", ...login } },
      scram256: { brokers: sasl, ssl, sasl: { mechanism: "scram-sha-256", ...login } },
      scram512: { brokers: sasl, ssl, sasl: { mechanism: "scram-sha-512", ...login } },
      token: { brokers: sasl, ssl, sasl: { mechanism: "oauthbearer", token: () => unsignedToken("alice", 60_000) } },
      mutual: { brokers: mutual, ssl: () => ({ ...ssl, ...carol }) },
    };
    await Promise.all(
      Object.entries(ways).map(async ([way, options]) => {
        await using watched = await Watched.start(options, `way-${way}`);
        await within(watched.system.publish(eventOn(`way-${way}`), { n: 1 }), way);
        await until(() => watched.received, ([n]) => n === 1, way);
      }),
    );
  },

  "sessions and tokens are renewed under load: nothing is lost, nothing is said, no connection ends": async (kafka) => {
    const options = { brokers: kafka.sasl, ssl: { ca: kafka.authority.cert } };
    const asked = { password: 0, token: 0, link: 0 };
    const password = (who: "password" | "link") => () => (asked[who]++, users.alice);
    const token = () => (asked.token++, unsignedToken("alice", 4_000));
    const carries = async (name: string, options: KafkaLinkOptions, done: () => boolean) => {
      await using watched = await Watched.start(options, name);
      await watched.becomes(true);
      const from = watched.lines.length;
      const count = await load(watched.system, name, done);
      await until(() => watched.received.length, (received) => received >= count, `${name}: ${count} received`);
      assertEquals(watched.received.toSorted((a, b) => a - b), Array.from({ length: count }, (_, n) => n));
      const troubles = /broker|coordinator|closed|authentication|restarts/;
      assertEquals(watched.lines.slice(from).filter((line) => /^(Warn|Error)/.test(line) && troubles.test(line)), []);
    };
    // One connection on which calls never stop: the broker would close it at the first one after its session.
    const one = Effect.scoped(Effect.gen(function* () {
      const link = yield* makeKafkajsLink({ ...options, sasl: scram("alice", password("link")) });
      const connection = yield* link.connect(link.bootstrap[0], "metadata");
      const call = connection.call("FindCoordinator", { key: "group", keyType: 0 });
      const loop: Effect.Effect<void, unknown> = Effect.suspend(() =>
        asked.link > 2 ? Effect.void : Effect.andThen(call, Effect.delay(loop, 1))
      );
      yield* Effect.all([loop, loop, loop], { concurrency: "unbounded" });
    }));
    // An answer that takes longer than a session: the login waits behind it, and what comes after waits for the login.
    const long = Effect.scoped(Effect.gen(function* () {
      const link = yield* makeKafkajsLink({ ...options, sasl: scram("alice") });
      const [admin, connection] = yield* Effect.all([
        link.connect(link.bootstrap[0], "admin"),
        link.connect(link.bootstrap[0], "fetch"),
      ]);
      const topics = [{ name: "renewed-long", numPartitions: 1, replicationFactor: 1, configs: {} }];
      yield* admin.call("CreateTopics", { timeoutMs: 10_000, validateOnly: false, topics });
      const asked = [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 0, maxBytes: 1_000 }];
      const poll = { maxWaitMs: 3_000, minBytes: 1, maxBytes: 1_000, isolationLevel: 0, rackId: "" } as const;
      const fetch = connection.call("Fetch", { ...poll, topics: [{ name: "renewed-long", partitions: asked }] });
      // Created is not led yet, and then it is answered at once.
      yield* Effect.repeat(fetch, { schedule: Schedule.spaced(10), until: (answer) => code(answer) === 0 });
      const polling = yield* Effect.forkChild(fetch, { startImmediately: true });
      yield* Effect.sleep(1_900); // the login is on its way
      const { brokers } = yield* connection.call("Metadata", { topics: [], allowAutoTopicCreation: false });
      assertEquals([code(yield* Fiber.join(polling)), brokers.length, connection.isOpen()], [0, 1, true]);
    }));
    await Promise.all([
      within(Effect.runPromise(one), "two renewals of a connection"),
      within(Effect.runPromise(long), "an answer that takes longer than a session"),
      // Five connections each: the first login and two more.
      carries(
        "renewed-password",
        { ...options, sasl: scram("alice", password("password")) },
        () => asked.password > 15,
      ),
      carries("renewed-token", { ...options, sasl: { mechanism: "oauthbearer", token } }, () => asked.token > 3),
    ]);
  },
};

/** All at once: these mostly wait. */
const patient: Steps = {
  "a password that is changed while the system runs: not ready, a warning, and on it goes with the new one": async (
    { sasl, authority },
  ) => {
    let password = users.alice;
    const login = scram("alice", () => password);
    await using watched = await Watched.start({ brokers: sasl, ssl: { ca: authority.cert }, sasl: login }, "rotated");
    await watched.becomes(true);
    password = "not any more";
    await watched.becomes(false);
    await watched.says(/no broker answers.*authentication: SCRAM-SHA-256 as "alice"/);
    assertEquals(watched.system.health().live, true);
    password = users.alice;
    await watched.becomes(true);
    await within(watched.system.publish(eventOn("rotated"), { n: 1 }), "a record after the change");
    await until(() => watched.received, ([n]) => n === 1, "the record");
    assert(watched.lines.every((line) => !line.includes("not any more")));
  },

  "who can't come in is told why at the start": async ({ node: { brokers }, sasl, mutual, expired, authority }) => {
    const ssl = { ca: authority.cert };
    const stranger = await (await Authority.make("another authority")).issue({ name: "carol" });
    const refused: ReadonlyArray<readonly [KafkaLinkOptions, RegExp]> = [
      [
        { brokers: sasl, ssl, sasl: scram("alice", "wrong-secret") },
        /^sasl: .*SCRAM-SHA-256 as "alice": .*credentials/,
      ],
      [{ brokers: sasl, ssl, sasl: scram("nobody", "secret") }, /^sasl: .*as "nobody": .*credentials/],
      [
        { brokers: sasl, ssl, sasl: { ...scram("alice", "wrong-secret"), mechanism: "plain" } },
        /^sasl: .*PLAIN as "alice"/,
      ],
      [{ brokers: sasl, ssl, sasl: { mechanism: "oauthbearer", token: () => "wrong-secret" } }, /^sasl: .*OAUTHBEARER/],
      [
        { brokers: sasl, ssl, sasl: { ...scram("alice"), password: () => Promise.reject("vault is away") } },
        /vault is/,
      ],
      [{ brokers, sasl: scram("alice") }, /^sasl: .*asks for no login/],
      [{ brokers: sasl, ssl: true, sasl: scram("alice") }, /^ssl: .*"Troupe's test authority".*no authority that is/],
      [{ brokers: sasl, ssl: { ...ssl, servername: "kafka.example" }, sasl: scram("alice") }, /^ssl: .*kafka\.example/],
      [{ brokers: expired, ssl, sasl: scram("alice") }, /^ssl: .*ran out on/],
      [{ brokers, ssl }, /^ssl: .*speaks Kafka without TLS/],
      [{ brokers: mutual }, /^ssl: .*speaks TLS/],
      [{ brokers: mutual, ssl }, /^ssl: .*wants another certificate/],
      [{ brokers: mutual, ssl: { ...ssl, ...stranger } }, /^ssl: .*does not accept this client's certificate/],
      [
        { brokers: `${sasl},${sasl.replace("127.0.0.1", "localhost")}`, ssl, sasl: scram("alice", "wrong-secret") },
        /^sasl/,
      ],
    ];
    for (const [options, says] of refused) {
      const said = await refusal(options);
      assertMatch(said, says);
      assert(!said.includes("secret"), said);
    }
  },

  "a topic or a group that is denied names itself": async ({ sasl, authority }) => {
    const options = { brokers: sasl, ssl: { ca: authority.cert }, sasl: scram("bob") };
    await using creates = await Watched.start(options, "denied-topic", "bobs-group");
    await using writes = await Watched.start(options, "bobs-topic");
    await using reads = await Watched.start(options, "shown-topic", "bobs-group");
    await using joins = await Watched.start(options, "bobs-other", "denied-group");
    await creates.says(/CreateTopics: TOPIC_AUTHORIZATION_FAILED .*denied-topic/);
    const write = writes.system.publish(eventOn("shown-topic"), { n: 1 });
    const denied: PublishError = await within(write.then(() => Promise.reject("written"), (error) => error), "a write");
    assertMatch(denied.message, /shown-topic.*TOPIC_AUTHORIZATION_FAILED/);
    const hidden = writes.system.publish(eventOn("hidden-topic"), { n: 1 });
    const unseen: PublishError = await within(hidden.then(() => Promise.reject("written"), (error) => error), "a look");
    assertMatch(unseen.message, /hidden-topic.*TOPIC_AUTHORIZATION_FAILED/);
    await assertRejects(() => within(reads.system.ended, "the end of a reader"), Error, "shown-topic");
    await assertRejects(() => within(joins.system.ended, "the end of a member"), Error, "denied-group");
  },

  "a program takes its login from the environment, exits with 78 where it is wrong, and never says it": async (
    { sasl, authority },
  ) => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/ca.pem`, authority.cert);
      await Deno.writeTextFile(`${folder}/wrong`, "wrong-secret\n");
      const order = new URL("../../actors/order.ts", import.meta.url);
      const environment = {
        KAFKA_BROKERS: sasl,
        KAFKA_SSL_CA: `${folder}/ca.pem`,
        KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
        KAFKA_SASL_USERNAME: "alice",
        LOG_LEVEL: "debug",
        PORT: "0",
      };
      await using wrong = new RunningProgram(order, { ...environment, KAFKA_SASL_PASSWORD_FILE: `${folder}/wrong` });
      await using right = new RunningProgram(order, { ...environment, KAFKA_SASL_PASSWORD: users.alice });
      assertEquals(await within(wrong.ended(), "the end of the refused program"), 78);
      const said = [...wrong.lines, ...wrong.errors].filter((line) => line.includes("sasl"));
      assertEquals(said.length, 1, said.join("\n"));
      assertStringIncludes(said[0], 'SCRAM-SHA-512 as "alice"');
      const [, url] = await within(right.line(/listening on (http\S+)/), "the order service");
      const body = JSON.stringify({ customer: "Ada", amount: 20 });
      const ordered = await fetch(`${url}/order`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      assertEquals([ordered.status, (await ordered.json()).status], [202, "pending"]);
      right.process.kill("SIGTERM");
      assertEquals(await within(right.ended(), "the end of the order service"), 0);
      for (const line of [...wrong.lines, ...wrong.errors, ...right.lines, ...right.errors]) {
        assert(!line.includes("secret"), line);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};

Deno.test({
  name: "a Kafka with locks on its doors (own Kafka)",
  ignore: !ownKafkaPossible,
  fn: async (test) => {
    await using node = await startSecured();
    const rights: ReadonlyArray<Right> = [
      ...["alice", "carol"].flatMap((user): Array<Right> => [
        ...["orders", "inventory", "renewed", "rotated", "shown", "way"].map((prefix): Right => (
          { user, on: "topic", prefix, may: "all" }
        )),
        ...["order", "renewed", "rotated", "way"].map((prefix): Right => ({ user, on: "group", prefix, may: "all" })),
      ]),
      { user: "bob", on: "topic", prefix: "bobs-", may: "all" },
      { user: "bob", on: "topic", prefix: "shown-", may: "describe" },
      { user: "bob", on: "topic", prefix: "shown-", may: "create" },
      { user: "bob", on: "group", prefix: "bobs-", may: "all" },
    ];
    await grant(node.node.brokers, rights);
    for (const [name, step] of Object.entries(strict)) await test.step(name, () => step(node));
    await test.step("the rest, all at once", async () => {
      const ends = await Promise.allSettled(Object.values(patient).map((step) => step(node)));
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    });
  },
});
