/** The rule of turns, on a model of all around it: any order of failures, crashes, lost commits and returns. */
import fc from "fast-check";
import { assert, assertEquals } from "../../assert.ts";
import { KeyModel, type Rule, rule, type Step } from "./model.ts";

const weights: ReadonlyArray<readonly [Step, number]> = [
  ["publish", 1],
  ["take", 4],
  ["fail", 1],
  ["write", 2],
  ["acknowledge", 3],
  ["refuse", 1],
  ["commit", 1],
  ["commitLess", 1],
  ["crash", 1],
  ["late", 1],
  ["redrive", 3],
  ["redriveAny", 1],
];
const step = fc.oneof(...weights.map(([step, weight]) => ({ weight, arbitrary: fc.constant(step) })));
const steps = fc.array(fc.tuple(step, fc.nat(999)), { minLength: 5, maxLength: 70, size: "max" });

/** What goes wrong; null for nothing. */
function walk(rule: Rule, steps: ReadonlyArray<readonly [Step, number]>): string | null {
  const model = new KeyModel(rule);
  for (const [step, n] of steps) if (step !== "publish" || model.published < 6) model.step(step, n);
  if (model.wrong !== null) return model.wrong;
  const passes = model.calm();
  if (model.wrong !== null) return model.wrong;
  if (passes === null) return `not all was received: ${[...model.done()]} of ${model.published}`;
  return passes <= 6 ? null : `${passes} redrives were needed`;
}

Deno.test("property: a key in quarantine is received in order, whatever fails and comes back, and is free in the end", () =>
  fc.assert(fc.property(steps, (steps) => assertEquals(walk(rule, steps), null)), { numRuns: 60_000 }));

const broken: Readonly<Record<string, Partial<Rule>>> = {
  "whatever comes back is received": { isServed: (state, at, turn) => turn !== null || rule.isServed(state, at, turn) },
  "what comes back is not received before all that is older was, even by number": {
    isServed: ({ served }, at, turn) => turn === null ? at <= served : turn.at <= served + 1,
  },
  "one that comes back and fails is given a new turn": { turnOf: (state, at) => rule.turnOf(state, at, null) },
  "a first letter waits for all before it": {
    turnOf: (state, at, turn) => {
      const found = rule.turnOf(state, at, turn);
      return found.after === -1 ? { ...found, after: found.at - 1 } : found;
    },
  },
  "a letter does not wait for what an earlier message has published": { waits: false },
  "what a publication that failed has served stays served": { hasty: true },
};

for (const [name, change] of Object.entries(broken)) {
  Deno.test(`the model finds it where ${name}`, () => {
    const found = fc.check(fc.property(steps, (steps) => walk({ ...rule, ...change }, steps) === null), {
      numRuns: 100_000,
      seed: 1,
      endOnFailure: true,
    });
    assert(found.failed, "not found");
  });
}
