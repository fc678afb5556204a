import { assertEquals } from "../assert.ts";
import { alternating, Office } from "./office.ts";

Deno.test("redrive() sends letters back in their order, as they were, and once", () => {
  const office = new Office();
  office.letters(alternating(3));
  const report = office.redrive();
  assertEquals([report.read, report.redriven], [6, 6]);
  assertEquals(office.values(), ["a-0", "b-0", "a-1", "b-1", "a-2", "b-2"]);
  assertEquals(office.redrive().read, 0);
});
