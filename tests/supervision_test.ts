import { Duration, Effect, Exit, Random, Schedule } from "effect";
import fc from "fast-check";
import { restartOptions, retryOptions, retrySchedule } from "../src/supervision.ts";
import { assert, assertEquals } from "./assert.ts";

/** The pauses of a schedule, until it ends (or 50 of them). */
function pausesOf(options: Parameters<typeof retrySchedule>[0], seed = 1): number[] {
  return Effect.runSync(
    Effect.gen(function* () {
      const step = yield* Schedule.toStep(retrySchedule(options));
      const pauses: number[] = [];
      for (let now = 0; pauses.length < 50;) {
        const exit = yield* Effect.exit(step(now, undefined));
        if (Exit.isFailure(exit)) return pauses;
        pauses.push(Duration.toMillis(exit.value[1]));
        now += pauses[pauses.length - 1];
      }
      return pauses;
    }).pipe(Random.withSeed(seed)),
  );
}

Deno.test("retrySchedule() of the defaults without jitter: 8 retries, doubling, capped, about 23 s in all", () => {
  const pauses = pausesOf({ ...retryOptions.parse({}), jitter: false });
  assertEquals(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000]);
  assertEquals(pauses.reduce((sum, pause) => sum + pause), 22_700);
});

Deno.test("retrySchedule() with times 0 allows no retry", () => {
  assertEquals(pausesOf({ ...retryOptions.parse({ times: 0 }) }), []);
});

const options = fc.record({
  times: fc.integer({ min: 0, max: 20 }),
  initial: fc.integer({ min: 0, max: 1_000 }),
  factor: fc.double({ min: 1, max: 4, noNaN: true }),
  max: fc.integer({ min: 0, max: 20_000 }),
  jitter: fc.boolean(),
});

Deno.test("property: pauses are as many as asked for, grow by the factor to the cap, within 80 to 120 % of that", () => {
  fc.assert(fc.property(options, fc.integer(), (given, seed) => {
    const pauses = pausesOf(given, seed);
    assertEquals(pauses.length, given.times);
    pauses.forEach((pause, i) => {
      const base = Math.min(given.initial * given.factor ** i, given.max);
      const [low, high] = given.jitter ? [0.8, 1.2] : [1, 1];
      assert(pause >= base * low * 0.999 - 1 && pause <= base * high * 1.001 + 1, `${i}: ${pause} for ${base}`);
    });
  }));
});

Deno.test("retrySchedule() draws its jitter from the fiber's Random: another seed, other pauses", () => {
  const given = retryOptions.parse({});
  assertEquals(pausesOf(given, 7), pausesOf(given, 7));
  assert(pausesOf(given, 7).join() !== pausesOf(given, 8).join());
});

Deno.test("the options' schemas refuse what makes no sense", () => {
  for (const wrong of [{ times: -1 }, { times: 1.5 }, { factor: 0.5 }, { initial: -1 }, { max: 2 ** 31 }, { x: 1 }]) {
    assert(!retryOptions.safeParse(wrong).success, JSON.stringify(wrong));
  }
  for (const wrong of [{ max: -1 }, { within: NaN }, { killedAfter: 0 }, { initial: Infinity }, { x: 1 }]) {
    assert(!restartOptions.safeParse(wrong).success, JSON.stringify(wrong));
  }
});
