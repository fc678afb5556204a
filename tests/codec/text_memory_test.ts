import { Buffer } from "node:buffer";
import { textOf } from "../../src/codec/text_memory.ts";
import { assertEquals } from "../assert.ts";

Deno.test("textOf gives each text, also when others of its length came before", () => {
  const long = "a text that is longer than any that is remembered";
  for (
    const text of ["OrderPlaced", "OrderFilled", "OrderPlaced", "", "ü", "é", "\ufffd\ufffd", "a\ud83d\ude00", long]
  ) {
    const bytes = Buffer.from(`<${text}>`);
    assertEquals(textOf(bytes, 1, bytes.length - 1), text);
  }
});

Deno.test("textOf keeps nothing of the bytes it was given", () => {
  const bytes = Buffer.from("first");
  assertEquals(textOf(bytes, 0, 5), "first");
  bytes.write("other");
  assertEquals(textOf(bytes, 0, 5), "other");
  assertEquals(textOf(Buffer.from("first"), 0, 5), "first");
});

Deno.test("textOf reads bytes that are no UTF-8 as any decoder", () => {
  for (const bytes of [[0xff, 0xfe], [0xc3, 0x28], [0xc3, 0xa9]].map((each) => Buffer.from(each))) {
    assertEquals(textOf(bytes, 0, 2), new TextDecoder().decode(bytes));
  }
});
