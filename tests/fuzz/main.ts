/**
 * `deno task fuzz --mutations N --seed S`: damages recorded answers of a real Kafka and counts what the client makes of
 * them, with the batches' CRC checked and without (a tenth as many). `--first I` begins at mutation I. Exit code 1 when with
 * the CRC a record came out that nobody has written; anything that is neither an answer nor a refusal ends it with its
 * stack. Defaults: 1,000,000 mutations, seed 1.
 * @module
 */
import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.ts";

const { values } = parseArgs({
  options: { mutations: { type: "string" }, seed: { type: "string" }, first: { type: "string" } },
});
const mutations = Number(values.mutations ?? 1_000_000);
const seed = Number(values.seed ?? 1);
const first = Number(values.first ?? 0);

let failed = false;
for (const checkCrc of [true, false]) {
  const count = checkCrc ? mutations : Math.ceil(mutations / 10);
  const start = performance.now();
  const { fetch, others, wrong, slowest } = fuzz({ mutations: count, seed, checkCrc, first });
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(`CRC ${checkCrc ? "on" : "off"}: ${count} mutations, seed ${seed}, ${seconds} s`);
  console.log(`  Fetch: ${said(fetch)}`);
  console.log(`  other APIs: ${said(others)}`);
  console.log(`  slowest: ${Math.round(slowest.ms)} ms (mutation ${slowest.index}); memory ${memory()} MB`);
  if (checkCrc && wrong.length > 0) {
    failed = true;
    console.log(`  wrong: ${wrong.slice(0, 20).join(" ")}`);
  }
}
Deno.exit(failed ? 1 : 0);

function said(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(" · ");
}

function memory(): number {
  return Math.round(Deno.memoryUsage().rss / 2 ** 20);
}
