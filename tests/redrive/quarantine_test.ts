/** Keys in quarantine and redrives, together. */
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { Walks } from "./walks.ts";

/** Steps 1 to `count` of a key are there, and handled but for what fails. */
function walking(broken: ReadonlyArray<string>, count: number): Walks {
  const walks = new Walks(1, 1, false);
  for (const step of broken) walks.broken.add(step);
  walks.start();
  for (let step = 1; step <= count; step++) walks.step("a", step);
  walks.settle();
  return walks;
}

Deno.test("redrive() leaves letters in quarantine behind one of their key that stays; release sends them past it", () => {
  const walks = walking(["a2"], 4);
  const kept = walks.redrive({ reason: "quarantined" });
  assertEquals([kept.redriven, kept.left], [0, 2]);
  assertEquals(kept.leftLetters.map(({ why }) => why), ["behind", "behind"]);
  const planned = walks.redrive({ reason: "quarantined", release: true, dryRun: true });
  assertEquals(walks.redrive({ reason: "quarantined", release: true }), { ...planned, dryRun: false });
  walks.step("a", 5);
  walks.settle();
  assertEquals(walks.walk("a"), [1, 3, 4, 5]);
  assertEquals(walks.listed().length, 1);
  walks.broken.clear();
  walks.redrive();
  walks.settle();
  assertEquals(walks.walk("a"), [1, 3, 4, 5, 2]);
  assertEquals(walks.listed(), []);
});

Deno.test("release sends the oldest letter of a key first, wherever it stands", () => {
  const walks = walking(["a1"], 3);
  walks.redrive({ limit: 1 }); // fails again: it stands behind the others now
  walks.settle();
  assertEquals(walks.walk("a"), []);
  walks.broken.clear();
  for (let left = 1; left > 0;) {
    left = walks.redrive({ release: true }).redriven;
    walks.settle();
  }
  assertEquals(walks.walk("a"), [1, 2, 3]);
});

Deno.test("redrive() leaves what was redriven too often, and what only followed is never that", () => {
  const walks = walking(["a1"], 3);
  for (let i = 0; i < 4; i++) {
    walks.redrive();
    walks.settle();
  }
  const report = walks.redrive();
  assertEquals(report.leftLetters.map(({ why }) => why).toSorted(), ["behind", "behind", "redriven-too-often"]);
  walks.broken.clear();
  walks.redrive({ maxRedrives: 100 });
  walks.settle();
  assertEquals(walks.walk("a"), [1, 2, 3]);
});

Deno.test("redrive() until keys are free sends what becomes a letter meanwhile, also of a key that is never quiet for long", () => {
  const walks = walking(["a1", "b1"], 3);
  walks.step("b", 1);
  walks.settle();
  walks.broken.delete("a1");
  // While letters go one by one, others come between them.
  const running = walks.begin({ untilFree: true, rate: 10 });
  let step = 3;
  while (running.fiber.pollUnsafe() === undefined && step < 100) {
    walks.step("a", ++step);
    walks.wait(150);
  }
  const exit = walks.ended(running);
  assert(exit._tag === "Success", String(exit));
  assertStringIncludes(exit.value.unfinished.join(), "1 key stays in quarantine"); // b, whose message has failed again
  const { redriven } = exit.value.reasons.quarantined;
  assert(redriven > 2 && redriven < step, `${redriven} of ${step}`); // it became free while others came
  walks.step("a", ++step);
  walks.settle();
  assertEquals(walks.walk("a"), Array.from({ length: step }, (_, i) => i + 1));
  assertEquals(walks.redrive({ dryRun: true }).reasons, { "retries-exhausted": { read: 1, redriven: 1 } });
});

Deno.test("redrive() until keys are free gives up after its time-out where no actor is at work", () => {
  const walks = walking(["a1"], 3);
  walks.stop(0);
  const report = walks.redrive({ untilFree: true }, 5_000);
  assertEquals(report.redriven, 3);
  assertStringIncludes(report.unfinished.join(), "is walker at work?");
});

Deno.test("redrive() until keys are free does not go on for ever where an earlier letter is lost", () => {
  const walks = walking(["a1"], 3);
  walks.broken.clear();
  assertEquals(walks.redrive({ reason: "retries-exhausted", dryRun: true }).redriven, 1);
  walks.expire(1);
  const report = walks.redrive({ untilFree: true });
  assertStringIncludes(report.unfinished.join(), "1 key stays in quarantine");
  walks.redrive({ release: true, untilFree: true });
  assertEquals(walks.walk("a"), [2, 3]);
});

Deno.test("a key in quarantine is received in order, whatever becomes of its actors and of redrives", () => {
  const runs = Number(Deno.env.get("SEEDS") ?? 10);
  const first = Number(Deno.env.get("SEED") ?? 1);
  for (let seed = first; seed < first + runs; seed++) {
    const walks = new Walks(2, seed, seed % 2 === 0);
    const chance = (n: number) => Math.floor(walks.time.random() * n);
    const steps = new Map<string, number>();
    const redrives: Array<ReturnType<Walks["begin"]>> = [];
    walks.start();
    for (let round = 0; round < 80; round++) {
      const id = "abcd"[chance(4)];
      const step = (steps.get(id) ?? 0) + 1;
      steps.set(id, step);
      if (chance(5) === 0) walks.broken.add(`${id}${step}`);
      if (chance(15) === 0) walks.deadly.add(`${id}${step}`);
      walks.step(id, step);
      switch (chance(24)) {
        case 0:
        case 1:
          walks.broken.clear();
          break;
        case 2:
        case 3:
        case 4:
          redrives.push(walks.begin({ maxRedrives: 100, untilFree: chance(2) === 0 }));
          break;
        case 5: {
          const killed = redrives.pop();
          killed?.process.kill();
          killed?.link.cut();
          break;
        }
        case 6:
          if (walks.systems.length > 0) walks.crash(chance(walks.systems.length));
          break;
        case 7:
          if (walks.systems.length > 0) walks.stop(chance(walks.systems.length));
          break;
        case 8:
        case 9:
          if (walks.systems.length < 3) walks.start();
          break;
        case 10:
          walks.wait(chance(15_000));
          break;
        default:
          walks.wait(chance(300));
      }
    }
    walks.broken.clear();
    if (walks.systems.length === 0) walks.start();
    for (const running of redrives) walks.ended(running);
    for (let left = 1; left > 0;) {
      walks.settle();
      left = walks.redrive({ maxRedrives: 100, untilFree: true }).redriven;
    }
    for (const [id, last] of steps) {
      const expected = Array.from({ length: last }, (_, i) => i + 1);
      assertEquals(walks.walk(id), expected, `seed ${seed}, key ${id}: ${walks.handled.join(" ")}`);
    }
  }
});
