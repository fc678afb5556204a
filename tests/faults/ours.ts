/**
 * The job done by systems of ours.
 * @module
 */
import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
import { z } from "zod";
import { asked, Counter, keys, readJob, say, sayHandled } from "./job.ts";

const job = readJob();
const broker = kafka({ brokers: job.brokers, clientId: "faults" });
const Counted = event({
  name: "Counted",
  topic: job.topic,
  schema: z.object({ id: z.number(), pad: z.string() }),
  key: ({ id }) => `k-${id % keys}`,
});

if (job.role === "publish") {
  await using system = await ActorSystem.start({ actors: [], events: [Counted], broker, logLevel: "warn" });
  const counter = new Counter(job, (_key, value) => system.publish(Counted, JSON.parse(value)));
  await system.whenReady(60_000);
  say("ready");
  await counter.run();
} else {
  const reader = actor({
    name: "reader",
    group: job.group,
    receives: [Counted],
    receive: ({ id }, { partition, offset }) => sayHandled(partition, offset, id),
  });
  const { groupProtocol } = job;
  await using system = await ActorSystem.start({ actors: [reader], broker, groupProtocol, logLevel: "warn" });
  await system.whenReady(60_000);
  say("ready");
  await asked();
}
Deno.exit(0);
