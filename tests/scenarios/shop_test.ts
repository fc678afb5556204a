/**
 * The order and the inventory service on a Kafka of their own: what they promise over HTTP and on the topics, and what
 * becomes of it while the broker is away.
 * @module
 */
import { freePort, type KafkaNode, startKafka } from "../../tools/kafka/node.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { ownKafkaPossible } from "../support/own_kafka.ts";
import { type Accepted, checkOrders, checkRefusals } from "./http_table.ts";
import { Service } from "./shop.ts";
import { partitionOf, readTopic } from "./topic.ts";
import { until, within } from "./within.ts";

Deno.test({
  name: "the shop keeps its contract, also through an outage of its broker (own Kafka)",
  ignore: !ownKafkaPossible,
  fn: async () => {
    const dataDir = await Deno.makeTempDir({ prefix: "troupe-shop-" });
    const options = { dataDir, port: freePort() };
    let node = await startKafka(options);
    try {
      await using inventory = await Service.start("inventory", node.brokers, { STOCK: '{"default": 100, "book": 3}' });
      await using order = await Service.start("order", node.brokers);
      const accepted = await checkOrders(order);
      await checkRefusals(order);
      await checkRecords(node.brokers, accepted);
      assertEquals((await inventory.get("/stock/book")).body, { sku: "book", available: 1, reserved: 2 });
      assertEquals((await inventory.get("/stock/default")).body, { sku: "default", available: 98, reserved: 2 });

      await node.stop();
      const late = await placeDuringOutage([order, inventory]);
      node = await startKafka(options);
      await checkRecovery([order, inventory], node.brokers, late);

      await checkDrain(order, node);
      await inventory.end("SIGINT");
    } finally {
      await node.stop();
      await Deno.remove(dataDir, { recursive: true });
    }
  },
});

/** What stands on the topics: the accepted orders and their outcomes, nothing else. */
async function checkRecords(brokers: string, accepted: ReadonlyArray<Accepted>): Promise<void> {
  const orders = await readTopic(brokers, "orders-topic");
  const outcomes = await readTopic(brokers, "inventory-topic");
  assertEquals([orders.length, outcomes.length], [accepted.length, accepted.length]);
  for (const { traceparent, ...order } of accepted) {
    const key = utf8AsLatin1(order.order_id);
    const headers = (type: string) => ({ type, ...(traceparent && { traceparent }) });
    for (const records of [orders, outcomes]) {
      const found = records.filter((record) => record.key === key);
      assertEquals(found.length, 1, order.order_id);
      const [record] = found;
      assertEquals(record.partition, partitionOf(order.order_id, 8));
      const { timestamp, ...message } = JSON.parse(latin1AsUtf8(record.value));
      assert(Number.isInteger(timestamp) && Math.abs(timestamp - Date.now() / 1_000) < 600, `${timestamp}`);
      if (records === orders) {
        assertEquals([record.headers, message], [headers("OrderCreated"), order]);
      } else if (message.reason === undefined) {
        const { order_id, items = [{ sku: "default", quantity: 1 }] } = order;
        assertEquals([record.headers, message], [headers("InventoryReserved"), { order_id, items }]);
      } else {
        const { order_id } = order;
        assertMatch(message.reason, /^(unknown-sku|insufficient-stock)$/);
        assertEquals([record.headers, message], [headers("InventoryRejected"), { order_id, reason: message.reason }]);
      }
    }
  }
}

/** The broker is away: services stay up and say so; orders are taken in, but not accepted. Answers their ids. */
async function placeDuringOutage(services: readonly [Service, Service]): Promise<ReadonlyArray<string>> {
  const [order] = services;
  for (const service of services) {
    const { body } = await until(() => service.get("/health/ready"), ({ status }) => status === 503, "not ready");
    assertStringIncludes(JSON.stringify(body.reasons), "no broker answers");
    assertEquals((await service.get("/health/live")).status, 200);
  }
  const before = performance.now();
  const place = (n: number) => order.post({ customer: "Eve", amount: 5 }, { "idempotency-key": `outage ${n}` });
  // Each twice: the second joins the first.
  const answers = await within(Promise.all([0, 1, 2, 3, 0, 1, 2, 3].map(place)), "answers in an outage");
  assert(performance.now() - before >= 4_900, "the acknowledgement is waited for");
  for (const { status, headers, body } of answers) {
    assertEquals([status, typeof body.error], [503, "string"]);
    assertStringIncludes(body.error, "may yet arrive");
    assertMatch(headers.get("retry-after") ?? "", /^\d+$/);
  }
  const ids = answers.map(({ body }) => body.order_id);
  assertEquals(ids.slice(0, 4), ids.slice(4));
  return ids.slice(0, 4);
}

/** The broker is back: the services go on by themselves, and every order arrives once. */
async function checkRecovery(services: readonly [Service, Service], brokers: string, late: ReadonlyArray<string>) {
  const [order] = services;
  for (const [n, order_id] of late.entries()) {
    const again = await order.post({ customer: "Eve", amount: 5 }, { "idempotency-key": `outage ${n}` });
    assertEquals([again.status, again.body], [202, { order_id, status: "pending" }]);
  }
  for (const order_id of late) {
    await until(
      () => order.get(`/order/${order_id}`),
      ({ body }) => body.status === "reserved",
      `${order_id} reserved`,
    );
  }
  for (const service of services) {
    await until(() => service.get("/health/ready"), ({ status }) => status === 200, "ready again");
    checkSilence(service);
  }
  for (const topic of ["orders-topic", "inventory-topic"]) {
    const keys = (await readTopic(brokers, topic)).map(({ key }) => key);
    for (const order_id of late) {
      assertEquals(keys.filter((key) => key === order_id).length, 1, `${order_id} on ${topic}`);
    }
  }
}

/** That no broker answers is told at most once in 10 seconds, and once only: not by all who notice. */
function checkSilence({ program }: Service): void {
  const refusals = program.errors.filter((line) => line.includes("ECONNREFUSED"));
  assert(refusals.length > 0, program.errors.join("\n"));
  let last = -Infinity;
  for (const line of refusals) {
    const [, time] = line.match(/^(\S+Z) WARN +no broker answers /) ?? [];
    const apart = Date.parse(time) - last;
    assert(apart >= 9_900, `${apart} ms after the last: ${line}`);
    last = Date.parse(time);
  }
}

/** The order service ends while a broker that hangs keeps an order from being acknowledged. */
async function checkDrain(order: Service, node: KafkaNode): Promise<void> {
  Deno.kill(node.pid, "SIGSTOP");
  const pending = order.post({ customer: "Zoe", amount: 5, order_id: "last" });
  let ended: Promise<number>;
  try {
    await until(() => order.get("/order/last"), ({ status }) => status === 200, "the order is under way");
    order.program.process.kill("SIGTERM");
    ended = order.program.ended();
    await until(() => order.get("/orders"), ({ status }) => status === 503, "the drain");
    const refused = await order.post({ customer: "Zoe", amount: 5, order_id: "too late" });
    assertEquals([refused.status, refused.headers.get("connection")], [503, "close"]);
    assertEquals(typeof refused.body.error, "string");
  } finally {
    Deno.kill(node.pid, "SIGCONT");
  }
  assertEquals(await within(ended, "the end of the drain"), 0, order.program.errors.join("\n"));
  // On a slow machine its 5 seconds are over before the broker goes on; then the answer says that it may yet arrive.
  const { status, body } = await pending;

  if (status !== 202) assertMatch(`${status} ${body.error}`, /^503 .*may yet arrive/);
  const keys = (await readTopic(node.brokers, "orders-topic")).map(({ key }) => key);
  assertEquals(keys.filter((key) => key === "last" || key === "too late"), ["last"]);
}

const latin1AsUtf8 = (text: string | null) =>
  new TextDecoder().decode(Uint8Array.from(text ?? "", (c) => c.charCodeAt(0)));
const utf8AsLatin1 = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
