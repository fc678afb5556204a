import { assert, assertEquals } from "../../assert.ts";
import { simulate } from "../world.ts";
import { filesOf, Garden } from "./garden.ts";
import { plants } from "./mod.ts";

/** A change of the product moves what its schedules come to: then a bug is caught a little further on. */
const SCHEDULES = 500;

/** Those that some schedule is known to catch. */
const caught = plants.filter(({ seed }) => seed > 0);

Deno.test("every planted bug can still be planted, under a name of its own", async () => {
  for (const plant of plants) await filesOf(plant);
  assertEquals(new Set(plants.map(({ name }) => name)).size, plants.length);
});

Deno.test("the schedules that catch planted bugs break no promise without them", () => {
  for (const seed of new Set(caught.map(({ seed }) => seed))) {
    assertEquals(simulate(seed).violations, [], `seed ${seed}`);
  }
});

Deno.test("every planted bug is caught that was caught once", async () => {
  const left = [...caught];
  const missed: string[] = [];
  const work = async () => {
    await using garden = await Garden.open();
    for (let plant = left.shift(); plant !== undefined; plant = left.shift()) {
      const { seed, told } = await garden.look(plant, plant.seed, SCHEDULES);
      if (seed === null) missed.push(`${plant.name}: ${told}`);
    }
  };
  await Promise.all([work(), work()]);
  assert(missed.length === 0, `write their seeds anew, deno task hunt tells them:\n${missed.join("\n")}`);
});
