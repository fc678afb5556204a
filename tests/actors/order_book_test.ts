import { OrderBook } from "../../actors/order_book.ts";
import { assertEquals } from "../assert.ts";

Deno.test("OrderBook shows an order from pending to its outcome", () => {
  const book = new OrderBook();
  book.pending("o-1");
  assertEquals(book.get("o-1"), { order_id: "o-1", status: "pending" });
  book.settle({ order_id: "o-1", status: "rejected", reason: "unknown-sku" });
  assertEquals(book.get("o-1"), { order_id: "o-1", status: "rejected", reason: "unknown-sku" });
  assertEquals(book.get("o-2"), undefined);
});

Deno.test("OrderBook.pending leaves an outcome that came first", () => {
  const book = new OrderBook();
  book.settle({ order_id: "o-1", status: "reserved" });
  book.pending("o-1");
  assertEquals(book.get("o-1"), { order_id: "o-1", status: "reserved" });
});

Deno.test("OrderBook.forget takes out what is pending, not what has an outcome", () => {
  const book = new OrderBook();
  book.pending("o-1");
  book.settle({ order_id: "o-2", status: "reserved" });
  book.forget("o-1");
  book.forget("o-2");
  assertEquals(book.get("o-1"), undefined);
  assertEquals(book.newest(10), [{ order_id: "o-2", status: "reserved" }]);
});

Deno.test("OrderBook.newest lists the last known orders first, each once", () => {
  const book = new OrderBook();
  for (let i = 0; i < 5_000; i++) book.pending(`o-${i}`);
  for (let i = 0; i < 5_000; i += 2) book.settle({ order_id: `o-${i}`, status: "reserved" });
  const list = book.newest(1_000);
  assertEquals(list.length, 1_000);
  assertEquals(list.slice(0, 2), [{ order_id: "o-4999", status: "pending" }, {
    order_id: "o-4998",
    status: "reserved",
  }]);
  assertEquals(list[999].order_id, "o-4000");
  assertEquals(book.newest(3).map(({ order_id }) => order_id), ["o-4999", "o-4998", "o-4997"]);
});
