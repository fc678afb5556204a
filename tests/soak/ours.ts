/**
 * A worker of ours.
 * @module
 */
import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
import { z } from "zod";
import { say } from "../faults/job.ts";
import { isSlow, type Job, keyOf, sleep, watchStalls } from "./job.ts";
import { Journal } from "./journal.ts";

const job: Job = JSON.parse(Deno.args[0]);
const journal = new Journal(job.journal);

const Task = event({
  name: "Task",
  topic: job.tasks,
  schema: z.object({ id: z.int(), pad: z.string() }),
  key: ({ id }) => keyOf(id),
});
const Answer = event({
  name: "Answer",
  topic: job.answers,
  schema: z.object({ id: z.int(), worker: z.int(), life: z.int() }),
  key: ({ id }) => keyOf(id),
});

let lives = 0;
const inventory = actor({
  name: "inventory",
  group: job.group,
  order: job.order,
  receives: [Task],
  publishes: [Answer],
  resources: () => ++lives,
  receive: ({ id }, context) => {
    const { resources: life } = context;
    journal.begin(id, life);
    const answer = () => context.publish(Answer, { id, worker: job.worker, life });
    return isSlow(id, job.slow) ? sleep(job.slow.ms).then(answer) : answer();
  },
});

await ActorSystem.run({
  actors: [inventory],
  broker: kafka({ brokers: job.brokers, clientId: `soak-${job.worker}` }),
  groupProtocol: job.groupProtocol,
  sessionTimeout: job.sessionTimeout,
  logLevel: "warn",
  services: [
    () => watchStalls(say),
    (system) => void system.whenReady(600_000).then((ready) => ready && say("ready")),
  ],
});
