import { actor } from "../../src/actor.ts";
import { ConfigError } from "../../src/errors.ts";
import { event } from "../../src/event.ts";
import { checkEvents, groupsOf, knownEvents } from "../../src/runtime/definitions.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const Placed = event({ name: "Placed", topic: "orders" });
const Cancelled = event({ name: "Cancelled", topic: "orders" });
const Paid = event({ name: "Paid", topic: "payments" });
const reader = (name: string, group: string, ...receives: [typeof Placed | typeof Paid]) =>
  actor({ name, group, receives, receive: () => {} });

Deno.test("groupsOf() puts actors of one group together", () => {
  const groups = groupsOf([reader("a", "g", Placed), reader("b", "g", Paid), reader("c", "h", Placed)]);
  assertEquals([...groups].map(([group, actors]) => [group, actors.map(({ name }) => name)]), [
    ["g", ["a", "b"]],
    ["h", ["c"]],
  ]);
});

Deno.test("groupsOf() refuses two actors of one name", () => {
  assertThrows(() => groupsOf([reader("a", "g", Placed), reader("a", "h", Paid)]), ConfigError, 'are called "a"');
});

Deno.test("groupsOf() refuses two actors that read one topic in one group", () => {
  const twice = () => groupsOf([reader("a", "g", Placed), reader("b", "g", Placed)]);
  assertThrows(twice, ConfigError, "actor b.group: a reads orders in the group g as well");
});

Deno.test("groupsOf() lets one actor receive several events of a topic", () => {
  const both = actor({ name: "a", receives: [Placed, Cancelled], receive: { Placed: () => {}, Cancelled: () => {} } });
  assertEquals([...groupsOf([both]).keys()], ["a"]);
});

Deno.test("checkEvents() refuses two different events of one name on one topic", () => {
  const other = event({ name: "Placed", topic: "orders" });
  assertThrows(() => checkEvents([Placed, other]), ConfigError, "event Placed.name");
  checkEvents([Placed, Placed, event({ name: "Placed", topic: "elsewhere" })]);
});

Deno.test("knownEvents() names what is received, published and added, once each", () => {
  const teller = actor({ name: "a", receives: [Placed], publishes: [Paid], receive: () => {} });
  assertEquals(knownEvents([teller], [Cancelled, Paid]).map(({ name }) => name), ["Placed", "Paid", "Cancelled"]);
});
