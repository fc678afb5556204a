import type { Item } from "../../actors/contracts.ts";
import { Stock } from "../../actors/stock.ts";
import { assertEquals } from "../assert.ts";

const now = () => 1_700_000_000_999;
const units = new Map([["default", 2], ["book", 5], ["pen", 1]]);
const make = (remember?: number) => new Stock(units, now, remember);
const order = (order_id: string, items?: ReadonlyArray<Item>) => ({
  order_id,
  customer: "Ada",
  amount: 1,
  timestamp: 1,
  ...(items && { items }),
});
const book = (quantity: number): Item => ({ sku: "book", quantity });
const pen = (quantity: number): Item => ({ sku: "pen", quantity });
const rejected = (order_id: string, reason: string) => ({
  type: "rejected" as const,
  message: { order_id, reason, timestamp: 1_700_000_000 },
});

Deno.test("Stock.reserve puts the items of an order aside", () => {
  const stock = make();
  assertEquals(stock.reserve(order("o-1", [book(2), pen(1)])), {
    type: "reserved",
    message: { order_id: "o-1", items: [book(2), pen(1)], timestamp: 1_700_000_000 },
  });
  assertEquals(stock.level("book"), { sku: "book", available: 3, reserved: 2 });
  assertEquals(stock.level("pen"), { sku: "pen", available: 0, reserved: 1 });
});

Deno.test("Stock.reserve takes one unit of default when the order names no items", () => {
  const stock = make();
  assertEquals(stock.reserve(order("o-1")), {
    type: "reserved",
    message: { order_id: "o-1", items: [{ sku: "default", quantity: 1 }], timestamp: 1_700_000_000 },
  });
  assertEquals(stock.level("default"), { sku: "default", available: 1, reserved: 1 });
});

Deno.test("Stock.reserve takes all items or none", () => {
  const stock = make();
  assertEquals(stock.reserve(order("o-1", [book(5), pen(2)])), rejected("o-1", "insufficient-stock"));
  assertEquals(stock.reserve(order("o-2", [book(1), { sku: "car", quantity: 1 }])), rejected("o-2", "unknown-sku"));
  assertEquals(stock.level("book"), { sku: "book", available: 5, reserved: 0 });
});

Deno.test("Stock.reserve adds up a sku that is named twice", () => {
  const stock = make();
  assertEquals(stock.reserve(order("o-1", [book(3), book(3)])), rejected("o-1", "insufficient-stock"));
  assertEquals(stock.reserve(order("o-2", [book(3), book(2)])).type, "reserved");
  assertEquals(stock.level("book"), { sku: "book", available: 0, reserved: 5 });
});

Deno.test("Stock.reserve calls a sku unknown before it calls another short", () => {
  assertEquals(
    make().reserve(order("o-1", [book(99), { sku: "constructor", quantity: 1 }])),
    rejected("o-1", "unknown-sku"),
  );
});

Deno.test("Stock.reserve gives the same answer again and takes nothing more", () => {
  const stock = make();
  const first = stock.reserve(order("o-1", [book(5)]));
  assertEquals(stock.reserve(order("o-1", [book(5)])), first);
  const no = stock.reserve(order("o-2", [book(1)]));
  assertEquals(no, rejected("o-2", "insufficient-stock"));
  assertEquals(stock.reserve(order("o-2")), no);
  assertEquals(stock.level("book"), { sku: "book", available: 0, reserved: 5 });
  assertEquals(stock.level("default"), { sku: "default", available: 2, reserved: 0 });
});

Deno.test("Stock.level knows only what is kept", () => {
  assertEquals(make().level("car"), undefined);
});
