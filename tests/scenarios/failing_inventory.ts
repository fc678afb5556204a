/**
 * An inventory as a user of the framework would write it, whose work takes time and fails now and then: the first attempt
 * at every twentieth record of a partition. Each answer says in its header `source` which record it answers.
 *
 * `KAFKA_BROKERS` as in the shop.
 * @module
 */
import { actor, ActorSystem, kafka } from "@troupe/troupe";
import { InventoryReserved, OrderCreated } from "../../actors/contracts.ts";
import { Stock } from "../../actors/stock.ts";

const stock = new Stock(new Map([["default", 1_000_000]]));

/** Milliseconds that an order takes. */
const work = 20;

const inventory = actor({
  name: "failing-inventory",
  group: "inventory-service-group",
  receives: [OrderCreated],
  publishes: [InventoryReserved],
  retry: { initial: 20 },
  receive: async (order, context) => {
    await new Promise((resolve) => setTimeout(resolve, work));
    if (context.offset % 20 === 7 && context.attempt === 1) throw new Error("the shelf is being moved");
    const answer = stock.reserve(order);
    if (answer.type === "rejected") throw new Error(answer.message.reason);
    context.publish(InventoryReserved, answer.message, {
      headers: { source: `${context.partition}/${context.offset}`, attempt: String(context.attempt) },
    });
  },
});

await ActorSystem.run({
  actors: [inventory],
  broker: kafka({ brokers: Deno.env.get("KAFKA_BROKERS") ?? "" }),
  services: [(system) => void system.whenReady(60_000).then((ready) => console.log(ready ? "ready" : "not ready"))],
});
