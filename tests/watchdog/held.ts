/**
 * A program whose actor dies of every message, and whose layer never lets go.
 * @module
 */
import { actor, ActorSystem, embedded, event } from "@troupe/troupe";
import { Effect, Layer } from "effect";

const Asked = event({ name: "Asked", topic: "questions" });

const mortal = actor({
  name: "mortal",
  receives: [Asked],
  restart: { max: 0 },
  receive: () => Effect.die(new Error("the shelf has collapsed")),
});

await ActorSystem.run({
  actors: [mortal],
  broker: embedded(),
  layer: Layer.effectDiscard(Effect.addFinalizer(() => Effect.never)),
  services: [(system) => system.send(Asked, new Uint8Array([1]))],
});
