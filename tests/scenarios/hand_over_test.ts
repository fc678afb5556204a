/**
 * Inventory processes that come, go and die while orders keep coming.
 * @module
 */
import { RunningProgram } from "../actors/running_program.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ownKafkaTest } from "../support/own_kafka.ts";
import { mixed, order, poison } from "./orders.ts";
import { Service } from "./shop.ts";
import { produce, readTopic, TopicReader, type TopicRecord } from "./topic.ts";
import { within } from "./within.ts";

ownKafkaTest("inventories share the orders under load", async ({ brokers }, test) => {
  await test.step("ended by signals: nothing lost, nothing twice, all in order, poison set aside", () =>
    handOver(brokers));
  await test.step("killed: nothing lost, at most once more", () => crash(brokers));
});

/** Two processes; one is ended and started again while the other goes on, then that one is ended. */
async function handOver(brokers: string): Promise<void> {
  const start = async () => {
    const program = new RunningProgram(new URL("./failing_inventory.ts", import.meta.url), { KAFKA_BROKERS: brokers });
    await within(program.line(/^ready$/), "the inventory is ready");
    return program;
  };
  const end = async (program: RunningProgram, signal: Deno.Signal) => {
    program.process.kill(signal);
    assertEquals(await within(program.ended(), `the end after ${signal}`), 0, program.errors.join("\n"));
  };
  // Five records stand behind one another with each order_id: whichever is not waited for is overtaken.
  const orders = Array.from({ length: 10_000 }, (_, i) => order(`o-${Math.floor(i / 5)}`, `customer ${i}`));
  const all = mixed(orders, poison(100));

  await using one = await start();
  await using two = await start();
  await using answers = await TopicReader.open(brokers, "inventory-topic");
  const answered = (count: number) => answers.until(({ length }) => length >= count, `${count} answers`);
  await produce(brokers, "orders-topic", all.slice(0, 5_000));
  await answered(1_000);
  await end(one, "SIGTERM");
  await produce(brokers, "orders-topic", all.slice(5_000, 8_000));
  await using three = await start();
  await produce(brokers, "orders-topic", all.slice(8_000));
  await end(two, "SIGINT");
  await answered(10_000);
  await end(three, "SIGTERM");

  const sources = await readTopic(brokers, "orders-topic");
  assertEquals(sources.length, 10_100);
  const isPoison = ({ headers }: TopicRecord) => headers.n !== undefined;
  checkAnswers(sources.filter((record) => !isPoison(record)), await readTopic(brokers, "inventory-topic"));
  checkLetters(sources.filter(isPoison), await readTopic(brokers, "orders-topic.dlt"));
}

const place = ({ partition, offset }: TopicRecord) => `${partition}/${offset}`;

/** Each source has exactly one answer, and the answers of a key stand in the order of their sources. */
function checkAnswers(sources: ReadonlyArray<TopicRecord>, answers: ReadonlyArray<TopicRecord>): void {
  assertEquals(answers.map(({ headers }) => headers.source).sort(), sources.map(place).sort());
  const indexOf = new Map(answers.map(({ headers }, index) => [headers.source, index]));
  const last = new Map<string, number>();
  for (const source of sources) {
    const index = indexOf.get(place(source)) ?? -1;
    const { key, value, headers } = answers[index];
    assertEquals([key, headers.type, orderId(value)], [source.key, "InventoryReserved", orderId(source.value)]);
    assertEquals(headers.attempt, source.offset % 20 === 7 ? "2" : "1", place(source));
    const before = last.get(orderId(source.value)) ?? -1;
    assert(index > before, `${source.key}: the answer to ${place(source)} stands before that to an earlier order`);
    last.set(orderId(source.value), index);
  }
}

const orderId = (value: string | null): string => JSON.parse(value ?? "{}").order_id;

/** Each source has exactly one dead letter, byte for byte. */
function checkLetters(sources: ReadonlyArray<TopicRecord>, letters: ReadonlyArray<TopicRecord>): void {
  const sourceOf = ({ headers }: TopicRecord) => `${headers["dlt-partition"]}/${headers["dlt-offset"]}`;
  assertEquals(letters.map(sourceOf).sort(), sources.map(place).sort());
  const letterOf = new Map(letters.map((letter) => [sourceOf(letter), letter]));
  for (const source of sources) {
    const { partition, offset, key, value, headers } = source;
    const letter = letterOf.get(place(source));
    assertEquals([letter?.key, letter?.value, letter?.partition], [key, value, partition]);
    const { "dlt-timestamp": time, "dlt-error": error, ...rest } = letter?.headers ?? {};
    assertEquals(rest, {
      ...headers,
      "dlt-topic": "orders-topic",
      "dlt-partition": String(partition),
      "dlt-offset": String(offset),
      "dlt-group": "inventory-service-group",
      "dlt-actor": "failing-inventory",
      "dlt-reason": "decode",
      "dlt-attempts": "0",
      "dlt-redrives": "0",
    });
    assertEquals(time, String(source.timestamp));
    assertMatch(error, new RegExp(`^orders-topic/${partition}@${offset}: .+`));
  }
}

/** Two of the shop's own inventories; one is killed while orders keep coming. */
async function crash(brokers: string): Promise<void> {
  await using one = await Service.start("inventory", brokers, { SESSION_TIMEOUT: "2s" });
  await using two = await Service.start("inventory", brokers, { SESSION_TIMEOUT: "2s" });
  await using answers = await TopicReader.open(brokers, "inventory-topic");
  const ours = () => answers.records.filter(({ key }) => key?.startsWith("k-"));
  let placed = 0;
  let enough = false;
  const load = (async () => {
    for (; !enough; placed += 500) {
      await produce(brokers, "orders-topic", Array.from({ length: 500 }, (_, i) => order(`k-${placed + i}`)));
    }
  })();
  await answers.until(() => ours().length >= 3_000, "3,000 answers");
  one.program.process.kill("SIGKILL");
  assertEquals(await within(one.program.ended(), "the death"), 137);
  const before = ours().length;
  await answers.until(() => ours().length >= before + 3_000, "3,000 more answers");
  enough = true;
  await load;
  const ids = () => new Set(ours().map(({ key }) => key));
  await answers.until(() => ids().size === placed, `answers to all ${placed} orders`);
  await two.end("SIGTERM");

  const times = new Map<string | null, number>();
  const all = await readTopic(brokers, "inventory-topic");
  for (const { key } of all) if (key?.startsWith("k-")) times.set(key, (times.get(key) ?? 0) + 1);
  assertEquals(times.size, placed);
  assertEquals(Array.from(times).filter(([, count]) => count > 2), []);
}
