/**
 * A static member of a group, on the Kafka that `KAFKA_BROKERS` names; `TOPIC`, `GROUP` and `INSTANCE` say what it is. Says
 * whose each message was.
 * @module
 */
import { actor, ActorSystem, event, kafka } from "@troupe/troupe";
import { z } from "zod";

const env = (name: string) => Deno.env.get(name) ?? "";

const Numbered = event({ name: "Numbered", topic: env("TOPIC"), schema: z.object({ key: z.string() }) });

const reader = actor({
  name: "reader",
  group: env("GROUP"),
  receives: [Numbered],
  receive: ({ key }, { partition }) => console.log(`${key} on ${partition}`),
});

await ActorSystem.run({
  actors: [reader],
  broker: kafka({ brokers: env("KAFKA_BROKERS") }),
  instanceId: env("INSTANCE"),
  heartbeatInterval: 100,
  services: [(system) => void system.whenReady(60_000).then((ready) => console.log(ready ? "ready" : "not ready"))],
});
