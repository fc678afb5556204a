/**
 * What stands on the shop's topics. Messages are checked by these schemas when they are read: types are strict, and
 * fields that are not named here are left out.
 * @module
 */
import { event, type EventDefinition } from "@troupe/troupe";
import { z } from "zod";

/** So many units of one thing. */
export interface Item {
  readonly sku: string;
  readonly quantity: number;
}

/** An order as the order service, or any other client, writes it. */
export interface Order {
  readonly order_id: string;
  readonly customer: string;
  readonly amount: number;
  /** Seconds since 1970; other clients write fractions too. */
  readonly timestamp: number;
  readonly items?: ReadonlyArray<Item> | undefined;
}

/** The inventory's yes: these units are put aside. */
export interface Reserved {
  readonly order_id: string;
  readonly items: ReadonlyArray<Item>;
  readonly timestamp: number;
}

/** The inventory's no. */
export interface Rejected {
  readonly order_id: string;
  readonly reason: string;
  readonly timestamp: number;
}

/** A quantity below one would give units back: no order may do that. */
export const itemSchema: z.ZodType<Item> = z.object({ sku: z.string(), quantity: z.int().min(1) });

/** An order was placed. */
export const OrderCreated: EventDefinition<"OrderCreated", Order> = event({
  name: "OrderCreated",
  topic: "orders-topic",
  schema: z.object({
    order_id: z.string(),
    customer: z.string(),
    amount: z.number(),
    timestamp: z.number(),
    items: z.array(itemSchema).optional(),
  }),
  key: (order: Order) => order.order_id,
});

/** The units of an order are put aside. */
export const InventoryReserved: EventDefinition<"InventoryReserved", Reserved> = event({
  name: "InventoryReserved",
  topic: "inventory-topic",
  schema: z.object({ order_id: z.string(), items: z.array(itemSchema), timestamp: z.number() }),
  key: (reserved: Reserved) => reserved.order_id,
});

/** An order can't be served. */
export const InventoryRejected: EventDefinition<"InventoryRejected", Rejected> = event({
  name: "InventoryRejected",
  topic: "inventory-topic",
  schema: z.object({ order_id: z.string(), reason: z.string(), timestamp: z.number() }),
  key: (rejected: Rejected) => rejected.order_id,
});
