/**
 * `deno task faults:topics`: faults of topics under a group, on the Kafka in KAFKA_BROKERS, ours by either group protocol and stock kafkajs. What is
 * printed is a table in Markdown.
 *
 * `--only a,b` these faults alone
 * @module
 */
import { parseArgs } from "node:util";
import { sufferTopic, topicFaults, type TopicRow } from "./topic_faults.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const brokers = Deno.env.get("KAFKA_BROKERS");
  if (!brokers) {
    console.error("faults:topics: set KAFKA_BROKERS, such as 127.0.0.1:9092 (deno task kafka)");
    return 78;
  }
  const { values } = parseArgs({ args: Deno.args, options: { only: { type: "string" } } });
  const only = values.only?.split(",");
  const rows: TopicRow[] = [];
  const clients = ["ours", "ours, newer group protocol", "stock kafkajs"] as const;
  for (const fault of topicFaults) {
    if (only !== undefined && !only.includes(fault.name)) continue;
    for (const client of clients) rows.push(await sufferTopic(brokers, fault, client));
  }
  console.log("| fault | client | to be handled | not handled | twice | took |\n| --- | --- | --- | --- | --- | --- |");
  for (const { what, client, expected, unhandled, twice, took } of rows) {
    const waited = unhandled > 0 ? "–" : `${(took / 1_000).toFixed(1)} s`;
    console.log(`| ${what} | ${client} | ${expected.toLocaleString("en")} | ${unhandled} | ${twice} | ${waited} |`);
  }
  return rows.every(({ client, unhandled, twice }) => client === "stock kafkajs" || unhandled + twice === 0) ? 0 : 1;
}
