import { Remembered } from "../../actors/remembered.ts";
import { assertEquals } from "../assert.ts";

Deno.test("Remembered keeps the last entries and at most twice as many", () => {
  const remembered = new Remembered<number, string>(100);
  for (let i = 0; i < 1_050; i++) {
    remembered.set(i, `value ${i}`);
    for (const back of [0, 50, 99]) {
      if (i >= back) assertEquals(remembered.get(i - back), `value ${i - back}`);
    }
    assertEquals(remembered.get(i - 200), undefined);
  }
});

Deno.test("Remembered gives the newest value of a key, and forgets it on delete", () => {
  const remembered = new Remembered<string, number>(2);
  remembered.set("a", 1);
  remembered.set("b", 1);
  remembered.set("a", 2);
  assertEquals(remembered.get("a"), 2);
  remembered.delete("a");
  assertEquals(remembered.get("a"), undefined);
});
