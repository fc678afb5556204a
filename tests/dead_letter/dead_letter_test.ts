import { deadLetterOf } from "../../src/dead_letter/dead_letter.ts";
import type { ConsumerRecord } from "../../src/record.ts";
import { assert, assertEquals } from "../assert.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string) => encoder.encode(text);

const record: ConsumerRecord = {
  topic: "orders-topic",
  partition: 3,
  offset: 4711,
  timestamp: 1_700_000_000_123,
  key: bytes("o-1"),
  value: new Uint8Array([0, 255, 123]),
  headers: [["type", bytes("OrderCreated")], ["trace", null], ["trace", bytes("x")]],
};
const note = {
  group: "inventory-service-group",
  actor: "inventory",
  reason: "retries-exhausted",
  error: "stöck is away",
  attempts: 9,
} as const;

const texts = (headers: ReadonlyArray<readonly [string, Uint8Array | null]>) =>
  headers.map(([name, value]) => [name, value === null ? null : decoder.decode(value)]);

Deno.test("deadLetterOf() keeps key, value and headers byte for byte and adds its own, in this order", () => {
  const letter = deadLetterOf(record, "orders-topic.dlt", note);
  assertEquals(letter.topic, "orders-topic.dlt");
  assertEquals(letter.partition, 3);
  assert(letter.key === record.key && letter.value === record.value);
  assertEquals(texts(letter.headers ?? []), [
    ["type", "OrderCreated"],
    ["trace", null],
    ["trace", "x"],
    ["dlt-topic", "orders-topic"],
    ["dlt-partition", "3"],
    ["dlt-offset", "4711"],
    ["dlt-timestamp", "1700000000123"],
    ["dlt-group", "inventory-service-group"],
    ["dlt-actor", "inventory"],
    ["dlt-reason", "retries-exhausted"],
    ["dlt-error", "stöck is away"],
    ["dlt-attempts", "9"],
    ["dlt-redrives", "0"],
  ]);
});

Deno.test("deadLetterOf() keeps what is null null", () => {
  const letter = deadLetterOf({ ...record, key: null, value: null, headers: [] }, "t", note);
  assertEquals([letter.key, letter.value], [null, null]);
  assertEquals(letter.headers?.length, 10);
});

Deno.test("deadLetterOf() of a record that was redriven replaces the old headers and keeps the count", () => {
  const first = deadLetterOf(record, "orders-topic.dlt", note);
  const redriven = [...(first.headers ?? []).filter(([name]) => name !== "dlt-redrives"), [
    "dlt-redrives",
    bytes("2"),
  ]] as const;
  const second = deadLetterOf({ ...record, headers: redriven }, "orders-topic.dlt", { ...note, reason: "rejected" });
  assertEquals(texts(second.headers ?? []).filter(([name]) => name === "dlt-reason"), [["dlt-reason", "rejected"]]);
  assertEquals(texts(second.headers ?? []).at(-1), ["dlt-redrives", "2"]);
  assertEquals(second.headers?.length, 13);
});

Deno.test("deadLetterOf() cuts the error at 1 KiB of UTF-8 and never within a character", () => {
  const errorOf = (error: string) => {
    const { headers = [] } = deadLetterOf(record, "t", { ...note, error });
    return headers.find(([name]) => name === "dlt-error")?.[1] as Uint8Array;
  };
  assertEquals(errorOf("x".repeat(1_024)).length, 1_024);
  assertEquals(errorOf("x".repeat(2_000)).length, 1_024);
  for (let shift = 0; shift < 4; shift++) {
    const cut = errorOf("x".repeat(shift) + "😀".repeat(400));
    assert(cut.length <= 1_024 && cut.length > 1_020);
    new TextDecoder("utf-8", { fatal: true }).decode(cut);
  }
});

Deno.test("deadLetterOf() bare leaves the error's text out and nothing else", () => {
  const { headers = [] } = deadLetterOf(record, "t", note, true);
  assertEquals(headers.length, 13);
  assertEquals(headers.find(([name]) => name === "dlt-error")?.[1], new Uint8Array());
});
