/**
 * Publishes the tasks, by our own system, as fast as it is allowed to: a line `limit N` on standard input allows the tasks
 * below N, the end of the input ends it. Says in the end which it has handed over and which were given up.
 * @module
 */
import { ActorSystem, event, kafka } from "@troupe/troupe";
import { z } from "zod";
import { say } from "../faults/job.ts";
import { eachLine } from "../faults/worker.ts";
import { keyOf, type Load, sleep } from "./job.ts";

const job: Load = JSON.parse(Deno.args[0]);
const Task = event({
  name: "Task",
  topic: job.tasks,
  schema: z.object({ id: z.int(), pad: z.string() }),
  key: ({ id }) => keyOf(id),
});

// The terminal's Ctrl-C comes here as well: the end of the input says when.
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => {});

let limit = 0;
let ended = false;
eachLine(Deno.stdin.readable, (line) => limit = Number(line.split(" ")[1])).finally(() => ended = true);

await using system = await ActorSystem.start({
  actors: [],
  events: [Task],
  broker: kafka({ brokers: job.brokers, clientId: "soak-load" }),
  logLevel: "warn",
});
await system.whenReady(60_000);
say("ready");

const pad = "x".repeat(70);
const failed: Record<number, string> = {};
let handed = 0;
let open = 0;
while (!ended) {
  // Some at a time, so that standard input is heard.
  for (let i = 0; i < 500 && handed < limit; i++) {
    const id = handed++;
    open++;
    await system.send(Task, { id, pad }, (error) => {
      open--;
      if (error !== null) failed[id] = error.message;
    });
  }
  await sleep(handed < limit ? 0 : 5);
}
while (open > 0) await sleep(5); // at the latest when the delivery time-out is over
say(`published ${JSON.stringify({ handed, failed })}`);
await system.stop();
Deno.exit(0);
