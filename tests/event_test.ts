import { z } from "zod";
import { ConfigError } from "../src/errors.ts";
import { event } from "../src/event.ts";
import { assertEquals, assertThrows } from "./assert.ts";

const schema = z.object({ id: z.string() });

Deno.test("event() keeps its contract and tells key and value of a message", () => {
  const Created = event({ name: "Created", topic: "orders", schema, key: (order) => order.id });
  assertEquals([Created.kind, Created.name, Created.topic, Created.keyed], ["event", "Created", "orders", true]);
  assertEquals(Created.keyOf({ id: "a" }), "a");
  assertEquals(Created.encode({ id: "a" }), '{"id":"a"}');
});

Deno.test("event() without a key has none, without a schema takes bytes as they are", () => {
  const Raw = event({ name: "Raw", topic: "raw" });
  const bytes = new Uint8Array([1, 2]);
  assertEquals([Raw.keyed, Raw.keyOf(bytes), Raw.encode(bytes)], [false, null, bytes]);
});

Deno.test("event() refuses a definition that can't work, naming the field", () => {
  assertThrows(() => event({ name: "", topic: "t" }), ConfigError, "event.name");
  assertThrows(() => event({ name: undefined as never, topic: "t" }), ConfigError, "event.name");
  for (const topic of ["", ".", "..", "a b", "ä", "a/b", "x".repeat(250), undefined as never]) {
    assertThrows(() => event({ name: "E", topic }), ConfigError, "event E.topic");
  }
  const notZod = { id: "string" } as never;
  assertThrows(() => event({ name: "E", topic: "t", schema: notZod }), ConfigError, "event E.schema: expected a zod");
  assertThrows(() => event({ name: "E", topic: "t", key: "id" as never }), ConfigError, "event E.key: expected a func");
  for (const topic of ["a", "A-Z_0.9", "...", "x".repeat(249)]) event({ name: "E", topic });
});
