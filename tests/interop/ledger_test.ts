import { assertEquals } from "../assert.ts";
import { Ledger, type RebalanceEvent } from "./ledger.ts";

const event = (at: number, member: string, change: RebalanceEvent["change"], ...partitions: ReadonlyArray<string>) => ({
  at,
  member,
  change,
  partitions,
});

Deno.test("Ledger puts events in the order of their times, and those of one millisecond in one that is right", () => {
  const ledger = new Ledger();
  ledger.note(event(2, "b", "assigned", "t/0"));
  ledger.note(event(1, "a", "assigned", "t/0", "t/1"));
  ledger.note(event(2, "c", "assigned", "t/1"));
  ledger.note(event(2, "c", "revoked", "t/1"));
  ledger.note(event(2, "a", "revoked", "t/0", "t/1"));
  assertEquals(ledger.look(), { given: 4, needless: 0 });
  assertEquals([ledger.wrong, [...ledger.owners]], [[], [["t/0", "b"]]]);
});

Deno.test("Ledger says when two hold a partition, and when one lets go of what it has not", () => {
  const ledger = new Ledger();
  ledger.note(event(1, "a", "assigned", "t/0"));
  ledger.note(event(2, "b", "assigned", "t/0"));
  ledger.note(event(3, "a", "revoked", "t/0"));
  ledger.look();
  assertEquals(ledger.wrong, ["t/0 is assigned to b while a holds it", "a: revoked t/0, which b holds"]);
});

Deno.test("Ledger counts what moved between members that both stayed", () => {
  const ledger = new Ledger();
  ledger.note(event(1, "a", "assigned", "t/0", "t/1"));
  ledger.note(event(1, "b", "assigned", "t/2"));
  ledger.look();
  ledger.note(event(2, "a", "revoked", "t/0"));
  ledger.note(event(3, "b", "assigned", "t/0"));
  assertEquals(ledger.look(), { given: 1, needless: 1 });
});
