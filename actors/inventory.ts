/**
 * The inventory service: `deno task inventory`. Listens only where `PORT` says so.
 * @module
 */
import { ActorSystem } from "@troupe/troupe";
import { readEnvironment, requireKafka } from "./environment.ts";
import { inventoryActor } from "./inventory_actor.ts";
import { program, systemSettings } from "./program.ts";
import { httpServer } from "./server.ts";
import { Stock } from "./stock.ts";
import { stockRoutes } from "./stock_http.ts";

await program(async () => {
  const environment = readEnvironment();
  const { HOST: host, PORT: port } = environment;
  const broker = requireKafka(environment);
  const stock = new Stock(environment.STOCK);
  await ActorSystem.run({
    ...systemSettings(environment),
    broker,
    actors: [inventoryActor(stock)],
    services: port === undefined ? [] : [(system) => httpServer(system, { host, port }, stockRoutes(stock))],
  });
});
