/**
 * A program whose actor never finishes its message, on the embedded broker. Prints `at work` when the actor has it.
 *
 * `DRAIN_TIMEOUT` in milliseconds.
 * @module
 */
import { actor, ActorSystem, embedded, event } from "@troupe/troupe";
import { z } from "zod";

const Asked = event({ name: "Asked", topic: "questions", schema: z.string(), key: (question) => question });

const philosopher = actor({
  name: "philosopher",
  receives: [Asked],
  receive: () => {
    console.log("at work");
    return new Promise(() => {});
  },
});

await ActorSystem.run({
  actors: [philosopher],
  broker: embedded(),
  drainTimeout: Number(Deno.env.get("DRAIN_TIMEOUT")),
  services: [(system) => system.send(Asked, "why?")],
});
