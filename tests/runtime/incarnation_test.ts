import { Effect } from "effect";
import { actor } from "../../src/actor.ts";
import { assertEquals } from "../assert.ts";
import { virtual } from "../client/virtual.ts";
import { Echo, Note, notes, open, turns } from "./one_partition.ts";

Deno.test("a plain handler's messages are received in order and resolved at once", () =>
  virtual(Effect.gen(function* () {
    const seen: number[] = [];
    const one = yield* open(actor({ name: "a", receives: [Note], receive: ({ n }) => void seen.push(n) }));
    one.deliver(notes(10, ["a", "b"]));
    yield* turns;
    assertEquals(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assertEquals(one.partition.position, 10);
    assertEquals(one.partition.mailbox.records, 0);
    assertEquals(one.partition.mailbox.bytes, 0);
  })));
