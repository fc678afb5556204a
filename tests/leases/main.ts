/**
 * `deno task leases`: workers that are frozen, or block their event loop, for longer than their session, on the Kafka in
 * KAFKA_BROKERS (its sessions must be 6 s at most, as that of `deno task kafka` from the jars). What is printed is a table
 * in Markdown.
 *
 * `--rounds N` of each scenario (default 4) · `--only ours|kafkajs`
 * @module
 */
import { parseArgs } from "node:util";
import { run, type Scenario } from "./scenario.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const brokers = Deno.env.get("KAFKA_BROKERS");
  if (!brokers) {
    console.error("leases: set KAFKA_BROKERS, such as 127.0.0.1:9092 (deno task kafka)");
    return 78;
  }
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "4" }, only: { type: "string" } } });
  const rounds = Number(values.rounds);
  const scenarios: Scenario[] = [];
  for (const how of ["frozen", "blocked"] as const) {
    for (const groupProtocol of ["classic", "consumer"] as const) {
      scenarios.push({ client: "ours", groupProtocol, how, rounds });
    }
    scenarios.push({ client: "stock kafkajs", groupProtocol: "classic", how, rounds });
  }
  console.log("| worker | away | records | late: published (again), letters, begun | commits back | twice |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  let clean = true;
  for (const scenario of scenarios) {
    const { client, groupProtocol, how } = scenario;
    if (values.only !== undefined && !client.endsWith(values.only)) continue;
    const { late, commitsBack, begun } = await run(brokers, scenario);
    const name = client === "ours" ? `ours, ${groupProtocol}` : client;
    const counted = `${late.published} (${late.again}), ${late.letters}, ${late.begun}`;
    console.log(`| ${name} | ${how}, ${rounds} × | ${begun} | ${counted} | ${commitsBack} | ${late.twice} |`);
    clean &&= client !== "ours" || late.published + late.letters + commitsBack === 0;
  }
  return clean ? 0 : 1;
}
