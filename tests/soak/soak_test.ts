/**
 * One round of `deno task soak`: eleven moves, each kind of which is among them, in about two minutes. How many records it takes
 * meanwhile is the machine's affair; what must not be is counted.
 */
import { assert, assertEquals } from "../assert.ts";
import { ownKafkaPossible } from "../support/own_kafka.ts";
import { findCauses, type History } from "./causes.ts";
import type { Run } from "./journal.ts";
import { Ledger } from "./ledger.ts";
import { soak } from "./soak.ts";
import { violations } from "./table.ts";

Deno.test({
  name:
    "workers and their broker killed, frozen and ended at full load: nothing lost, nothing out of order (own Kafka)",
  ignore: !ownKafkaPossible,
  fn: async () => {
    const report = await soak({
      client: "ours",
      length: { rounds: 1 },
      seed: 1,
      groupProtocol: "classic",
      order: "key",
      slow: { share: 0.005, ms: 300 },
      sessionTimeout: 10_000,
      rate: Infinity,
      window: 20_000,
      pause: [2_000, 8_000],
      signal: new AbortController().signal,
      log: () => {},
      heard: () => {},
    });
    assert(report !== null);
    const { moves, records, notes } = report;
    // On a machine too slow for a drain records are handled again: `rebalance_test` looks for that where nothing is killed.
    const wrong = violations(report).filter((told) => !told.startsWith("handled twice without a cause"));
    assertEquals(wrong, [], notes.join("\n"));
    assert(records > 1_000, `${records} records`);
    assert(moves.kill >= 3 && moves.broker >= 1 && moves.freeze >= 1 && moves.replace >= 1, JSON.stringify(moves));
  },
});

Deno.test("Ledger counts what is lost, stands twice and stands out of order", () => {
  const ledger = new Ledger();
  // Of one key: every 600th.
  for (const [offset, id] of [0, 600, 1_200, 1_800, 1_800, 2_400].entries()) ledger.task(id, { partition: 3, offset });
  for (const [worker, id] of [[1, 0], [1, 1_200], [1, 600], [2, 1_800], [2, 1_200], [2, 1_800]] as const) {
    ledger.answer({ id, worker, life: worker });
  }
  const { tasks, answered, tasksTwice, answersTwice, tasksMisplaced, misplaced, backwards } = ledger;
  assertEquals({ tasks, answered, tasksTwice, answersTwice, tasksMisplaced, misplaced, backwards }, {
    tasks: 5,
    answered: 4,
    tasksTwice: 1,
    answersTwice: 2,
    tasksMisplaced: 0,
    // 600 behind 1,200.
    misplaced: 1,
    // The same, then 1,200 and 1,800 again behind 1,800.
    backwards: 3,
  });
  assertEquals(ledger.place(2_400), { partition: 3, offset: 5 });
  assertEquals(ledger.place(3_000), null);
});

Deno.test("Ledger takes what another incarnation repeats in order for no disorder", () => {
  const ledger = new Ledger();
  for (const [life, ids] of [[1, [0, 600, 1_200]], [2, [600, 1_200, 1_800]]] as const) {
    for (const id of ids) ledger.answer({ id, worker: 1, life });
  }
  assertEquals([ledger.misplaced, ledger.backwards, ledger.answersTwice, ledger.answered], [0, 0, 2, 4]);
});

/** A history of two workers: what they began with, and what stands on the log. */
function history(
  runs: ReadonlyArray<Run>,
  more: Partial<History> & { readonly answers?: ReadonlyArray<number> },
): History {
  const ledger = new Ledger();
  for (const id of new Set(runs.map(({ id }) => id))) ledger.task(id, { partition: 0, offset: id });
  for (const id of more.answers ?? []) ledger.answer({ id, worker: 0, life: 0 });
  const well = { killed: null, frozen: [], stalls: [] };
  return {
    ledger,
    runs: (worker) => runs.filter((run) => run.worker === worker),
    fates: [well, well],
    outages: [],
    slow: [],
    sessionTimeout: 6_000,
    ...more,
  };
}

const run = (worker: number, id: number, at: number): Run => ({ worker, id, life: 1, at });

Deno.test("findCauses() finds no cause for what is begun twice while nothing happens", () => {
  const { handOver, kill, freeze, broker, stall } = findCauses(history([run(0, 5, 1_000), run(1, 5, 2_000)], {}));
  assertEquals({ handOver, kill, freeze, broker, stall }, { handOver: 1, kill: 0, freeze: 0, broker: 0, stall: 0 });
});

Deno.test("findCauses() tells what a commit covered, what it did not, and what was in hand when a worker was killed", () => {
  const committed = Array.from({ length: 12 }, () => ({ offset: 3, metadata: "" }));
  const runs = [2, 3, 4, 5].map((id) => run(0, id, 1_000)).concat([2, 3, 4].map((id) => run(1, id, 9_000)));
  const fates = [
    { killed: { at: 2_000, committed }, frozen: [], stalls: [] },
    { killed: null, frozen: [], stalls: [] },
  ];
  const { kill, handOver, perKill } = findCauses(history(runs, { fates, answers: [2, 2, 3, 3, 4] }));
  assertEquals([kill, handOver], [3, 0]);
  assertEquals(perKill, [{ calm: true, open: 3, again: 3, inHand: 1, beyond: 1, forgotten: 0, saved: 0 }]);
});

Deno.test("findCauses() takes who was frozen, and a broker that was away, for causes, but only for a while", () => {
  const frozen = [{ from: 1_500, to: 9_000 }];
  const fates = [{ killed: null, frozen, stalls: [] }, { killed: null, frozen: [], stalls: [] }];
  const late = findCauses(history([run(0, 5, 1_000), run(1, 5, 8_000), run(0, 5, 9_100)], { fates }));
  assertEquals([late.freeze, late.handOver], [2, 0]);
  const long = findCauses(history([run(0, 5, 60_000), run(1, 5, 61_000)], { fates }));
  assertEquals([long.freeze, long.handOver], [0, 1]);
  const outages = [{ from: 1_500, to: 4_000 }];
  const away = findCauses(history([run(0, 5, 1_000), run(1, 5, 5_000)], { outages }));
  assertEquals([away.broker, away.handOver], [1, 0]);
  const slow = findCauses(history([run(0, 5, 1_000), run(1, 5, 5_000)], { slow: outages }));
  assertEquals([slow.stall, slow.handOver], [1, 0]);
});

Deno.test("findCauses() counts answers on the log beyond the times that their task was begun", () => {
  assertEquals(findCauses(history([run(0, 5, 1_000), run(0, 6, 1_000)], { answers: [5, 5, 6] })).surplus, 1);
});
