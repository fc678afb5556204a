import { crc32c } from "../../src/codec/crc32c.ts";
import { assertEquals } from "../assert.ts";
import { utf8 } from "./batch_bytes.ts";

Deno.test("crc32c gives the values of RFC 3720", () => {
  const of = (bytes: Uint8Array) => crc32c(bytes, 0, bytes.length);
  assertEquals(of(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(of(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assertEquals(of(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assertEquals(of(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  assertEquals(of(utf8("123456789")), 0xe3069283);
  assertEquals(of(new Uint8Array(0)), 0);
});

Deno.test("crc32c equals a bitwise CRC at every alignment and length", () => {
  const bytes = Uint8Array.from({ length: 80 }, (_, i) => (i * 167 + 13) & 255).subarray(3);
  for (let start = 0; start < 17; start++) {
    for (let end = start; end <= bytes.length; end++) {
      let crc = 0xffffffff;
      for (let at = start; at < end; at++) {
        crc ^= bytes[at];
        for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
      }
      assertEquals(crc32c(bytes, start, end), ~crc >>> 0);
    }
  }
});
