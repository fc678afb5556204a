import type { Hono } from "hono";
import { front } from "../../actors/front.ts";
import { OrderBook } from "../../actors/order_book.ts";
import { OrderDesk } from "../../actors/order_desk.ts";
import { orderRoutes } from "../../actors/order_http.ts";
import { orderPage } from "../../actors/order_page.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { FakeSystem } from "./fake_system.ts";

function make({ manual = false, acknowledgeWithin = 5_000 } = {}) {
  const system = new FakeSystem(manual);
  const book = new OrderBook();
  const routes = orderRoutes({ desk: new OrderDesk(system, book), book, acknowledgeWithin });
  return { system, book, app: front(system, routes, orderPage(book)) };
}
const json = { "content-type": "application/json" };
async function post(app: Hono, body: BodyInit, headers: Record<string, string> = json): Promise<Response> {
  return await app.request("/order", { method: "POST", body, headers });
}
const order = JSON.stringify({ customer: "Ada", amount: 5 });

Deno.test("POST /order answers 202 with the place to look at", async () => {
  const { app, system } = make();
  const response = await post(app, order);
  const body = await response.json();
  assertEquals(response.status, 202);
  assertEquals(Object.keys(body), ["order_id", "status"]);
  assertEquals(body.status, "pending");
  assertEquals(response.headers.get("location"), `/order/${body.order_id}`);
  assertEquals(system.published[0].event, "OrderCreated");
  const found = await app.request(`/order/${body.order_id}`);
  assertEquals([found.status, await found.json()], [200, body]);
});

Deno.test("POST /order takes an order_id of any characters, and its Location leads to it", async () => {
  const { app } = make();
  for (const order_id of ["o-1", "a/b?c#d", "50 %", "%2F", "ü🙂", "a+b"]) {
    const response = await post(app, JSON.stringify({ customer: "Ada", amount: 5, order_id }));
    assertEquals((await response.json()).order_id, order_id);
    const found = await app.request(response.headers.get("location") ?? "");
    assertEquals(await found.json(), { order_id, status: "pending" });
  }
});

Deno.test("POST /order publishes once for repeats with a key or an order_id, also at the same time", async () => {
  const { app, system } = make();
  const keyed = { ...json, "idempotency-key": "k-1" };
  const [a, b] = await Promise.all([post(app, order, keyed), post(app, order, keyed)]);
  const c = await post(app, order, keyed);
  const id = (await a.json()).order_id;
  assertEquals([(await b.json()).order_id, (await c.json()).order_id], [id, id]);
  assertEquals([a.status, b.status, c.status], [202, 202, 202]);
  const d = await post(app, JSON.stringify({ customer: "Ada", amount: 5, order_id: id }));
  assertEquals([d.status, await d.json()], [202, { order_id: id, status: "pending" }]);
  assertEquals(system.published.length, 1);
});

Deno.test("POST /order passes on a traceparent that is one", async () => {
  const { app, system } = make();
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  await post(app, order, { ...json, traceparent });
  await post(app, order, { ...json, traceparent: "nonsense" });
  assertEquals(system.published.map(({ options }) => options), [{ headers: { traceparent } }, undefined]);
});

Deno.test("POST /order says what is wrong with an order and publishes nothing", async () => {
  const { app, system } = make();
  const wrong: ReadonlyArray<readonly [unknown, string]> = [
    [{ amount: 5 }, "customer"],
    [{ customer: 5, amount: 5 }, "customer"],
    [{ customer: "Ada" }, "amount"],
    [{ customer: "Ada", amount: 0 }, "amount"],
    [{ customer: "Ada", amount: -1 }, "amount"],
    [{ customer: "Ada", amount: "5" }, "amount"],
    [{ customer: "Ada", amount: 5, order_id: 7 }, "order_id"],
    [{ customer: "Ada", amount: 5, order_id: "" }, "order_id"],
    [{ customer: "Ada", amount: 5, order_id: "\ud800" }, "order_id"],
    [{ customer: "Ada", amount: 5, items: [] }, "items"],
    [{ customer: "Ada", amount: 5, items: [{ sku: "book", quantity: 0 }] }, "items.0.quantity"],
    [[], ""],
    [null, ""],
  ];
  for (const [body, path] of wrong) {
    const response = await post(app, JSON.stringify(body));
    const answer = await response.json();
    assertEquals(response.status, 400, JSON.stringify(body));
    assertEquals(typeof answer.error, "string");
    assertEquals(answer.issues.map((issue: { path: string }) => issue.path), [path]);
    assert(answer.issues.every((issue: { message: string }) => issue.message.length > 0));
  }
  for (
    const body of ["", "{", "customer=Ada", '{"customer": "Ada", "amount": 1e999}', new Uint8Array([0x22, 0xff, 0x22])]
  ) {
    const response = await post(app, body);
    assertEquals([response.status, (await response.json()).issues.length], [400, 1]);
  }
  assertEquals(system.published.length, 0);
});

Deno.test("POST /order takes application/json only", async () => {
  const { app } = make();
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]) {
    const response = await post(app, order, { "content-type": type });
    assertEquals([response.status, typeof (await response.json()).error], [415, "string"]);
  }
  assertEquals((await post(app, order, { "content-type": "Application/JSON; charset=utf-8" })).status, 202);
});

Deno.test("POST /order refuses a body over 64 KiB, whether its length is said or not", async () => {
  const { app, system } = make();
  const sized = (bytes: number) => order.padEnd(bytes, " ");
  assertEquals((await post(app, sized(65_536))).status, 202);
  assertEquals((await post(app, sized(65_537))).status, 413);
  assertEquals((await post(app, sized(100), { ...json, "content-length": "65537" })).status, 413);
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(10_000).fill(32)),
    cancel: () => void (cancelled = true),
  });
  const response = await post(app, endless);
  assertEquals([response.status, typeof (await response.json()).error, cancelled], [413, "string", true]);
  assertEquals(system.published.length, 1);
});

Deno.test("the order service answers 405 with Allow to other methods", async () => {
  const { app } = make();
  for (const [path, allow] of [["/order", "POST"], ["/order/o-1", "GET, HEAD"], ["/orders", "GET, HEAD"]]) {
    const response = await app.request(path, { method: "DELETE" });
    assertEquals([response.status, response.headers.get("allow")], [405, allow]);
    assertEquals(typeof (await response.json()).error, "string");
  }
  assertEquals((await app.request("/order")).status, 405);
  assertEquals((await app.request("/order", { method: "HEAD" })).status, 405);
});

Deno.test("POST /order answers 503 without an acknowledgement in time, and a repeat joins the order", async () => {
  const { app, system, book } = make({ manual: true, acknowledgeWithin: 1 });
  const keyed = { ...json, "idempotency-key": "k-1" };
  const late = await post(app, order, keyed);
  const { error, order_id } = await late.json();
  assertEquals(late.status, 503);
  assertMatch(late.headers.get("retry-after") ?? "", /^\d+$/);
  assertStringIncludes(error, "may yet arrive");
  assertEquals((await app.request(`/order/${order_id}`)).status, 200);
  const repeat = post(app, order, keyed);
  system.published[0].acknowledge();
  const joined = await repeat;
  assertEquals([joined.status, (await joined.json()).order_id], [202, order_id]);
  assertEquals(system.published.length, 1);
  assertEquals(book.newest(10), [{ order_id, status: "pending" }]);
});

Deno.test("POST /order answers 503 when the publish fails for good, and a repeat publishes again", async () => {
  const { app, system } = make({ manual: true });
  const body = JSON.stringify({ customer: "Ada", amount: 5, order_id: "o-1" });
  const failing = post(app, body);
  while (system.published.length === 0) await Promise.resolve();
  system.published[0].fail(new Error("no broker"));
  const response = await failing;
  assertEquals([response.status, response.headers.has("retry-after")], [503, true]);
  assertStringIncludes((await response.json()).error, "no broker");
  const repeat = post(app, body);
  while (system.published.length === 1) await Promise.resolve();
  system.published[1].acknowledge();
  assertEquals((await repeat).status, 202);
});

Deno.test("the order service refuses everything while it drains", async () => {
  const { app, system } = make();
  system.state = "draining";
  for (const response of [await post(app, order), await app.request("/orders")]) {
    assertEquals([response.status, response.headers.get("connection")], [503, "close"]);
    assertEquals(typeof (await response.json()).error, "string");
  }
  assertEquals(system.published.length, 0);
});

Deno.test("GET /order/{id} answers the outcome, or 404", async () => {
  const { app, book } = make();
  book.settle({ order_id: "o-1", status: "rejected", reason: "unknown-sku" });
  assertEquals(await (await app.request("/order/o-1")).json(), {
    order_id: "o-1",
    status: "rejected",
    reason: "unknown-sku",
  });
  const head = await app.request("/order/o-1", { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  const none = await app.request("/order/o-2");
  assertEquals([none.status, typeof (await none.json()).error], [404, "string"]);
});

Deno.test("GET /orders lists as many as asked for, newest first", async () => {
  const { app, book } = make();
  for (let i = 0; i < 60; i++) book.pending(`o-${i}`);
  book.settle({ order_id: "o-59", status: "rejected", reason: "unknown-sku" });
  const ask = async (query: string) => (await (await app.request(`/orders${query}`)).json()).orders;
  assertEquals((await ask("")).length, 50);
  assertEquals((await ask("?limit=1000")).length, 60);
  assertEquals(await ask("?limit=2"), [
    { order_id: "o-59", status: "rejected" },
    { order_id: "o-58", status: "pending" },
  ]);
  for (const limit of ["0", "1001", "-1", "x", "", "1.5"]) {
    const response = await app.request(`/orders?limit=${limit}`);
    const { error, issues } = await response.json();
    assertEquals([response.status, typeof error, issues[0].path], [400, "string", "limit"], limit);
  }
});

Deno.test("anything else is 404 in JSON", async () => {
  const { app } = make();
  for (const path of ["/nowhere", "/order/", "/order/a/b", "/orders/1"]) {
    const response = await app.request(path);
    assertEquals([response.status, typeof (await response.json()).error], [404, "string"], path);
  }
});

Deno.test("GET / lists the orders, and what stands in an id is text", async () => {
  const { app, book } = make();
  book.pending("<script>alert(1)</script>");
  const response = await app.request("/");
  assertStringIncludes(response.headers.get("content-type") ?? "", "text/html");
  const page = await response.text();
  assertStringIncludes(page, "&lt;script&gt;");
  assert(!page.includes("<script>"));
});

Deno.test("GET / says how many orders are where, and why one was rejected", async () => {
  const { app, book } = make();
  assertStringIncludes(await (await app.request("/")).text(), "No orders yet");
  book.pending("o-1");
  book.settle({ order_id: "o-2", status: "rejected", reason: "unknown-sku" });
  const page = await (await app.request("/")).text();
  assertStringIncludes(page, "The newest 2: 1 pending, 0 reserved, 1 rejected.");
  assertStringIncludes(page, "<small>unknown-sku</small>");
});
