// A program that only publishes: no actors, and the answer is where the record stands once the broker has it.
import { ActorSystem, embedded, event } from "@troupe/troupe";
import { z } from "zod";

const Measured = event({ name: "Measured", topic: "measurements", schema: z.object({ celsius: z.number() }) });

await using system = await ActorSystem.start({
  actors: [],
  events: [Measured],
  broker: embedded(),
  partitions: 1,
  logLevel: "warn",
});
const { topic, partition, offset } = await system.publish(Measured, { celsius: 21.5 });
console.log(`${topic}/${partition}@${offset}`);
