/**
 * A program whose actor dies of every message, on the embedded broker.
 * @module
 */
import { actor, ActorSystem, embedded, event } from "@troupe/troupe";
import { Effect } from "effect";
import { z } from "zod";

const Asked = event({ name: "Asked", topic: "questions", schema: z.string(), key: (question) => question });

const mortal = actor({
  name: "mortal",
  receives: [Asked],
  restart: { max: 2, initial: 10 },
  receive: () => Effect.die(new Error("the shelf has collapsed")),
});

await ActorSystem.run({
  actors: [mortal],
  broker: embedded(),
  services: [(system) => system.send(Asked, "why?")],
});
