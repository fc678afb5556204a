import { InventoryRejected, InventoryReserved, OrderCreated } from "../../actors/contracts.ts";
import { assert, assertEquals } from "../assert.ts";

const order = { order_id: "o-1", customer: "Ada", amount: 12.5, timestamp: 1_700_000_000 };

Deno.test("OrderCreated reads an order and leaves unknown fields out", () => {
  const read = OrderCreated.schema?.parse({
    ...order,
    coupon: "x",
    items: [{ sku: "book", quantity: 2, colour: "red" }],
  });
  assertEquals(read, { ...order, items: [{ sku: "book", quantity: 2 }] });
  assertEquals(OrderCreated.schema?.parse(order), order);
});

Deno.test("OrderCreated refuses a field that is missing or of another type", () => {
  const wrong = [
    null,
    [],
    "order",
    { ...order, order_id: 1 },
    { ...order, customer: undefined },
    { ...order, amount: "12.5" },
    { ...order, timestamp: "2024-01-01" },
    { ...order, items: null },
    { ...order, items: {} },
    { ...order, items: [{ sku: "book" }] },
    { ...order, items: [{ sku: "book", quantity: 0 }] },
    { ...order, items: [{ sku: "book", quantity: -2 }] },
    { ...order, items: [{ sku: "book", quantity: 1.5 }] },
  ];
  for (const each of wrong) assert(!OrderCreated.schema?.safeParse(each).success, JSON.stringify(each));
});

Deno.test("the contracts stand on the agreed topics, keyed by order_id", () => {
  const outcome = { order_id: "o-1", timestamp: 1 };
  assertEquals([OrderCreated.topic, OrderCreated.keyOf(order)], ["orders-topic", "o-1"]);
  assertEquals(InventoryReserved.topic, "inventory-topic");
  assertEquals(InventoryReserved.keyOf({ ...outcome, items: [] }), "o-1");
  assertEquals(InventoryRejected.topic, "inventory-topic");
  assertEquals(InventoryRejected.keyOf({ ...outcome, reason: "unknown-sku" }), "o-1");
});
