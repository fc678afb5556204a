import { actor, ConfigError, event } from "@troupe/troupe";
import { TestSystem } from "@troupe/troupe/testing";
import { Effect } from "effect";
import { z } from "zod";
import { assertEquals, assertThrows } from "../../assert.ts";

const schema = z.object({ id: z.string(), step: z.number() });
const Stepped = event({ name: "Stepped", topic: "steps", schema, key: ({ id }) => id });
const Walked = event({ name: "Walked", topic: "walks", schema: z.string(), key: (step) => step[0] });

interface World {
  /** What was received to its end, in order. */
  readonly handled: string[];
  /** Steps that fail. */
  readonly broken: Set<string>;
  /** Steps at which the incarnation ends, once. */
  readonly deadly: Set<string>;
}

/** An actor that keeps what it handled; as plain calls, by Promises, or publishing it. */
function walker({ handled, broken, deadly }: World, kind: "plain" | "promise" | "publish" = "plain") {
  return actor({
    name: "walker",
    receives: [Stepped],
    publishes: [Walked],
    quarantine: true,
    retry: { times: 1, initial: 100 },
    restart: { max: 1_000 },
    receive: ({ id, step }, context) => {
      const receive = () => {
        if (deadly.delete(`${id}${step}`)) return Effect.die("a bug of ours");
        if (broken.has(`${id}${step}`)) throw new Error("no road");
        handled.push(`${id}${step}`);
        if (kind === "publish") context.publish(Walked, `${id}${step}`);
      };
      return kind === "promise" ? Promise.resolve().then(receive) : receive();
    },
  });
}

const world = (...broken: string[]): World => ({ handled: [], broken: new Set(broken), deadly: new Set() });
const of = (id: string, handled: ReadonlyArray<string>) => handled.filter((step) => step.startsWith(id));
const start = (w: World, kind?: "plain" | "promise" | "publish", more: { seed?: number; partitions?: number } = {}) =>
  TestSystem.start({ actors: [walker(w, kind)], partitions: 1, logLevel: "none", commitInterval: 200, ...more });

async function letters(test: TestSystem, count: number): Promise<ReadonlyArray<string>> {
  const found = await test.deadLetters("steps", { count });
  return found.map(({ record, reason, attempts }) => {
    const { id, step } = JSON.parse(new TextDecoder().decode(record.value ?? undefined));
    return `${id}${step} ${reason} ${attempts}`;
  });
}

for (const kind of ["plain", "promise", "publish"] as const) {
  Deno.test(`quarantine: later messages of a dead key follow it, others flow, until its letters came back (${kind})`, async () => {
    const w = world("a2");
    await using test = await start(w, kind);
    const publish = async (step: number) => {
      for (const id of ["a", "b"]) await test.publish(Stepped, { id, step });
    };
    for (const step of [1, 2, 3, 4]) await publish(step);
    await test.handled();
    assertEquals(await letters(test, 3), ["a2 retries-exhausted 2", "a3 quarantined 0", "a4 quarantined 0"]);
    assertEquals([of("a", w.handled), of("b", w.handled)], [["a1"], ["b1", "b2", "b3", "b4"]]);

    w.broken.clear();
    await publish(5); // the fault is gone, but the key is not free
    await test.handled();
    assertEquals(of("a", w.handled), ["a1"]);
    const report = await test.redrive("steps.dlt");
    assertEquals(report.reasons, {
      "retries-exhausted": { read: 1, redriven: 1 },
      quarantined: { read: 3, redriven: 3 },
    });
    await publish(6);
    await test.handled();
    assertEquals(of("a", w.handled), ["a1", "a2", "a3", "a4", "a5", "a6"]);
    assertEquals((await letters(test, 4)).length, 4);
  });
}

Deno.test("quarantine: what comes back behind a letter that fails again follows it once more", async () => {
  const w = world("a2");
  await using test = await start(w);
  for (const step of [1, 2, 3, 4]) await test.publish(Stepped, { id: "a", step });
  await test.handled();
  await test.redrive("steps.dlt");
  await test.handled();
  assertEquals((await letters(test, 6)).slice(3), ["a2 retries-exhausted 2", "a3 quarantined 0", "a4 quarantined 0"]);
  w.broken.clear();
  w.broken.add("a3");
  await test.redrive("steps.dlt");
  await test.handled();
  assertEquals(w.handled, ["a1", "a2"]);
  assertEquals((await letters(test, 8)).slice(6), ["a3 retries-exhausted 2", "a4 quarantined 0"]);
  w.broken.clear();
  await test.redrive("steps.dlt");
  await test.publish(Stepped, { id: "a", step: 5 });
  await test.handled();
  assertEquals(w.handled, ["a1", "a2", "a3", "a4", "a5"]);
});

Deno.test("quarantine outlives restarts and crashes", async () => {
  for (const end of ["stop", "crash"] as const) {
    const w = world("a1");
    await using test = await start(w);
    await test.publish(Stepped, { id: "a", step: 1 });
    await test.handled();
    await test[end]();
    w.broken.clear();
    await test.restart();
    await test.publish(Stepped, { id: "a", step: 2 });
    await test.publish(Stepped, { id: "b", step: 2 });
    await test.handled();
    assertEquals(w.handled, ["b2"], end);
    const figures = () =>
      test.system.metrics().match(/^troupe_(quarantined_keys|dead_letters_total).*(steps|quarantined).*$/gm);
    assertEquals(figures(), [
      'troupe_quarantined_keys{group="walker",actor="walker",topic="steps",partition="0"} 1',
      'troupe_dead_letters_total{actor="walker",reason="quarantined"} 1',
    ]);
    await test.redrive("steps.dlt");
    await test.handled();
    assertEquals(of("a", w.handled), ["a1", "a2"], end);
    assertEquals(figures()?.[0].endsWith(" 0"), true);
    await test[end]();
    await test.restart();
    await test.publish(Stepped, { id: "a", step: 3 });
    await test.handled();
    assertEquals(of("a", w.handled), ["a1", "a2", "a3"], end);
  }
});

Deno.test("quarantine: a letter that can't be written holds up its key's next ones, so that their order stays", async () => {
  const w = world("a1");
  await using test = await start(w);
  test.faults.error("Produce", 29, 3); // the topic may not be written to, for a while
  for (const step of [1, 2, 3, 4]) await test.publish(Stepped, { id: "a", step });
  await test.handled();
  assertEquals((await letters(test, 4)).map((letter) => letter.slice(0, 2)), ["a1", "a2", "a3", "a4"]);
});

Deno.test("quarantine: one key more than can be remembered ends the system with the reason", async () => {
  const w = world(...Array.from({ length: 129 }, (_, i) => `k${i}-1`));
  await using test = await start(w);
  for (let i = 0; i < 128; i++) await test.publish(Stepped, { id: `k${i}-`, step: 1 });
  await letters(test, 128);
  await test.publish(Stepped, { id: "k0-", step: 2 });
  await letters(test, 129);
  await test.restart(); // all of them fit a commit
  await test.publish(Stepped, { id: "k127-", step: 2 });
  await letters(test, 130);
  await test.publish(Stepped, { id: "k128-", step: 1 });
  await test.advance(5_000);
  assertEquals(test.system.state, "failed");
});

Deno.test("quarantine keeps each key's order through faults, crashes and redrives, by a seed", async () => {
  const most = Number(Deno.env.get("SEEDS") ?? 12);
  for (let seed = 1; seed <= most; seed++) {
    const w = world();
    const kind = (["plain", "promise", "publish"] as const)[seed % 3];
    await using test = await start(w, kind, { seed, partitions: 2 });
    let state = seed * 7919;
    const chance = (n: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 12) % n;
    };
    const steps = new Map<string, number>();
    for (let round = 0; round < 60; round++) {
      const id = "abcd"[chance(4)];
      const step = (steps.get(id) ?? 0) + 1;
      steps.set(id, step);
      if (chance(6) === 0) w.broken.add(`${id}${step}`);
      if (chance(10) === 0) w.deadly.add(`${id}${step}`);
      await test.publish(Stepped, { id, step });
      const fate = chance(16);
      if (fate === 0) w.broken.clear();
      else if (fate === 1) await test.redrive("steps.dlt", { maxRedrives: 100 });
      else if (fate === 2) await test.restart();
      else if (fate === 3 && kind !== "promise") (await test.crash(), await test.restart()); // a killed Promise rejects to nobody
      else if (fate === 4) await test.advance(1_000);
      else if (fate === 5) test.faults.error("Produce", 29, 1 + chance(3));
    }
    w.broken.clear();
    for (let left = 1; left > 0;) {
      await test.handled({ within: 600_000 });
      left = (await test.redrive("steps.dlt", { maxRedrives: 100 })).redriven;
    }
    await test.handled({ within: 600_000 });
    for (const [id, last] of steps) {
      const came = of(id, w.handled).map((each) => Number(each.slice(1)));
      const first = came.filter((step, i) => came.indexOf(step) === i);
      assertEquals(first, Array.from({ length: last }, (_, i) => i + 1), `seed ${seed}, key ${id}: ${came}`);
    }
  }
});

Deno.test("quarantine is refused where order is not by key, and for batches", () => {
  const only = { name: "x", receives: [Stepped] as const, quarantine: true };
  assertThrows(() => actor({ ...only, order: "none", receive: () => {} }), ConfigError, "quarantine");
  assertThrows(() => actor({ ...only, receiveBatch: () => {} }), ConfigError, "quarantine");
});
