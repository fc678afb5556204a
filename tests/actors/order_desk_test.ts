import { OrderBook } from "../../actors/order_book.ts";
import { OrderDesk } from "../../actors/order_desk.ts";
import { assert, assertEquals, assertNotEquals } from "../assert.ts";
import { FakeSystem } from "./fake_system.ts";

function make(manual: boolean) {
  const system = new FakeSystem(manual);
  const book = new OrderBook();
  return { system, book, desk: new OrderDesk(system, book) };
}
const request = { customer: "Ada", amount: 5 };
const turn = () => new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));

Deno.test("OrderDesk.submit publishes exactly the contract's fields", async () => {
  const { system, desk } = make(false);
  const before = Math.floor(Date.now() / 1_000);
  const { orderId, failure } = desk.submit(request);
  assertEquals(await failure, undefined);
  const message = system.published[0].message as { timestamp: number };
  assertEquals(message, { order_id: orderId, customer: "Ada", amount: 5, timestamp: message.timestamp } as never);
  assert(Number.isInteger(message.timestamp) && message.timestamp >= before && message.timestamp <= before + 60);
  assertEquals(system.published[0].options, undefined);
});

Deno.test("OrderDesk.submit passes items and the trace on", async () => {
  const { system, desk } = make(false);
  const items = [{ sku: "book", quantity: 2 }];
  await desk.submit({ ...request, order_id: "o-1", items }, { traceparent: "00-a" }).failure;
  assertEquals((system.published[0].message as { items: unknown }).items, items);
  assertEquals(system.published[0].options, { headers: { traceparent: "00-a" } });
});

Deno.test("OrderDesk.submit publishes once for one key, and once for one order_id", async () => {
  const { system, desk } = make(true);
  const first = desk.submit(request, { idempotencyKey: "k" });
  assertEquals(desk.submit(request, { idempotencyKey: "k" }).failure, first.failure); // still under way
  assertEquals(desk.submit({ ...request, order_id: first.orderId }).failure, first.failure);
  await turn();
  system.published[0].acknowledge();
  assertEquals(await first.failure, undefined);
  const again = desk.submit(request, { idempotencyKey: "k" });
  assertEquals([again.orderId, await again.failure], [first.orderId, undefined]);
  assertEquals(
    await desk.submit({ ...request, order_id: first.orderId }, { idempotencyKey: "other" }).failure,
    undefined,
  );
  assertEquals(desk.submit(request, { idempotencyKey: "other" }).orderId, first.orderId);
  assertEquals(system.published.length, 1);
});

Deno.test("OrderDesk.submit makes an order of each request without key and order_id", async () => {
  const { system, desk } = make(false);
  const [a, b] = [desk.submit(request), desk.submit(request)];
  await Promise.all([a.failure, b.failure]);
  assertNotEquals(a.orderId, b.orderId);
  assertEquals(system.published.length, 2);
});

Deno.test("OrderDesk.submit publishes again after a failure for good, under the key's order_id", async () => {
  const { system, book, desk } = make(true);
  const first = desk.submit(request, { idempotencyKey: "k" });
  assertEquals(book.get(first.orderId)?.status, "pending");
  await turn();
  system.published[0].fail(new Error("no broker"));
  assertEquals((await first.failure)?.message, "no broker");
  assertEquals(book.get(first.orderId), undefined);
  const second = desk.submit(request, { idempotencyKey: "k" });
  assertEquals(second.orderId, first.orderId);
  await turn();
  system.published[1].acknowledge();
  assertEquals(await second.failure, undefined);
});
