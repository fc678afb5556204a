import { murmur2, partitionForKey } from "../../src/codec/murmur2.ts";
import { assert, assertEquals } from "../assert.ts";
import { utf8 } from "./batch_bytes.ts";

Deno.test("murmur2 gives the values of Kafka's own UtilsTest", () => {
  assertEquals(murmur2(utf8("21")), -973932308);
  assertEquals(murmur2(utf8("foobar")), -790332482);
  assertEquals(murmur2(utf8("a-little-bit-long-string")), -985981536);
  assertEquals(murmur2(utf8("a-little-bit-longer-string")), -1486304829);
  assertEquals(murmur2(utf8("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")), -58897971);
  assertEquals(murmur2(utf8("abc")), 479470107);
});

Deno.test("partitionForKey stays in range and uses every partition", () => {
  const seen = new Set<number>();
  for (let i = 0; i < 500; i++) {
    const partition = partitionForKey(utf8(`key-${i}`), 12);
    assert(Number.isInteger(partition) && partition >= 0 && partition < 12);
    seen.add(partition);
  }
  assertEquals(seen.size, 12);
  assertEquals(partitionForKey(utf8("foobar"), 100), (-790332482 & 0x7fffffff) % 100);
});
