/**
 * Whole systems and clusters against what is no Kafka, or a bad one: an error that names the broker and what is wrong,
 * bounded memory, and the others go on.
 */
import { Effect, Logger } from "effect";
import { ActorSystem } from "../../src/actor_system.ts";
import { kafka } from "../../src/broker.ts";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { event } from "../../src/event.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { freePort } from "../../tools/kafka/node.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { RunningProgram } from "../actors/running_program.ts";
import { until, within } from "../scenarios/within.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { afterVersions, allVersions, int32, type Script, ScriptedBroker, type Visitor } from "./scripted_broker.ts";

const metadata = 3;
const never = () => {};
const bytes = (text: string) => [...new TextEncoder().encode(text)];

/** Runs with a system of these brokers that only publishes, and the lines it logs. */
async function withSystem(
  brokers: string,
  use: (system: ActorSystem, lines: string[]) => Promise<void>,
  connectionTimeout = 10_000,
): Promise<void> {
  const lines: string[] = [];
  const log = Logger.make(({ message }) => void lines.push(String(message)));
  const events = [event({ name: "Anything", topic: freshName("bad") })];
  const broker = kafka({ brokers, connectionTimeout });
  await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(
        ActorSystem.make({ actors: [], events, broker, drainTimeout: 0 }),
        (system) => Effect.promise(() => use(system, lines)),
      ),
    ).pipe(Effect.provide(Logger.layer([log]))),
  );
}

/** What answers to nothing, or as it likes. */
const bad: Readonly<Record<string, readonly [says: RegExp, script: Script, greet?: (visitor: Visitor) => unknown]>> = {
  "is a web server": [
    /malformed: .*"HTTP".*no Kafka/,
    (_, visitor) => visitor.send(...bytes("HTTP/1.1 400 Bad\r\n\r\n")),
  ],
  "sends garbage": [
    /malformed/,
    (_, visitor) => visitor.send(...crypto.getRandomValues(new Uint8Array(4_096)).fill(0xff, 0, 4)),
  ],
  "announces two gigabytes": [
    /malformed: an answer of 2147483647 bytes/,
    (_, visitor) => visitor.send(0x7f, 255, 255, 255),
  ],
  "closes at once": [/closed: the broker closed the connection/, never, (visitor) => visitor.close()],
  "answers to another request": [
    /malformed: .*never asked/,
    ({ correlationId }, visitor) => visitor.answer(correlationId + 1, allVersions()),
  ],
  "sends small frames without an end": [/malformed: .*never asked/, never, async (visitor) => {
    // Until the client has had enough; a bound, as a client that never has would go on for ever.
    const flood = Array.from({ length: 4_096 }, () => [...int32(4), ...int32(77)]).flat();
    for (let sent = 0; sent < 100; sent++) await visitor.send(...flood);
  }],
  "knows no request": [
    /unsupported: .*does not know Metadata/,
    ({ correlationId }, visitor) => visitor.answer(correlationId, [0, 0, ...int32(0)]),
  ],
  "knows versions from 9 to 5": [
    /unsupported: Metadata .*knows 9 to 5/,
    ({ correlationId }, visitor) => visitor.answer(correlationId, [0, 0, ...int32(1), 0, metadata, 0, 9, 0, 5]),
  ],
  "names a billion brokers": [
    /malformed: Metadata: .*elements/,
    afterVersions(({ correlationId }, visitor) =>
      visitor.answer(correlationId, [0, ...int32(0), 0x80, 0x94, 0xeb, 0xdc, 0x03])
    ),
  ],
  "cuts an answer short": [
    /malformed: Metadata: .*bytes wanted/,
    afterVersions(({ correlationId }, visitor) =>
      visitor.answer(correlationId, [0, ...int32(0), 2, ...int32(1), 200, 104])
    ),
  ],
  "closes after its versions": [
    /closed: .*does it want a login \(see sasl\)/,
    afterVersions((_, visitor) => visitor.close()),
  ],
};

for (const [what, [says, script, greet]] of Object.entries(bad)) {
  Deno.test(`a system whose only broker ${what} is not ready, says why, and ends at once`, async () => {
    await using broker = new ScriptedBroker(script, greet);
    const before = Deno.memoryUsage().rss;
    await withSystem(broker.name, async (system, lines) => {
      await until(() => lines, (lines) => lines.some((line) => says.test(line)), `${what}: ${says}`);
      assertStringIncludes(lines.find((line) => says.test(line)) ?? "", broker.name);
      assertEquals(system.health().ready, false);
      assertEquals(system.health().reasons, ["no broker answers"]);
      assert(lines.filter((line) => says.test(line)).length < 4, "a line every ten seconds");
    });
    await broker.deserted();
    assert(Deno.memoryUsage().rss - before < 200_000_000, "it has taken what was announced");
  });
}

Deno.test("a system whose only broker never answers is there at once, and says so", async () => {
  await using broker = new ScriptedBroker(never);
  await withSystem(broker.name, async (_, lines) => {
    await until(
      () => lines,
      (lines) => lines.some((line) => /timeout: not open after 300 ms/.test(line)),
      "the time-out",
    );
  }, 300);
});

realKafkaTest(
  "a system starts promptly with a wrong host, a silent one, a closed port and a web server in its list",
  async (brokers) => {
    await using silent = new ScriptedBroker(never);
    await using web = new ScriptedBroker((_, visitor) => visitor.send(...bytes("HTTP/1.1 400 Bad\r\n\r\n")));
    const list = ["nowhere.invalid:9092", silent.name, `127.0.0.1:${freePort()}`, web.name, brokers].join(",");
    // Whoever waits for the silent one waits for longer than a test may take.
    await withSystem(list, async (system) => {
      await until(() => system.health().reasons, (reasons) => reasons.length === 0, "ready");
    }, 600_000);
  },
);

Deno.test("a listener that is advertised and can't be reached is named", async () => {
  const gone = `127.0.0.1:${freePort()}`;
  const [, port] = gone.split(":");
  const host = bytes("127.0.0.1");
  await using broker = new ScriptedBroker(afterVersions(({ correlationId }, visitor) =>
    visitor.answer(correlationId, [
      0,
      ...int32(0),
      2,
      ...int32(5),
      host.length + 1,
      ...host,
      ...int32(Number(port)),
      0,
      0,
      0,
      ...int32(5),
      1,
      0,
    ])
  ));
  const lines: string[] = [];
  const log = Logger.make(({ message }) => void lines.push(String(message)));
  const program = Effect.gen(function* () {
    const cluster = yield* makeCluster(yield* makeKafkajsLink({ brokers: broker.name }));
    assertEquals(cluster.broker(5)?.port, Number(port));
    const named = Effect.suspend(() => Effect.sync(() => lines.some((line) => line.includes("advertised.listeners"))));
    const attempt = Effect.flip(Effect.scoped(cluster.connect(5, "produce")));
    for (;;) {
      const error = yield* attempt;
      assertEquals([error.broker, error.reason], [gone, "refused"]);
      if (yield* named) return;
      yield* Effect.sleep(100);
    }
  });
  await within(Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(Logger.layer([log])))), "the warning");
  assertMatch(lines.join("\n"), new RegExp(`^broker 5 can't be reached where .*${gone}: refused`, "m"));
});

Deno.test("a program whose broker is not there at first, and then refuses it, ends with exit code 78", async () => {
  let refusing = false;
  await using broker = new ScriptedBroker(({ key, correlationId }, visitor) => {
    if (!refusing) return visitor.close();
    const says = bytes("wrong password");
    const refusal = [0, 58, 0, says.length, ...says, ...int32(0), ...int32(0), ...int32(0)];
    const answers: Readonly<Record<number, Array<number>>> = {
      18: allVersions(),
      17: [0, 0, ...int32(0)],
      36: refusal,
    };
    return visitor.answer(correlationId, answers[key] ?? []);
  });
  await using program = new RunningProgram(new URL("../../actors/order.ts", import.meta.url), {
    KAFKA_BROKERS: broker.name,
    KAFKA_SASL_MECHANISM: "PLAIN",
    KAFKA_SASL_USERNAME: "shop",
    KAFKA_SASL_PASSWORD: "hush",
    PORT: "0",
  });
  await until(() => program.errors, (lines) => lines.some((line) => /no broker answers/.test(line)), "a start without");
  refusing = true;
  assertEquals(await within(program.ended(), "the end"), 78);
  const said = [...program.lines, ...program.errors];
  assertEquals(said.filter((line) => line.includes('PLAIN as "shop": wrong password')).length, 1, said.join("\n"));
  assert(said.every((line) => !line.includes("hush")));
});
