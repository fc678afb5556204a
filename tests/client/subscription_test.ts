import fc from "fast-check";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "../../src/client/group/subscription.ts";
import { assertEquals, assertThrows } from "../assert.ts";

function bytes(hex: string): Uint8Array {
  return new Uint8Array((hex.replaceAll(" ", "").match(/../g) ?? []).map((byte) => parseInt(byte, 16)));
}

function text(value: string): string {
  return Array.from(new TextEncoder().encode(value), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function string(value: string): string {
  return value.length.toString(16).padStart(4, "0") + text(value);
}

Deno.test("encodeSubscription writes version 3 byte for byte as Java does at the first join", () =>
  assertEquals(
    encodeSubscription({ topics: ["b", "a"], owned: new Map(), generation: -1 }),
    bytes(`0003 00000002 ${string("a")} ${string("b")} 00000004 ffffffff 00000000 ffffffff ffff`),
  ));

Deno.test("encodeSubscription writes owned partitions and the generation as Java does at a later join", () =>
  assertEquals(
    encodeSubscription({ topics: ["a", "b"], owned: new Map([["b", [3, 1]], ["a", [7]], ["c", []]]), generation: 3 }),
    bytes(
      `0003 00000002 ${string("a")} ${string("b")} 00000004 00000003
       00000002 ${string("a")} 00000001 00000007 ${string("b")} 00000002 00000001 00000003 00000003 ffff`
        .replaceAll(/\s/g, ""),
    ),
  ));

Deno.test("decodeSubscription reads versions 0 to 3 and the known part of a later one", () => {
  const topics = `00000001 ${string("a")}`;
  const owned = `00000001 ${string("a")} 00000002 00000000 00000005`;
  const held = new Map([["a", [0, 5]]]);
  assertEquals(decodeSubscription(bytes(`0000 ${topics} ffffffff`)), {
    topics: ["a"],
    owned: new Map(),
    generation: -1,
  });
  assertEquals(decodeSubscription(bytes(`0001 ${topics} ffffffff ${owned}`)), {
    topics: ["a"],
    owned: held,
    generation: -1,
  });
  assertEquals(decodeSubscription(bytes(`0002 ${topics} ffffffff ${owned} 00000009`)), {
    topics: ["a"],
    owned: held,
    generation: 9,
  });
  assertEquals(decodeSubscription(bytes(`0003 ${topics} ffffffff ${owned} 00000009 0000`)), {
    topics: ["a"],
    owned: held,
    generation: 9,
  });
  assertEquals(decodeSubscription(bytes(`0007 ${topics} ffffffff ${owned} 00000009 ffff 1234`)), {
    topics: ["a"],
    owned: held,
    generation: 9,
  });
  assertEquals(decodeSubscription(bytes(`0001 ${topics} ffffffff`)).owned, new Map());
});

Deno.test("decodeSubscription takes the generation from the user data of version 1 only when it is Java's", () => {
  const rest = `00000001 ${string("a")} 00000001 00000000`;
  const topics = `00000001 ${string("a")}`;
  assertEquals(decodeSubscription(bytes(`0001 ${topics} 00000004 00000007 ${rest}`)).generation, 7);
  const librdkafka = `00000001 ${string("a")} 00000001 00000000 00000007`;
  const length = (librdkafka.replaceAll(" ", "").length / 2).toString(16).padStart(8, "0");
  assertEquals(decodeSubscription(bytes(`0001 ${topics} ${length} ${librdkafka} ${rest}`)).generation, -1);
  assertEquals(decodeSubscription(bytes(`0003 ${topics} ${length} ${librdkafka} ${rest} 00000002 0000`)).generation, 2);
  assertEquals(decodeSubscription(bytes(`0003 ${topics} 00000000 ${rest} 00000002 0000`)).generation, 2);
});

Deno.test("decodeAssignment merges a topic that is named twice, as librdkafka does", () =>
  assertEquals(
    decodeAssignment(bytes(
      `0000 00000003 ${string("a")} 00000003 00000000 00000001 00000005 ${string("b")} 00000001 00000000
       ${string("a")} 00000001 00000004 ffffffff`.replaceAll(/\s/g, ""),
    )),
    new Map([["a", [0, 1, 5, 4]], ["b", [0]]]),
  ));

Deno.test("decodeAssignment takes no bytes and no topics for an empty assignment", () => {
  assertEquals(decodeAssignment(new Uint8Array()), new Map());
  assertEquals(decodeAssignment(bytes("0000 00000000 ffffffff")), new Map());
  assertEquals(encodeAssignment(new Map()), bytes("0000 00000000 ffffffff"));
});

Deno.test("decodeSubscription and decodeAssignment refuse bytes that end too soon or count too much", () => {
  assertThrows(() => decodeSubscription(bytes("00")), RangeError);
  assertThrows(() => decodeSubscription(bytes("0003 00000001 0009 61")), RangeError);
  assertThrows(() => decodeAssignment(bytes("0000 7fffffff")), RangeError);
  assertThrows(() => decodeAssignment(bytes(`0000 00000001 ${string("a")} 00000002 00000001`)), RangeError);
});

const owned = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }), { maxLength: 5 }).chain((
  topics,
) =>
  fc.tuple(...topics.map((topic) =>
    fc.uniqueArray(fc.nat(100_000), { minLength: 1, maxLength: 40 }).map((
      partitions,
    ): [string, Array<number>] => [topic, partitions.sort((a, b) => a - b)])
  )).map((entries) => new Map(entries))
);

Deno.test("subscriptions and assignments come back as they were written", () =>
  fc.assert(fc.property(owned, fc.integer({ min: -1, max: 2 ** 31 - 1 }), (owned, generation) => {
    const topics = [...owned.keys()].sort();
    assertEquals(decodeSubscription(encodeSubscription({ topics, owned, generation })), { topics, owned, generation });
    assertEquals(decodeAssignment(encodeAssignment(owned)), owned);
  })));
