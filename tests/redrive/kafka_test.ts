import { actor, ActorSystem, Admin, type DeadLetter, DeadLetters, event, kafka } from "@troupe/troupe";
import { z } from "zod";
import { assert, assertEquals } from "../assert.ts";
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

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 300_000; !holds();) {
    assert(Date.now() < end, `not within five minutes: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

realKafkaTest(
  "keys in quarantine are received in order, through a rebalance and a redrive that is ended early",
  async (brokers) => {
    const [topic, broker] = [freshName("walked"), kafka({ brokers })];
    const schema = z.object({ id: z.string(), step: z.number() });
    const Stepped = event({ name: "Stepped", topic, schema, key: ({ id }) => id });
    const handled: string[] = [];
    const broken = new Set(["a3", "b5"]);
    const walker = actor({
      name: topic,
      receives: [Stepped],
      quarantine: true,
      retry: { times: 1, initial: 1 },
      receive: ({ id, step }) => {
        if (broken.has(`${id}${step}`)) throw new Error("no road");
        handled.push(`${id}${step}`);
      },
    });
    const options = { actors: [walker], broker, partitions: 3, logLevel: "none" } as const;
    const first = await ActorSystem.start(options);
    const steps = async (from: number, to: number) => {
      for (let step = from; step <= to; step++) {
        for (const id of "abc") await publisher.publish(Stepped, { id, step });
      }
    };
    await using publisher = await ActorSystem.start({ actors: [], events: [Stepped], broker, logLevel: "none" });
    await using letters = await DeadLetters.connect(broker, { logLevel: "warn" });
    const written = async (count: number) => {
      let found: ReadonlyArray<DeadLetter> = [];
      while (found.length < count) found = await letters.list(`${topic}.dlt`);
      return found;
    };
    await steps(1, 10);
    const found = await written(14); // a3 to a10, b5 to b10
    assertEquals(found.filter(({ reason }) => reason === "quarantined").length, 12);
    await using _second = await ActorSystem.start(options);
    await first.stop();
    await steps(11, 12);
    await written(18);
    assertEquals(handled.filter((step) => step.startsWith("a")), ["a1", "a2"]);

    broken.clear();
    const early = new AbortController();
    const ended = letters.redrive(`${topic}.dlt`, { rate: 50, signal: early.signal }).then(() => "done", () => "ended");
    await until(() => handled.includes("a4"));
    early.abort();
    await ended;
    const publishing = steps(13, 30);
    const report = await letters.redrive(`${topic}.dlt`, { untilFree: true });
    await publishing;
    assertEquals(report.unfinished, []);
    assertEquals((await letters.redrive(`${topic}.dlt`, { untilFree: true })).unfinished, []);
    await until(() => new Set(handled).size === 90);
    for (const id of "abc") {
      const came = [...new Set(handled.filter((step) => step.startsWith(id)))];
      assertEquals(came, Array.from({ length: 30 }, (_, i) => `${id}${i + 1}`));
    }
  },
);
