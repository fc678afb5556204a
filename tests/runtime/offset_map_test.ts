import fc from "fast-check";
import type { OffsetRun } from "../../src/runtime/frontier.ts";
import { decodeOffsetMap, emptyOffsetMap, encodeOffsetMap } from "../../src/runtime/offset_map.ts";
import { assert, assertEquals } from "../assert.ts";

const nothing = { attempts: 0, failures: 0, deaths: 0 };

function runsFrom(offset: number, lengths: ReadonlyArray<readonly [number, number]>): OffsetRun[] {
  let at = offset;
  return lengths.map(([open, done]) => {
    const from = at + open;
    at = from + done;
    return { from, to: at };
  });
}

const lengths = fc.integer({ min: 1, max: 2 ** 31 });
const counts = fc.record({ attempts: fc.nat(), failures: fc.nat(), deaths: fc.nat() });
const offsets = fc.integer({ min: 0, max: 2 ** 45 });

Deno.test("encodeOffsetMap() says nothing where there is nothing to say", () => {
  assertEquals(encodeOffsetMap(7, nothing, []), "");
  assertEquals(decodeOffsetMap(7, ""), emptyOffsetMap);
});

Deno.test("property: decodeOffsetMap() gives back what fits, from the near end", () => {
  fc.assert(
    fc.property(offsets, counts, fc.array(fc.tuple(lengths, lengths), { maxLength: 2_000 }), (offset, n, list) => {
      const runs = runsFrom(offset, list).filter(({ to }) => Number.isSafeInteger(to));
      const text = encodeOffsetMap(offset, n, runs);
      assert(text.length <= 4_096, "4,096 is what a broker takes by default");
      assert(atob(text).length <= 3_072);
      const { resolved, ...rest } = decodeOffsetMap(offset, text);
      assertEquals(rest, { attempts: n.attempts, failures: n.failures, deaths: n.deaths });
      assertEquals(resolved, runs.slice(0, resolved.length));
      if (atob(text).length < 3_072 - 20) assertEquals(resolved.length, runs.length);
    }),
  );
});

Deno.test("encodeOffsetMap() drops the far end of too many runs, and little more", () => {
  const runs = runsFrom(0, Array.from({ length: 10_000 }, () => [1, 1] as const));
  const text = encodeOffsetMap(0, nothing, runs);
  assert(atob(text).length > 3_060 && atob(text).length <= 3_072);
  const { resolved } = decodeOffsetMap(0, text);
  assert(resolved.length > 1_500);
  assertEquals(resolved, runs.slice(0, resolved.length));
});

Deno.test("property: decodeOffsetMap() takes any other text for nothing known", () => {
  const base64 = fc.uint8Array({ maxLength: 40 }).map((bytes) => btoa(String.fromCharCode(1, ...bytes)));
  fc.assert(fc.property(offsets, fc.oneof(fc.string(), base64), (offset, text) => {
    assertEquals(decodeOffsetMap(offset, text), emptyOffsetMap);
  }));
});

Deno.test("decodeOffsetMap() does not read a timestamp that another framework has left for runs", () => {
  const foreign = new Uint8Array(9);
  foreign[0] = 1;
  new DataView(foreign.buffer).setBigInt64(1, 1_700_000_000_000n);
  assertEquals(decodeOffsetMap(5, btoa(String.fromCharCode(...foreign))), emptyOffsetMap);
});

Deno.test("decodeOffsetMap() does not believe a map of another offset, or one with a byte changed", () => {
  const text = encodeOffsetMap(5, nothing, [{ from: 6, to: 9 }]);
  assertEquals(decodeOffsetMap(5, text).resolved, [{ from: 6, to: 9 }]);
  assertEquals(decodeOffsetMap(6, text), emptyOffsetMap);
  for (let i = 0; i < atob(text).length; i++) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    bytes[i] ^= 4;
    assertEquals(decodeOffsetMap(5, btoa(String.fromCharCode(...bytes))), emptyOffsetMap);
  }
});

Deno.test("encodeOffsetMap() has room for 128 keys in quarantine, at offsets as high as any", () => {
  const quarantined = Array.from({ length: 128 }, (_, i) => ({
    key: i.toString(16).padStart(16, "f"),
    served: 2 ** 45 + i,
    last: 2 ** 46,
  }));
  const origin = { topic: "0123456789abcdef", partitions: 8 };
  const text = encodeOffsetMap(2 ** 45, { attempts: 3, failures: 2, deaths: 1 }, [], origin, quarantined);
  assert(text.length <= 4_096);
  assertEquals(decodeOffsetMap(2 ** 45, text).quarantined, quarantined);
});
