/**
 * The order service's actor: reads what became of the orders.
 * @module
 */
import { actor, type ActorDefinition } from "@troupe/troupe";
import { InventoryRejected, InventoryReserved } from "./contracts.ts";
import type { OrderBook } from "./order_book.ts";

/** Writes outcomes into `book`. */
export function orderActor(book: OrderBook): ActorDefinition<never, never> {
  return actor({
    name: "order-service",
    group: "order-service-group",
    receives: [InventoryReserved, InventoryRejected],
    receive: {
      InventoryReserved: ({ order_id }) => book.settle({ order_id, status: "reserved" }),
      InventoryRejected: ({ order_id, reason }) => book.settle({ order_id, status: "rejected", reason }),
    },
  });
}
