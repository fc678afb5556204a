/**
 * `deno task faults`: the same job, publishing and handling records, through every fault we know of, on three real brokers.
 * What is printed is a table in Markdown, then the same as JSON.
 *
 * `--only a,b` these faults alone · `--kafkajs` stock kafkajs beside ours · `--consumer` ours by the newer group protocol
 * as well · `--list` the faults' names
 * @module
 */
import { parseArgs } from "node:util";
import { brokerFaults } from "./broker_faults.ts";
import { type Fault, type Row, suffer } from "./fault.ts";
import { Site } from "./site.ts";
import { markdown } from "./table.ts";
import type { Client } from "./worker.ts";

const faults: ReadonlyArray<Fault> = [...brokerFaults];

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      only: { type: "string" },
      kafkajs: { type: "boolean", default: false },
      consumer: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  if (values.list) {
    for (const { name, what } of faults) console.log(`${name}: ${what}`);
    return 0;
  }
  const only = values.only?.split(",");
  const stray = only?.find((name) => !faults.some((fault) => fault.name === name));
  if (stray !== undefined) {
    console.error(`faults: no fault ${stray}; there are ${faults.map(({ name }) => name).join(", ")}`);
    return 1;
  }
  const clients: Array<Client> = ["ours"];
  if (values.consumer) clients.push("ours, newer group protocol");
  if (values.kafkajs) clients.push("stock kafkajs");
  const rows: Array<Row> = [];
  /** Runs that did not come to an end. */
  const broken: Array<string> = [];
  await using site = await Site.start();
  for (const fault of faults) {
    if (only !== undefined && !only.includes(fault.name)) continue;
    for (const client of clients) {
      const begun = performance.now();
      const row = await suffer(site, fault, client).catch((cause) =>
        console.error(`${fault.name}, ${client}: ${cause}`)
      );
      if (row === undefined) {
        broken.push(`${fault.name}, ${client}`);
        continue;
      }
      rows.push(row);
      console.error(
        `${fault.name}, ${client}: ${Math.round((performance.now() - begun) / 1_000)} s${
          row.note ? `; ${row.note}` : ""
        }`,
      );
      console.error(markdown([row]).split("\n").at(-1));
    }
  }
  console.log(`${markdown(rows)}\n\n${JSON.stringify(rows)}`);
  const harmed = rows.filter(({ client, lost, unhandled, duplicated, misplaced, beyondCommit, failed, open }) =>
    client !== "stock kafkajs" && lost + unhandled + duplicated + misplaced + beyondCommit + failed + open > 0
  );
  for (const { fault } of harmed) console.error(`${fault}: ours lost or repeated something`);
  if (broken.length > 0) console.error(`not counted: ${broken.join("; ")}`);
  return harmed.length + broken.length === 0 ? 0 : 1;
}
