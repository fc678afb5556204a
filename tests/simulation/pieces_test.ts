import "./no_async_context.ts";
import { seededRandom } from "../../src/testing/seeded_random.ts";
import { assert, assertEquals } from "../assert.ts";
import { piecesOf, withOnly } from "./pieces.ts";
import { draw, type Script } from "./script.ts";
import { PARTITIONS } from "./workload.ts";
import { simulate } from "./world.ts";

/** The first schedule in which this happens. */
function scriptWith(tag: string): Script {
  for (let seed = 1;; seed++) {
    const script = draw(seededRandom(seed));
    if (script.happenings.some(({ what }) => what._tag === tag)) return script;
  }
}

Deno.test("a schedule of all its pieces is the same schedule", () => {
  const script = scriptWith("PowerCut");
  assertEquals(withOnly(script, piecesOf(script, [])).script, script);
});

Deno.test("a schedule of no pieces has no tasks and nothing happens in it", () => {
  const { script, faults } = withOnly(scriptWith("Crash"), []);
  const written = script.happenings.flatMap(({ what }) => what._tag === "Write" ? what.tasks : []);
  assertEquals([script.happenings.length > 0, written, script.calm, faults], [true, [], [], []]);
  assert(script.happenings.every(({ what }) => what._tag === "Write"));
});

Deno.test("tasks of a partition that is not there without its growth go with it", () => {
  const whole = scriptWith("Grows");
  const pieces = piecesOf(whole, []);
  const { script } = withOnly(whole, pieces.filter((piece) => piece._tag === "Task"));
  const left = [...script.happenings.flatMap(({ what }) => what._tag === "Write" ? what.tasks : []), ...script.calm];
  assert(left.length > 0 && left.every(({ partition }) => partition < PARTITIONS));
});

Deno.test("simulate() with some of a schedule's pieces runs them alone, the same way each time", () => {
  const whole = simulate(3);
  const keep = whole.pieces.flatMap((piece, number) => piece._tag === "Fault" ? [] : [number]).slice(0, 6);
  const once = simulate(3, { traced: true, keep });
  assertEquals(once.violations, []);
  assert(once.trace.length > 0 && once.steps < whole.steps, `${once.steps} of ${whole.steps} steps`);
  assertEquals(simulate(3, { traced: true, keep }).trace, once.trace);
});
