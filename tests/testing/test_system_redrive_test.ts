import { actor, event } from "@troupe/troupe";
import { TestSystem } from "@troupe/troupe/testing";
import { z } from "zod";
import { assertEquals } from "../assert.ts";

const schema = z.object({ id: z.string(), step: z.number() });
const Stepped = event({ name: "Stepped", topic: "steps", schema, key: ({ id }) => id });

Deno.test("redrive() brings an actor's dead letters back: handled in the order of their keys once the fault is gone", async () => {
  const handled: string[] = [];
  let broken = true;
  const walker = actor({
    name: "walker",
    receives: [Stepped],
    retry: { times: 2, initial: 1_000 },
    receive: ({ id, step }) => {
      if (broken) throw new Error("no road");
      handled.push(`${id}${step}`);
    },
  });
  await using test = await TestSystem.start({ actors: [walker], logLevel: "none" });
  for (const step of [1, 2, 3]) for (const id of ["a", "b"]) await test.publish(Stepped, { id, step });
  await test.deadLetters("steps", { count: 6 });

  assertEquals((await test.redrive("steps.dlt", { maxRedrives: 1 })).redriven, 6);
  const again = await test.deadLetters("steps", { count: 12 });
  const counts = again.map(({ record }) => new TextDecoder().decode(record.headers.at(-1)?.[1] ?? undefined));
  assertEquals(counts.filter((count) => count === "1").length, 6);
  assertEquals((await test.redrive("steps.dlt", { maxRedrives: 1 })).left, 6);

  broken = false;
  assertEquals((await test.redrive("steps.dlt")).redriven, 6);
  await test.handled();
  for (const id of ["a", "b"]) {
    assertEquals(handled.filter((each) => each.startsWith(id)), [1, 2, 3].map((step) => `${id}${step}`));
  }
});
