/**
 * `deno task hunt --schedules N --only a,b`: plants each bug and looks for it in at most N schedules (default 20,000) from
 * seed 1 on, two at once; `--seed S`: from there on. Prints what caught it, as DESIGN.md's table has it.
 * @module
 */
import { Garden } from "./garden.ts";
import { plants } from "./mod.ts";

if (import.meta.main) Deno.exit(await hunt(Deno.args));

async function hunt(args: ReadonlyArray<string>): Promise<number> {
  const option = (name: string): string | undefined => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? undefined : args[at + 1];
  };
  const schedules = Number(option("schedules") ?? 20_000);
  const seed = Number(option("seed") ?? 1);
  const only = option("only")?.split(",");
  const wanted = plants.filter(({ name }) => only === undefined || only.some((part) => name.includes(part)));
  const left = [...wanted];
  let caught = 0;
  const helper = async () => {
    await using garden = await Garden.open();
    for (let plant = left.shift(); plant !== undefined; plant = left.shift()) {
      const found = await garden.look(plant, seed, schedules);
      if (found.seed !== null) caught++;
      console.log(`| ${plant.name} | ${found.seed ?? "**not caught**"} | ${found.told} |`);
    }
  };
  await Promise.all([helper(), helper()]);
  console.log(`${wanted.length} bugs planted, ${caught} caught`);
  return caught === wanted.length ? 0 : 1;
}
