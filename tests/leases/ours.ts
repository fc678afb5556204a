/**
 * A worker that is a system of ours. A third of the records is handled by a plain function, a third by a Promise, a third
 * by an Effect.
 * @module
 */
import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
import { Effect } from "effect";
import { asked, begin, type Echo, echoTopic, isBad, readJob, say, work } from "./job.ts";

const job = readJob();
const { name, topic, group, groupProtocol, sessionTimeout } = job;
const Numbered = event({ name: "Numbered", topic });
const Echoed = event({ name: "Echoed", topic: echoTopic(topic) });
const encoder = new TextEncoder();

const worker = actor({
  name: "worker",
  group,
  receives: [Numbered],
  publishes: [Echoed],
  concurrency: 8,
  retry: { times: 1, initial: 20, jitter: false },
  receive: (_, context) => {
    const { partition, offset, lease: { generation: grant } } = context;
    const echo: Echo = { worker: name, partition, offset, grant, at: Date.now() };
    begin(echo);
    const end = () => {
      if (isBad(offset)) throw new Error(JSON.stringify(echo));
      context.publish(Echoed, encoder.encode(JSON.stringify(echo)), { partition });
    };
    if (offset % 3 === 0) return void end();
    if (offset % 3 === 1) return new Promise((resolve) => setTimeout(resolve, work)).then(end);
    return Effect.flatMap(Effect.sleep(work), () => Effect.try({ try: end, catch: (error) => error }));
  },
});
await using system = await ActorSystem.start({
  actors: [worker],
  broker: kafka({ brokers: job.brokers, clientId: name }),
  groupProtocol,
  sessionTimeout,
  logLevel: "error",
});
await system.whenReady(60_000);
say("ready");
await asked(job);
await system.stop();
Deno.exit(0);
