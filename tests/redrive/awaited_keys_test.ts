import { AwaitedKeys } from "../../src/redrive/awaited_keys.ts";
import { emptyOffsetMap, encodeOffsetMap } from "../../src/runtime/offset_map.ts";
import { quarantineKey } from "../../src/runtime/quarantine.ts";
import type { DeadLetter } from "../../src/dead_letter/read_letter.ts";
import { assertEquals } from "../assert.ts";

const key = new TextEncoder().encode("a");

/** A letter of key a, whose record stood at offset 10 of partition 1. */
function letter(more: Partial<DeadLetter> = {}): DeadLetter {
  return {
    topic: "orders.dlt",
    partition: 1,
    offset: 0,
    timestamp: 0,
    key,
    value: null,
    headers: [],
    source: { topic: "orders", partition: 1, offset: 10, timestamp: 0 },
    group: "shipping",
    actor: "shipping",
    reason: "quarantined",
    error: "",
    attempts: 0,
    redrives: 0,
    turn: { at: 10, after: 8 },
    ...more,
  };
}

/** A commit of the group, with or without the key in quarantine. */
function commit(offset: number, held: boolean, partition = 1) {
  const quarantined = held ? [{ key: quarantineKey(key), served: 8, last: 10 }] : [];
  const metadata = encodeOffsetMap(offset, emptyOffsetMap, [], undefined, quarantined);
  return { topic: "orders", partition, offset, metadata };
}

Deno.test("AwaitedKeys take a key for free only by a commit of its group and partition that has the letter behind it", () => {
  const keys = new AwaitedKeys();
  keys.add(letter());
  assertEquals([...keys.places], [["shipping", [{ topic: "orders", partition: 1 }]]]);
  assertEquals(keys.committed("shipping", [commit(10, false)]), false, "a commit from before the letter");
  assertEquals(keys.committed("shipping", [commit(-1, false)]), false);
  assertEquals(keys.committed("shipping", [commit(20, true)]), false);
  assertEquals(keys.committed("billing", [commit(20, false)]), false);
  assertEquals(keys.committed("shipping", [commit(20, false, 0)]), false);
  assertEquals([keys.committed("shipping", [commit(20, false)]), keys.size, keys.stopped], [true, 0, 0]);
});

Deno.test("AwaitedKeys want what follows, and no key any more of which a letter stays, fails again or goes round", () => {
  const keys = new AwaitedKeys();
  assertEquals(keys.meant(letter()), false);
  keys.add(letter());
  assertEquals([keys.meant(letter()), keys.meant(letter({ group: "billing" })), keys.size], [true, false, 1]);
  assertEquals([keys.meant(letter({ reason: "decode" })), keys.meant(letter()), keys.size, keys.stopped], [
    false,
    false,
    0,
    1,
  ]);
  keys.add(letter()); // it was on its way
  assertEquals(keys.size, 0);

  const round = new AwaitedKeys();
  for (let i = 0; i < 6; i++) round.add(letter());
  assertEquals([round.size, round.stopped], [0, 1]);

  const others = new AwaitedKeys();
  others.drop(letter());
  others.add(letter({ key: null, turn: null }));
  assertEquals([others.size, others.stopped], [0, 0]); // nothing of it went
});
