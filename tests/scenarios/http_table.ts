/**
 * What the order service promises over HTTP, request by request, asked of a running one.
 * @module
 */
import { assert, assertEquals, assertMatch } from "../assert.ts";
import type { Service } from "./shop.ts";
import { until } from "./within.ts";

/** An order as it was handed in, with the id it got. */
export interface Accepted {
  readonly order_id: string;
  readonly customer: string;
  readonly amount: number;
  readonly items?: ReadonlyArray<{ readonly sku: string; readonly quantity: number }>;
  readonly traceparent?: string;
}

/** Hands in orders of all kinds; answers those that were accepted. The stock must be 3 books and a hundred `default`s. */
export async function checkOrders(service: Service): Promise<ReadonlyArray<Accepted>> {
  const plain = { customer: "Ada", amount: 12.5 };
  const first = await service.post(plain);
  const { order_id } = first.body;
  assertEquals([first.status, first.body], [202, { order_id, status: "pending" }]);
  assertEquals(first.headers.get("location"), `/order/${order_id}`);
  assertEquals(await outcome(service, order_id), { order_id, status: "reserved" });

  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const books = { customer: "Bob", amount: 40, order_id: "books/1 ü", items: [{ sku: "book", quantity: 2 }] };
  const second = await service.post(books, { traceparent });
  assertEquals([second.status, second.body.order_id], [202, books.order_id]);
  assertEquals(second.headers.get("location"), "/order/books%2F1%20%C3%BC");
  assertEquals(await outcome(service, books.order_id), { order_id: books.order_id, status: "reserved" });

  const more = { ...books, order_id: "books-2" };
  const unknown = { customer: "Cyd", amount: 1, order_id: "cake-1", items: [{ sku: "cake", quantity: 1 }] };
  for (const [order, reason] of [[more, "insufficient-stock"], [unknown, "unknown-sku"]] as const) {
    assertEquals((await service.post(order)).status, 202);
    assertEquals(await outcome(service, order.order_id), { order_id: order.order_id, status: "rejected", reason });
  }

  // Handed in again: at once, under the same key, and under the same order_id.
  const key = { "idempotency-key": "key 1" };
  const same = await Promise.all([service.post(plain, key), service.post(plain, key), service.post(plain, key)]);
  const id = same[0].body.order_id;
  assertEquals(
    same.map(({ status, body }) => [status, body]),
    same.map(() => [202, { order_id: id, status: "pending" }]),
  );
  for (const again of [await service.post(plain, key), await service.post({ ...plain, order_id: id })]) {
    assertEquals([again.status, again.body.order_id], [202, id]);
  }
  assertEquals(await outcome(service, id), { order_id: id, status: "reserved" });
  assertEquals((await service.get("/orders?limit=2")).body, {
    orders: [{ order_id: id, status: "reserved" }, { order_id: "cake-1", status: "rejected" }],
  });
  assertEquals((await service.get("/orders")).body.orders.length, 5);
  return [{ ...plain, order_id }, { ...books, traceparent }, more, unknown, { ...plain, order_id: id }];
}

const outcome = async (service: Service, id: string) =>
  (await until(
    () => service.get(`/order/${encodeURIComponent(id)}`),
    ({ status, body }) => status === 200 && body.status !== "pending",
    `the outcome of ${id}`,
  )).body;

/** Every refusal. Nothing of this may be published. */
export async function checkRefusals(service: Service): Promise<void> {
  const json = { "content-type": "application/json" };
  const post = (body: BodyInit, headers: Record<string, string> = json) =>
    service.request("/order", { method: "POST", headers, body });
  const order = JSON.stringify({ customer: "Ada", amount: 5 });

  const wrong: ReadonlyArray<readonly [body: string, path: string]> = [
    ["{", ""],
    ["null", ""],
    ['{"amount": 5}', "customer"],
    ['{"customer": "Ada", "amount": 0}', "amount"],
    ['{"customer": "Ada", "amount": "5"}', "amount"],
    ['{"customer": "Ada", "amount": 5, "order_id": 7}', "order_id"],
    ['{"customer": "Ada", "amount": 5, "items": [{"sku": "book"}]}', "items.0.quantity"],
  ];
  for (const [body, path] of wrong) {
    const answer = await post(body);
    assertEquals([answer.status, answer.body.issues.length, answer.body.issues[0].path], [400, 1, path], body);
    assert(answer.body.error.length > 0 && answer.body.issues[0].message.length > 0, body);
  }
  await refused(post(order, { "content-type": "text/plain" }), 415);
  await refused(post(order, {}), 415); // which fetch sends as text/plain
  await refused(post(order.padEnd(65_537)), 413);
  await refused(post(new Blob([order.padEnd(70_000)]).stream()), 413); // of unknown length
  for (
    const [path, method, allow] of [["/order", "PUT", "POST"], ["/order/x", "DELETE", "GET"], [
      "/orders",
      "POST",
      "GET",
    ]]
  ) {
    const answer = await refused(service.request(path, { method }), 405);
    assertMatch(answer.headers.get("allow") ?? "", new RegExp(`\\b${allow}\\b`), `${method} ${path}`);
  }
  await refused(service.get("/order"), 405);
  await refused(service.get("/order/nobody's"), 404);
  for (const path of ["/", "/nowhere", "/order/", "/stock/default"]) await refused(service.get(path), 404);
  for (const limit of ["0", "1001", "x", "-1", "1.5"]) await refused(service.get(`/orders?limit=${limit}`), 400);
  for (const limit of ["1", "1000"]) assertEquals((await service.get(`/orders?limit=${limit}`)).status, 200);
}

async function refused(request: Promise<Awaited<ReturnType<Service["get"]>>>, status: number) {
  const answer = await request;
  assertEquals([answer.status, typeof answer.body.error], [status, "string"], JSON.stringify(answer.body));
  return answer;
}
