/**
 * Actors that die: of one record, which is then set aside; of every one, which ends the program.
 * @module
 */
import { actor, ActorSystem, type Broker, embedded, event, kafka } from "@troupe/troupe";
import { Effect } from "effect";
import { z } from "zod";
import { RunningProgram } from "../actors/running_program.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { within } from "./within.ts";

async function deadlyRecord(broker: Broker): Promise<void> {
  const topic = freshName("numbered");
  const options = { name: "Numbered", schema: z.number(), key: String };
  const Numbered = event({ ...options, topic });
  const Letter = event({ ...options, topic: `${topic}.dlt` });
  const survived: number[] = [];
  const letters: unknown[] = [];
  const done = Promise.withResolvers<void>();
  const lives: number[] = [];
  const look = () => survived.length === 99 && letters.length === 1 && done.resolve();
  const mortal = actor({
    name: freshName("mortal"),
    receives: [Numbered],
    restart: { initial: 1 },
    resources: ({ start }) => void lives.push(start),
    receive: (n) => {
      if (n === 50) return Effect.die(new Error("the shelf has collapsed"));
      survived.push(n);
      look();
    },
  });
  const undertaker = actor({
    name: freshName("undertaker"),
    receives: [Letter],
    receive: (n, { headers }) => {
      letters.push([n, ...["dlt-reason", "dlt-attempts", "dlt-actor"].map((name) => textOf(headers, name))]);
      look();
    },
  });
  await using system = await ActorSystem.start({
    actors: [mortal, undertaker],
    broker,
    partitions: 1,
    logLevel: "error",
  });
  await Promise.all(Array.from({ length: 100 }, (_, n) => system.publish(Numbered, n)));
  await within(done.promise, "all records");
  assertEquals(survived.toSorted((a, b) => a - b), Array.from({ length: 100 }, (_, n) => n).filter((n) => n !== 50));
  assertEquals(letters, [[50, "killed-actor", "3", mortal.name]]);
  assertEquals(lives, [1, 2, 3, 4]);
  assertEquals(system.health().status, "ok");
}

function textOf(headers: ReadonlyArray<readonly [string, Uint8Array | null]>, name: string): string {
  return new TextDecoder().decode(headers.find(([each]) => each === name)?.[1] ?? undefined);
}

Deno.test("a record that an actor dies of becomes a dead letter, the others go on", () => deadlyRecord(embedded()));
realKafkaTest(
  "a record that an actor dies of becomes a dead letter, the others go on",
  (brokers) => deadlyRecord(kafka({ brokers })),
);

Deno.test("a program whose actor dies again and again ends with exit code 1 and says why", async () => {
  await using program = new RunningProgram(new URL("./dying.ts", import.meta.url), {});
  assertEquals(await within(program.ended(), "the end"), 1);
  const ends = program.errors.filter((line) => line.includes(" the system ends: "));
  assertEquals(ends.length, 1, program.errors.join("\n"));
  assertMatch(ends[0], / ERROR the system ends: mortal on questions\/\d@0: restarted 2 times within 60000 ms/);
  assertStringIncludes(ends[0], "the shelf has collapsed");
});
