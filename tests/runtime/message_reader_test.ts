import { z } from "zod";
import { actor } from "../../src/actor.ts";
import { decodeRecords, type Records } from "../../src/codec/batch_decoder.ts";
import { DecodeError } from "../../src/errors.ts";
import { event, type EventDefinition } from "../../src/event.ts";
import { MessageReader } from "../../src/runtime/message_reader.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";
import { batchBytes, concat, utf8, varint } from "../codec/batch_bytes.ts";
import { chunkOf, type LogRecord } from "./fake_fetcher.ts";

const schema = z.object({ id: z.string(), n: z.number().optional() });
const Created = event({ name: "Created", topic: "t", schema, key: (m) => m.id });
const Cancelled = event({ name: "Cancelled", topic: "t", schema, key: (m) => m.id });
const Elsewhere = event({ name: "Elsewhere", topic: "u", schema });
const Raw = event({ name: "Raw", topic: "raw" });

function recordsOf(...records: LogRecord[]): Records {
  const chunk = chunkOf({ topic: "t", partition: 2 }, 40, records);
  return decodeRecords(chunk.bytes, chunk);
}

function readerOf(received: EventDefinition, ...known: EventDefinition[]): MessageReader {
  const definition = actor({ name: "a", receives: [received], receive: () => {} });
  return new MessageReader(definition, received.topic, [received, ...known]);
}

function readOne(reader: MessageReader, record: LogRecord): unknown {
  const into = { type: "stale" as string | null, message: "stale" as unknown };
  reader.read(recordsOf(record), 2, 0, into);
  return into.type === null ? null : [into.type, into.message];
}

function poison(reader: MessageReader, record: LogRecord): string {
  try {
    readOne(reader, record);
  } catch (error) {
    assert(error instanceof DecodeError);
    assertEquals([error.topic, error.partition, error.offset], [reader.topic, 2, 40]);
    assertStringIncludes(error.message, `${reader.topic}/2@40: `);
    return error.message;
  }
  throw new Error("it was read");
}

const typed = (type: string | null, value = '{"id":"1"}'): LogRecord => ({
  value,
  headers: [["type", type === null ? null : utf8(type)]],
});

Deno.test("read() of a topic with one event needs no type header, and keeps unknown fields out", () => {
  const reader = readerOf(Created, Elsewhere);
  assertEquals(readOne(reader, { value: '{"id":"1","more":true}' }), ["Created", { id: "1" }]);
  assertEquals(readOne(reader, typed("Created")), ["Created", { id: "1" }]);
  assertEquals(readOne(reader, typed(null)), ["Created", { id: "1" }]);
  assertEquals(readOne(reader, { value: '{"id":"1"}', headers: [["other", utf8("x")]] }), ["Created", { id: "1" }]);
});

Deno.test("read() tells events of one topic apart by the last type header, and passes over what is not received", () => {
  const reader = readerOf(Created, Cancelled);
  assertEquals(readOne(reader, typed("Created")), ["Created", { id: "1" }]);
  assertEquals(readOne(reader, typed("Cancelled")), null);
  assertEquals(readOne(reader, typed("Cancelled", "not even JSON")), null);
  const twice: LogRecord = { value: '{"id":"1"}', headers: [["type", utf8("x")], ["type", utf8("Created")]] };
  assertEquals(readOne(reader, twice), ["Created", { id: "1" }]);
});

Deno.test("read() of an event without a schema gives the bytes", () => {
  const reader = readerOf(Raw);
  assertEquals(readOne(reader, { value: new Uint8Array([1, 255]) }), ["Raw", new Uint8Array([1, 255])]);
  assertEquals(readOne(reader, { value: new Uint8Array() }), ["Raw", new Uint8Array()]);
  assertStringIncludes(poison(reader, { value: null }), "no value");
});

Deno.test("read() throws DecodeError for a poison record, saying what is wrong with it", () => {
  const one = readerOf(Created);
  const two = readerOf(Created, Cancelled);
  const rows: Array<[MessageReader, LogRecord, string]> = [
    [one, { value: null }, "no value"],
    [one, { value: "" }, "not JSON"],
    [one, { value: "{" }, "not JSON"],
    [one, { value: new Uint8Array([0xff, 0xfe]) }, "not JSON"],
    [one, { value: "null" }, "not a Created: (message): "],
    [one, { value: "[]" }, "not a Created: (message): "],
    [one, { value: '{"id":1}' }, "not a Created: id: "],
    [one, { value: '{"id":"1","n":"x"}' }, "not a Created: n: "],
    [one, { value: '{"n":"x"}' }, "; n: "],
    [one, typed("Deleted"), 'its type is "Deleted"; known here: Created'],
    [one, typed("created"), 'its type is "created"'],
    [one, typed(""), 'its type is ""'],
    [two, { value: '{"id":"1"}' }, 'no header "type", which a topic with several events needs (Created, Cancelled)'],
    [two, typed(null), 'no header "type"'],
    [two, typed("Elsewhere"), 'its type is "Elsewhere"'],
  ];
  for (const [reader, record, detail] of rows) assertStringIncludes(poison(reader, record), detail);
});

Deno.test("read() takes a schema that throws for a poison record, and one that waits for a defect", () => {
  const url = event({
    name: "Url",
    topic: "t",
    schema: z.string().transform((text) => {
      if (text === "bad") throw new TypeError("Invalid URL");
      return text;
    }),
  });
  assertEquals(readOne(readerOf(url), { value: '"ok"' }), ["Url", "ok"]);
  assertStringIncludes(poison(readerOf(url), { value: '"bad"' }), "not a Url: its schema threw: Invalid URL");
  const waits = event({ name: "Waits", topic: "t", schema: z.string().refine(() => Promise.resolve(true)) });
  assertThrows(() => readOne(readerOf(waits), { value: '"x"' }), TypeError, "Waits: its schema waits");
});

Deno.test("read() takes headers that can't be read for a poison record", () => {
  // One header, whose name is longer than the record.
  const body = concat([0], varint(0), varint(0), varint(-1), varint(2), utf8("{}"), varint(1), varint(50), [0, 0]);
  const bytes = batchBytes({ baseOffset: 40, count: 1, section: concat(varint(body.length), body) });
  const records = decodeRecords(bytes, { from: 40, aborted: [] });
  const read = () => readerOf(Created).read(records, 2, 0, { type: null, message: undefined });
  assertThrows(read, DecodeError, "t/2@40: headers that can't be read");
});
