import { assertEquals } from "../assert.ts";
import { Later } from "./later.ts";

Deno.test("Later tells at once those who wait when it settles, once, and Promise.resolve() gives it back", () => {
  let settle: (value: unknown) => void = () => {};
  const told: unknown[] = [];
  const later = new Later((resolve) => settle = resolve);
  Promise.resolve(later).then((value) => told.push(value));
  later.then((value) => Number(value) + 1).then((value) => told.push(value));
  assertEquals(told, []);
  settle(1);
  settle(5);
  assertEquals(told, [1, 2]);
});

Deno.test("Later passes a rejection on, and what a listener throws", () => {
  const told: unknown[] = [];
  new Later((_, reject) => reject("no")).then(() => told.push("resolved")).then(null, (reason) => told.push(reason));
  new Later((resolve) => resolve(1)).then(() => {
    throw "thrown";
  }).then(null, (reason) => told.push(reason));
  assertEquals(told, ["no", "thrown"]);
});
