// Many messages at once: receiveBatch gets what one partition has, in offset order, up to batchSize.
import { actor, ActorSystem, embedded, event } from "@troupe/troupe";
import { z } from "zod";

const schema = z.object({ page: z.string() });
const key = (view: { page: string }) => view.page;
const Viewed = event({ name: "Viewed", topic: "views", schema, key });

const total = 1_000;
let seen = 0;
let largest = 0;
const done = Promise.withResolvers<void>();

const counter = actor({
  name: "counter",
  receives: [Viewed],
  batchSize: 200,
  receiveBatch: (batch) => {
    seen += batch.length;
    largest = Math.max(largest, batch.length);
    if (seen >= total) done.resolve();
  },
});

await using system = await ActorSystem.start({
  actors: [counter],
  broker: embedded(),
  partitions: 2,
  logLevel: "warn",
});
await Promise.all(Array.from({ length: total }, (_, i) => system.publish(Viewed, { page: `page-${i % 50}` })));
await done.promise;
console.log(`${seen} views, never more than 200 at once: ${largest <= 200}`);
