import { actor, ActorSystem, Admin, type DeadLetter, DeadLetters, event, kafka } from "@troupe/troupe";
import { z } from "zod";
import { assertEquals } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";

realKafkaTest("letters go from an actor to their topic, back, and are handled in order, once", async (brokers) => {
  const [topic, broker] = [freshName("redriven"), kafka({ brokers })];
  const schema = z.object({ id: z.string(), step: z.number() });
  const Stepped = event({ name: "Stepped", topic, schema, key: ({ id }) => id });
  const handled: string[] = [];
  let broken = true;
  const all = Promise.withResolvers<void>();
  const walker = actor({
    name: topic,
    receives: [Stepped],
    retry: { times: 1, initial: 1 },
    receive: ({ id, step }) => {
      if (broken) throw new Error("no road");
      if (handled.push(`${id}-${step}`) === 30) all.resolve();
    },
  });
  await using system = await ActorSystem.start({ actors: [walker], broker, partitions: 3, logLevel: "none" });
  const steps = Array.from({ length: 30 }, (_, i) => ({ id: "abc"[i % 3], step: Math.floor(i / 3) }));
  for (const step of steps) await system.publish(Stepped, step);

  await using letters = await DeadLetters.connect(broker, { logLevel: "warn" });
  let found: ReadonlyArray<DeadLetter> = [];
  while (found.length < 30) found = await letters.list(`${topic}.dlt`);
  assertEquals(
    new Set(found.map(({ reason, actor, error }) => `${reason} ${actor} ${error}`)),
    new Set([`retries-exhausted ${topic} no road`]),
  );
  broken = false;
  const planned = await letters.redrive(`${topic}.dlt`, { dryRun: true });
  const halves = [await letters.redrive(`${topic}.dlt`, { key: "b" }), await letters.redrive(`${topic}.dlt`)];
  assertEquals([planned.redriven, ...halves.map(({ redriven }) => redriven)], [30, 10, 20]);
  await all.promise;
  for (const id of "abc") {
    assertEquals(handled.filter((step) => step.startsWith(id)), Array.from({ length: 10 }, (_, i) => `${id}-${i}`));
  }
  assertEquals((await letters.redrive(`${topic}.dlt`)).read, 0);

  await using admin = await Admin.connect(broker);
  const { total, partitions } = await admin.groupLag(`${topic}.dlt.redrive`);
  assertEquals([total, partitions.length], [0, 3]);
});
