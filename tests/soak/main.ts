/**
 * `deno task soak`: workers under SIGKILL, SIGTERM and SIGSTOP, joins and leaves, and a broker that is killed, at full load, on a
 * Kafka of its own; then what was lost, came twice, or out of order. Exit code 1 where that must not be.
 *
 * --minutes M             how long things happen (default 30)
 * --handovers N           so many clean hand-overs instead, and nothing else: joins and SIGTERM
 * --kafkajs               workers of plain kafkajs instead of ours
 * --seed S                what happens when (default 1)
 * --protocol classic|consumer   the group protocol of ours (default classic)
 * --order key|partition   what keeps its order (default key)
 * --slow SHARE --slow-ms MS     this share of the tasks takes so long (default 0.005, 300 ms)
 * --session MS            the session time-out (default 6,000)
 * --rate N                tasks a second at most (default none: as many as are answered)
 * --window N              tasks that wait for an answer at most (default 50,000)
 * --pause MS              the most there is between two moves (default 10,000), a quarter of it the least
 * --log FILE              what the processes say, with what was done to them
 * --json                  the report as JSON as well
 * @module
 */
import { parseArgs } from "node:util";
import { endOnSignal } from "../../tools/test/ending.ts";
import { soak } from "./soak.ts";
import { markdown, violations } from "./table.ts";

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      minutes: { type: "string", default: "30" },
      handovers: { type: "string" },
      kafkajs: { type: "boolean", default: false },
      seed: { type: "string", default: "1" },
      protocol: { type: "string", default: "classic" },
      order: { type: "string", default: "key" },
      slow: { type: "string", default: "0.005" },
      "slow-ms": { type: "string", default: "300" },
      session: { type: "string", default: "6000" },
      rate: { type: "string", default: "Infinity" },
      window: { type: "string", default: "50000" },
      pause: { type: "string", default: "10000" },
      log: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const ending = endOnSignal();
  const file = values.log === undefined
    ? null
    : Deno.openSync(values.log, { write: true, create: true, truncate: true });
  const write = (line: string) => void file?.writeSync(new TextEncoder().encode(`${line}\n`));
  const report = await soak({
    client: values.kafkajs ? "kafkajs" : "ours",
    length: values.handovers === undefined
      ? { minutes: Number(values.minutes) }
      : { handOvers: Number(values.handovers) },
    seed: Number(values.seed),
    groupProtocol: values.protocol === "consumer" ? "consumer" : "classic",
    order: values.order === "partition" ? "partition" : "key",
    slow: { share: Number(values.slow), ms: Number(values["slow-ms"]) },
    sessionTimeout: Number(values.session),
    rate: Number(values.rate),
    window: Number(values.window),
    pause: [Number(values.pause) / 4, Number(values.pause)],
    signal: ending.signal,
    log: (line) => {
      console.error(line);
      write(`${new Date().toISOString()} ${line}`);
    },
    heard: write,
  });
  if (report === null) {
    console.error("soak: stopped before the end; nothing was counted");
    Deno.exit(ending.code() ?? 1);
  }
  console.log(markdown(report));
  for (const note of report.notes) console.error(`note: ${note}`);
  if (values.json) console.log(JSON.stringify(report));
  const found = violations(report);
  if (found.length > 0) console.error(`soak: ${found.join("; ")}`);
  Deno.exit(found.length > 0 && report.client === "ours" ? 1 : 0);
}
