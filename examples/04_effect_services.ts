// An actor as an Effect: it asks for a service, fails with a typed error that is dealt with on the spot, and the system
// does not type-check without the layer that provides the service.
import { actor, ActorSystem, embedded, event, skip } from "@troupe/troupe";
import { Context, Effect, Layer } from "effect";
import { z } from "zod";

class UnknownCity {
  readonly _tag = "UnknownCity";
  constructor(readonly city: string) {}
}
interface Atlas {
  readonly country: (city: string) => Effect.Effect<string, UnknownCity>;
}
const Atlas: Context.Service<Atlas, Atlas> = Context.Service<Atlas>("examples/Atlas");

const countries = new Map([["Oslo", "Norway"]]);
const AtlasLive = Layer.succeed(Atlas, {
  country: (city) => Effect.fromNullishOr(countries.get(city)).pipe(Effect.mapError(() => new UnknownCity(city))),
});

const Visited = event({ name: "Visited", topic: "visits", schema: z.object({ city: z.string() }) });
const waiting = new Map(["Oslo", "Atlantis"].map((city) => [city, Promise.withResolvers<void>()]));

const traveller = actor({
  name: "traveller",
  receives: [Visited],
  receive: ({ city }) =>
    Effect.gen(function* () {
      const atlas = yield* Atlas;
      console.log(`${city} is in ${yield* atlas.country(city)}`);
    }).pipe(
      Effect.catchTag("UnknownCity", (error) => {
        console.log(`nobody knows ${error.city}`);
        return Effect.succeed(skip("not on the map"));
      }),
      Effect.ensuring(Effect.sync(() => waiting.get(city)?.resolve())),
    ),
});

await using system = await ActorSystem.start({
  actors: [traveller],
  broker: embedded(),
  layer: AtlasLive,
  logLevel: "warn",
});
for (const city of waiting.keys()) await system.publish(Visited, { city });
await Promise.all(Array.from(waiting.values(), ({ promise }) => promise));
