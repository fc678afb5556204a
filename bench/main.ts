/**
 * `deno task bench`: Troupe beside the clients of npm, on the Kafka that KAFKA_BROKERS names. Each run has a process of
 * its own; the clients take turns, so that a machine that is slower for a while is so for all.
 *
 * `--quick`: two rounds of less, about three minutes. `--rounds N` (default 5) · `--only TEXT`: measurements whose name
 * contains it · `--json FILE`: every run, for `bench/graph.ts`.
 * @module
 */
import { Admin, kafka } from "@troupe/troupe";
import os from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { runClient } from "./runner/client_process.ts";
import { type Measurement, measurements, type Variant } from "./runner/measurements.ts";
import type { Report, Run } from "./runner/result.ts";
import { rate } from "./runner/result.ts";
import { tables } from "./runner/table.ts";
import { filledTopic, newTopic } from "./runner/topics.ts";

/** A wrong variable in the environment. */
const configuration = 78;

class Bench {
  readonly runs: Run[] = [];

  constructor(private readonly admin: Admin, private readonly brokers: string, private readonly quick: boolean) {}

  async measure(measurement: Measurement, rounds: number): Promise<void> {
    const { name, reads } = measurement;
    const topic = reads === undefined
      ? undefined
      : await filledTopic(this.admin, this.brokers, reads.name, this.quick ? reads.quick : reads.count, reads.keys);
    const failed = new Set<Variant>();
    for (let round = 0; round < rounds; round++) {
      for (const variant of measurement.variants) {
        if (failed.has(variant)) continue;
        try {
          const run = await this.#run(measurement, variant, round, topic);
          this.runs.push(run);
          const each = `${(run.cpu_us / run.n).toFixed(2)} µs of processor time each`;
          console.error(`${name}: ${variant.label}: ${Math.round(rate(run)).toLocaleString("en")}/s, ${each}`);
        } catch (error) {
          failed.add(variant);
          console.error(`${name}: ${variant.label}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }
  }

  async #run({ name, workload }: Measurement, variant: Variant, round: number, topic?: string): Promise<Run> {
    const id = `bench-${workload}-${variant.client}-${Date.now()}`;
    await using fresh = topic === undefined ? await newTopic(this.admin, id) : null;
    const n = this.quick ? variant.quick : variant.count;
    const result = await runClient(variant.client, {
      KAFKA_BROKERS: this.brokers,
      BENCH_WORKLOAD: workload,
      BENCH_TOPIC: topic ?? fresh?.name ?? id,
      BENCH_GROUP: id,
      BENCH_N: String(n),
      BENCH_MODE: variant.mode ?? "",
    });
    return { measurement: name, client: variant.label, round, ...result };
  }
}

function machine(): Report["machine"] {
  const cpus = os.cpus();
  return {
    cpus: cpus.length,
    model: cpus[0]?.model ?? "unknown",
    memoryMb: Math.round(os.totalmem() / 2 ** 20),
    os: `${Deno.build.os} ${Deno.build.arch}`,
    deno: Deno.version.deno,
    load: Deno.loadavg()[0],
  };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string", default: "" },
      json: { type: "string" },
    },
  });
  const brokers = process.env.KAFKA_BROKERS;
  if (!brokers) {
    console.error(
      "KAFKA_BROKERS says on which Kafka to measure: run `deno task kafka` in another terminal, and this with " +
        "KAFKA_BROKERS=127.0.0.1:9092 (`deno task bench:embedded` needs none)",
    );
    return configuration;
  }
  const on = machine();
  if (on.load > on.cpus / 4) {
    console.error(
      `the machine has other work (load ${on.load.toFixed(1)} on ${on.cpus} cores): look at processor time`,
    );
  }
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
  await using admin = await Admin.connect(kafka({ brokers }), { logLevel: "warn" });
  const bench = new Bench(admin, brokers, values.quick);
  for (const measurement of measurements) {
    if (measurement.name.includes(values.only)) await bench.measure(measurement, rounds);
  }
  const report: Report = { at: new Date().toISOString(), machine: on, quick: values.quick, runs: bench.runs };
  console.log(tables(report));
  if (values.json !== undefined) await Deno.writeTextFile(values.json, JSON.stringify(report, null, 1) + "\n");
  return bench.runs.length > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
