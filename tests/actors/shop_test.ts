import { actor, ActorSystem, embedded } from "@troupe/troupe";
import { OrderCreated } from "../../actors/contracts.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { RunningProgram } from "./running_program.ts";

const file = new URL("../../actors/shop.ts", import.meta.url);
const json = { "content-type": "application/json" };

async function start(env: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) {
  const running = new RunningProgram(file, { PORT: "0", PARTITIONS: "2", ...env }, ...args);
  const [, url] = await running.line(/^listening on (http:\/\/127\.0\.0\.1:\d+)$/);
  return { running, url };
}

async function directory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Asks until the answer fits. */
async function until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    const answer = await ask();
    if (fits(answer)) return answer;
  }
  throw new Error("no fitting answer within 20 s");
}

const get = async (url: string) => await (await fetch(url)).json();
const post = async (url: string, order: unknown) =>
  await (await fetch(`${url}/order`, { method: "POST", headers: json, body: JSON.stringify(order) })).json();

Deno.test("the shop answers orders from stock, serves operators, and drains on SIGTERM", async () => {
  await using data = await directory();
  const { running, url } = await start({ DATA_DIR: data.path, STOCK: '{"book": 3}' }, "--quiet-shop");
  await using _ = running;
  assertMatch(running.lines[0], /embedded broker/);
  const outcome = async (id: string) =>
    await until(() => get(`${url}/order/${encodeURIComponent(id)}`), ({ status }) => status !== "pending");

  const books = await post(url, { customer: "Ada", amount: 20, items: [{ sku: "book", quantity: 2 }] });
  assertEquals(books.status, "pending");
  assertEquals(await outcome(books.order_id), { order_id: books.order_id, status: "reserved" });
  await post(url, { customer: "Bob", amount: 20, order_id: "o/2", items: [{ sku: "book", quantity: 2 }] });
  assertEquals(await outcome("o/2"), { order_id: "o/2", status: "rejected", reason: "insufficient-stock" });
  await post(url, { customer: "Cyd", amount: 20, order_id: "o-3" });
  assertEquals(await outcome("o-3"), { order_id: "o-3", status: "rejected", reason: "unknown-sku" });
  assertEquals(await get(`${url}/stock/book`), { sku: "book", available: 1, reserved: 2 });
  assertEquals((await get(`${url}/orders?limit=2`)).orders, [
    { order_id: "o-3", status: "rejected" },
    { order_id: "o/2", status: "rejected" },
  ]);
  assertStringIncludes(await (await fetch(url)).text(), books.order_id);

  for (const path of ["/health/live", "/health/ready"]) {
    const health = await fetch(url + path);
    await health.body?.cancel();
    assertEquals(health.status, 200, path);
  }
  const metrics = await fetch(`${url}/metrics`);
  assertEquals(metrics.status, 200);
  assertMatch(await metrics.text(), /^# TYPE /m);

  running.process.kill("SIGTERM");
  assertEquals(await running.ended(), 0, running.errors.join("\n"));
});

Deno.test("the shop keeps its embedded log over a restart, and answers no order twice", async () => {
  await using data = await directory();
  for (const order_id of ["o-1", "o-2"]) {
    const { running, url } = await start({ DATA_DIR: data.path }, "--quiet-shop");
    await using _ = running;
    await post(url, { customer: "Ada", amount: 20, order_id });
    await until(() => get(`${url}/order/${order_id}`), ({ status }) => status === "reserved");
    // One unit: had the first order been answered again, two would be gone.
    assertEquals((await get(`${url}/stock/default`)).reserved, 1);
    running.process.kill("SIGTERM");
    assertEquals(await running.ended(), 0, running.errors.join("\n"));
  }
  const found = new Set<string>();
  const both = Promise.withResolvers<void>();
  const auditor = actor({
    name: "auditor",
    receives: [OrderCreated],
    receive: ({ order_id }) => {
      if (found.add(order_id).size === 2) both.resolve();
    },
  });
  await using _system = await ActorSystem.start({
    actors: [auditor],
    broker: embedded({ file: `${data.path}/embedded.log` }),
    logLevel: "warn",
  });
  await both.promise;
  assertEquals([...found].sort(), ["o-1", "o-2"]);
});

Deno.test("the shop orders by itself unless it is told to be quiet", async () => {
  await using data = await directory();
  const { running, url } = await start({ DATA_DIR: data.path });
  await using _ = running;
  const { orders } = await until(() => get(`${url}/orders`), ({ orders }) => orders.length > 0);
  assert(orders[0].order_id.length > 0);
  running.process.kill("SIGINT");
  assertEquals(await running.ended(), 0, running.errors.join("\n"));
});
