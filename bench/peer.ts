/**
 * One benchmark of Troupe in a process of its own: told by environment variables what to do, it answers with one line of
 * JSON. Exits with 3 for a workload it does not have.
 * @module
 */
import { taskFromEnvironment } from "./workload/task.ts";
import { consumeBytes, consumeJson } from "./troupe/consume.ts";
import { copy } from "./troupe/copy.ts";
import { latency } from "./troupe/latency.ts";
import { produce } from "./troupe/produce.ts";
import { slow } from "./troupe/slow.ts";
import type { Task } from "./workload/task.ts";

const workloads: Readonly<Record<string, (task: Task) => Promise<void>>> = {
  "consume-raw": consumeBytes,
  "consume-warm": consumeBytes,
  "consume-json": consumeJson,
  "slow-10ms": slow,
  "produce": produce,
  "produce-lz4": produce,
  "latency": latency,
  "copy-alo": copy,
};

if (import.meta.main) {
  const task = taskFromEnvironment();
  const run = workloads[task.workload];
  if (run === undefined) {
    console.error(
      `there is no workload ${JSON.stringify(task.workload)}; there are ${Object.keys(workloads).join(", ")}`,
    );
    Deno.exit(3);
  }
  await run(task);
}
