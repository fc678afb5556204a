/**
 * Systems that are static members of their group.
 * @module
 */
import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
import { Effect, Exit, Logger, References, Scope } from "effect";
import { z } from "zod";
import { RunningProgram } from "../actors/running_program.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { until, within } from "./within.ts";

/** A system, what it has handled of which partition, and the rounds its member went through. */
async function start(brokers: string, topic: string, group: string, instanceId: string) {
  const partitions: Array<number> = [];
  const rounds: Array<string> = [];
  const Numbered = event({ name: "Numbered", topic, schema: z.object({ n: z.int() }), key: ({ n }) => String(n) });
  const counter = actor({
    name: "counter",
    group,
    receives: [Numbered],
    receive: (_, { partition }) => void partitions.push(partition),
  });
  const scope = Scope.makeUnsafe();
  const logger = Logger.make(({ message }) => {
    const [, generation] = /generation (\d+): \S+ leads/.exec(String(message)) ?? [];
    if (generation !== undefined) rounds.push(generation);
  });
  const settings = { sessionTimeout: 30_000, heartbeatInterval: 100, partitions: 6, instanceId };
  const system = await Effect.runPromise(
    ActorSystem.make({ actors: [counter], broker: kafka({ brokers }), ...settings }).pipe(
      Scope.provide(scope),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "Debug"),
    ),
  );
  const publish = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, n) => system.publish(Numbered, { n })));
  return {
    system,
    partitions,
    rounds,
    publish,
    stop: () => Effect.runPromise(Scope.close(scope, Exit.void)),
    [Symbol.asyncDispose]: () => Effect.runPromise(Scope.close(scope, Exit.void)),
  };
}

const distinct = (partitions: ReadonlyArray<number>) => [...new Set(partitions)].sort();

realKafkaTest(
  "a static system that is started again in time has its partitions back, and nobody else notices",
  async (brokers) => {
    const [topic, group] = [freshName("static"), freshName("static")];
    await using one = await start(brokers, topic, group, "one");
    const all = Array.from({ length: 6 }, (_, partition) => partition);
    await until(() => one.system.health().status, (status) => status === "ok", "the first is well");
    await one.publish(60);
    await until(() => distinct(one.partitions), ({ length }) => length === 6, "the first has all");
    const two = await start(brokers, topic, group, "two");
    // Each says what it holds by what it handles: by halves, once the group has settled.
    const halves = async (a: typeof one, b: typeof one) => {
      for (;;) {
        a.partitions.length = b.partitions.length = 0;
        await one.publish(60);
        await until(() => a.partitions.length + b.partitions.length, (sum) => sum >= 60, "all are handled");
        const [ofA, ofB] = [distinct(a.partitions), distinct(b.partitions)];
        if (ofA.length === 3 && ofB.length === 3) return [ofA, ofB];
      }
    };
    const [first, second] = await within(halves(one, two), "the group settles");
    assertEquals([...first, ...second].sort(), all);
    const before = [...one.rounds];
    await two.stop();
    await using again = await start(brokers, topic, group, "two");
    assertEquals(await within(halves(one, again), "the restarted one works"), [first, second]);
    assertEquals(one.rounds, before);
    assertEquals(again.rounds, [before[before.length - 1]]);
  },
);

realKafkaTest("of two processes of one instanceId the older ends with exit code 1 and says why", async (brokers) => {
  const [topic, group] = [freshName("static"), freshName("static")];
  const env = { KAFKA_BROKERS: brokers, TOPIC: topic, GROUP: group, INSTANCE: "shelf-7" };
  const program = new URL("./named.ts", import.meta.url);
  await using one = new RunningProgram(program, env);
  await within(one.line(/^ready$/), "the older is ready");
  await using two = new RunningProgram(program, env);
  assertEquals(await within(one.ended(), "the end of the older"), 1, one.errors.join("\n"));
  const ends = one.errors.filter((line) => line.includes(" the system ends: "));
  assertEquals(ends.length, 1, one.errors.join("\n"));
  assertMatch(ends[0], /FENCED_INSTANCE_ID.*under the instanceId shelf-7; give each its own/);
  await within(two.line(/^ready$/), "the newer is ready");
  two.process.kill("SIGTERM");
  assertEquals(await within(two.ended(), "the end of the newer"), 0, two.errors.join("\n"));
});
