/**
 * One benchmark in a process of its own: told by environment variables what to do, it answers with one line of JSON.
 * `deno run -A bench/peer.ts [CLIENT]`, Troupe unless another is named. Exits with 3 for a workload the client does not
 * have.
 * @module
 */
import { type Task, taskFromEnvironment } from "./workload/task.ts";

type Workloads = Readonly<Record<string, (task: Task) => Promise<void>>>;

/** Loaded only where they are asked for: their code and memory count. */
const clients: Readonly<Record<string, () => Promise<Workloads>>> = {
  troupe: async () => (await import("./troupe/mod.ts")).troupe,
  kafkajs: async () => (await import("./npm/kafkajs.ts")).kafkajs,
  platformatic: async () => (await import("./npm/platformatic.ts")).platformatic,
};

if (import.meta.main) {
  const [client = "troupe"] = Deno.args;
  const task = taskFromEnvironment();
  const run = (await clients[client]?.())?.[task.workload];
  if (run === undefined) {
    console.error(`${client} has no workload ${JSON.stringify(task.workload)}`);
    Deno.exit(3);
  }
  await run(task);
}
