/**
 * The order service: `deno task order`.
 * @module
 */
import { ActorSystem } from "@troupe/troupe";
import { OrderCreated } from "./contracts.ts";
import { readEnvironment, requireKafka } from "./environment.ts";
import { orderActor } from "./order_actor.ts";
import { OrderBook } from "./order_book.ts";
import { OrderDesk } from "./order_desk.ts";
import { orderRoutes } from "./order_http.ts";
import { program, systemSettings } from "./program.ts";
import { httpServer } from "./server.ts";

await program(async () => {
  const environment = readEnvironment();
  const broker = requireKafka(environment);
  const listen = { host: environment.HOST, port: environment.PORT ?? 8080 };
  const book = new OrderBook();
  await ActorSystem.run({
    ...systemSettings(environment),
    broker,
    actors: [orderActor(book)],
    events: [OrderCreated],
    services: [
      (system) => httpServer(system, listen, orderRoutes({ desk: new OrderDesk(system, book), book })),
    ],
  });
});
