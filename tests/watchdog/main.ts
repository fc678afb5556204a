/**
 * `deno task watchdog`: what gets stuck in processes on the Kafka in KAFKA_BROKERS, and how long each step of the recovery
 * takes. What is printed is a table in Markdown.
 *
 * `--only a,b` these trials alone · `--defaults` with all times as they are by default (minutes) · `--list`
 * @module
 */
import { parseArgs } from "node:util";
import { trials } from "./trials.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { only: { type: "string" }, defaults: { type: "boolean" }, list: { type: "boolean" } },
  });
  if (values.list) console.log(trials.map(({ name, what }) => `${name}: ${what}`).join("\n"));
  if (values.list) return 0;
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
