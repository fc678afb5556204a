/**
 * The whole shop in one process: what `deno task dev` runs and starts again on a change. `--quiet-shop` orders nothing
 * by itself.
 * @module
 */
import { ActorSystem, type Broker, ConfigError, embedded } from "@troupe/troupe";
import { Effect } from "effect";
import { OrderCreated } from "./contracts.ts";
import { type Environment, readEnvironment, requireKafka } from "./environment.ts";
import { inventoryActor } from "./inventory_actor.ts";
import { orderActor } from "./order_actor.ts";
import { OrderBook } from "./order_book.ts";
import { OrderDesk } from "./order_desk.ts";
import { orderRoutes } from "./order_http.ts";
import { orderPage } from "./order_page.ts";
import { program, systemSettings } from "./program.ts";
import { sampleOrders } from "./sample_orders.ts";
import { httpServer } from "./server.ts";
import { Stock } from "./stock.ts";
import { stockRoutes } from "./stock_http.ts";

await program(async () => {
  const environment = readEnvironment();
  const quiet = readArguments(Deno.args);
  const broker = await brokerOf(environment);
  const listen = { host: environment.HOST, port: environment.PORT ?? 8080 };
  const stock = new Stock(environment.STOCK);
  const book = new OrderBook();
  await ActorSystem.run({
    ...systemSettings(environment),
    broker,
    actors: [inventoryActor(stock), orderActor(book)],
    events: [OrderCreated],
    services: [(system) => {
      const desk = new OrderDesk(system, book);
      const stack = new AsyncDisposableStack();
      stack.use(httpServer(system, listen, orderRoutes({ desk, book }), stockRoutes(stock), orderPage(book)));
      if (!quiet) stack.use(sampleOrders(system, desk));
      return stack;
    }],
  });
});

function readArguments(args: ReadonlyArray<string>): boolean {
  const unknown = args.find((arg) => arg !== "--quiet-shop");
  if (unknown !== undefined) throw new ConfigError(JSON.stringify(unknown), "expected --quiet-shop or nothing");
  return args.length > 0;
}

/** Kafka where one is named, else a broker of our own that keeps its log in a file. */
async function brokerOf(environment: Environment): Promise<Broker> {
  const { KAFKA_BROKERS: brokers, DATA_DIR: directory } = environment;
  if (brokers !== undefined) return requireKafka(environment);
  const file = `${directory}/embedded.log`;
  try {
    await Deno.mkdir(directory, { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError("DATA_DIR", reason, { cause: error });
  }
  console.log(`KAFKA_BROKERS is not set: using the embedded broker, its log is ${file}`);
  const broker = embedded({ file });
  // What is wrong with the file is for the user wrong with the variable.
  return { ...broker, open: Effect.mapError(broker.open, ({ detail }) => new ConfigError("DATA_DIR", detail)) };
}
