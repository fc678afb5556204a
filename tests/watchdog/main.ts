/**
 * `deno task watchdog`: what gets stuck in processes on the Kafka in KAFKA_BROKERS, and how long each step of the recovery
 * takes. What is printed is a table in Markdown.
 *
 * `--only a,b` these trials alone · `--defaults` with all times as they are by default (minutes) · `--list` · `--beside` ours and stock kafkajs instead
 * @module
 */
import { parseArgs } from "node:util";
import { deafConnection, stuckHandler } from "./beside.ts";
import { trials } from "./trials.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      only: { type: "string" },
      defaults: { type: "boolean" },
      list: { type: "boolean" },
      beside: { type: "boolean" },
    },
  });
  if (values.list) console.log(trials.map(({ name, what }) => `${name}: ${what}`).join("\n"));
  if (values.list) return 0;
  if (values.beside) return await beside();
  const brokers = Deno.env.get("KAFKA_BROKERS");
  if (!brokers) {
    console.error("watchdog: set KAFKA_BROKERS, such as 127.0.0.1:9092 (deno task kafka)");
    return 78;
  }
  const only = values.only?.split(",");
  console.log("| what gets stuck | seconds, and what is said |\n| --- | --- |");
  for (const { name, what, run } of trials) {
    if (only !== undefined && !only.includes(name)) continue;
    const figures = await run(brokers, values.defaults);
    console.log(`| ${what} | ${Object.entries(figures).map(([key, value]) => `${key}: ${value}`).join(" · ")} |`);
  }
  return 0;
}

async function beside(): Promise<number> {
  console.log("| | ours | stock kafkajs |\n| --- | --- | --- |");
  for (
    const [what, run] of [["a handler never returns", stuckHandler], ["a deaf connection", deafConnection]] as const
  ) {
    console.log(`| ${what} | ${await run("ours")} | ${await run("stock kafkajs")} |`);
  }
  return 0;
}
