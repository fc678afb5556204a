// The smallest program: one event, one actor, one message, on the broker that is built in.
import { actor, ActorSystem, embedded, event } from "@troupe/troupe";
import { z } from "zod";

const Greeted = event({
  name: "Greeted",
  topic: "greetings",
  schema: z.object({ name: z.string() }),
  key: (greeting) => greeting.name,
});

const received = Promise.withResolvers<void>();

const greeter = actor({
  name: "greeter",
  receives: [Greeted],
  receive: (greeting) => {
    console.log(`hello, ${greeting.name}`);
    received.resolve();
  },
});

await using system = await ActorSystem.start({ actors: [greeter], broker: embedded(), logLevel: "warn" });
await system.publish(Greeted, { name: "world" });
await received.promise;
