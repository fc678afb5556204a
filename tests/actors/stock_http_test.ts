import { front } from "../../actors/front.ts";
import { Stock } from "../../actors/stock.ts";
import { stockRoutes } from "../../actors/stock_http.ts";
import { assertEquals } from "../assert.ts";
import { FakeSystem } from "./fake_system.ts";

Deno.test("GET /stock/{sku} answers what is there and what is put aside, or 404", async () => {
  const stock = new Stock(new Map([["a b", 3]]));
  const app = front(new FakeSystem(), stockRoutes(stock));
  stock.reserve({ order_id: "o-1", customer: "Ada", amount: 1, timestamp: 1, items: [{ sku: "a b", quantity: 2 }] });
  assertEquals(await (await app.request("/stock/a%20b")).json(), { sku: "a b", available: 1, reserved: 2 });
  const none = await app.request("/stock/car");
  assertEquals([none.status, typeof (await none.json()).error], [404, "string"]);
  const put = await app.request("/stock/a%20b", { method: "PUT" });
  assertEquals([put.status, put.headers.get("allow")], [405, "GET, HEAD"]);
});
