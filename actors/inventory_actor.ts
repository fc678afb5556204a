/**
 * The inventory service's actor: every order gets one answer.
 * @module
 */
import { actor, type ActorDefinition } from "@troupe/troupe";
import { InventoryRejected, InventoryReserved, OrderCreated } from "./contracts.ts";
import type { Stock } from "./stock.ts";

/** Answers orders from `stock`. */
export function inventoryActor(stock: Stock): ActorDefinition<never, never> {
  return actor({
    name: "inventory-service",
    group: "inventory-service-group",
    receives: [OrderCreated],
    publishes: [InventoryReserved, InventoryRejected],
    receive: (order, context) => {
      const answer = stock.reserve(order);
      if (answer.type === "reserved") context.publish(InventoryReserved, answer.message);
      else context.publish(InventoryRejected, answer.message);
    },
  });
}
