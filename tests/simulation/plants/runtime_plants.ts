/**
 * Bugs of the runtime: what is committed, settled, handed over, received again.
 * @module
 */
import { type Plant, plant } from "./plant.ts";

/** See the module. */
export const runtimePlants: ReadonlyArray<Plant> = [
  plant(
    "a commit is one too far",
    1,
    "src/runtime/partition.ts",
    "    return { topic: this.topic, partition: this.partition, offset, metadata };",
    `    const far = offset < this.#frontier.end ? offset + 1 : offset;
    return { topic: this.topic, partition: this.partition, offset: far, metadata };`,
  ),
  plant(
    "what is revoked is not waited for",
    1,
    "src/runtime/consumer.ts",
    "yield* Effect.timeoutOption(awaitAll(going.map(({ fiber }) => fiber)), Math.max(0, budget));",
    "",
  ),
  plant(
    "what is revoked is not committed",
    1,
    "src/runtime/consumer.ts",
    "yield* Effect.timeoutOption(commit, Math.max(INTERRUPT_GRACE, budget / 2));",
    "void commit;",
  ),
  plant(
    "a record is resolved before what it published is acknowledged",
    2,
    "src/runtime/incarnation.ts",
    "    const rest = delivery.offer();\n",
    "    const rest = delivery.offer();\n    partition.resolve(item);\n",
  ),
  plant(
    "a publish that failed counts as acknowledged",
    96,
    "src/runtime/delivery.ts",
    "if (error !== null) this.#error ??= error;",
    'if (error !== null && error.message === "") this.#error ??= error;',
  ),
  plant(
    "a retry lets the next message of its key overtake",
    3,
    "src/runtime/lanes.ts",
    "    const lane = this.of(item);\n    lane?.parked",
    "    const found = this.of(item);\n    const lane = found?.retries ? undefined : found;\n    lane?.parked",
  ),
  plant(
    "what stood behind a publish that failed is not received again",
    1650,
    "src/runtime/partition.ts",
    'const alone = order === "none" || segment.state(index) === Condemned;',
    "const alone = order !== undefined;",
  ),
  plant(
    "an old acknowledgement resolves a record that was opened again",
    1271,
    "src/runtime/partition.ts",
    "    if (item.segment.round(item.index) !== round) return false;\n    this.resolve(item);",
    "    if (round < 0) return false;\n    this.resolve(item);",
  ),
  plant(
    "a dead letter is fired and forgotten",
    13,
    "src/runtime/letter.ts",
    "    this.#round = partition.condemn(item);\n",
    "    this.#round = partition.condemn(item);\n    partition.resolve(item);\n",
  ),
  plant(
    "a dead letter is written twice",
    1,
    "src/runtime/letter.ts",
    "    if (sender.offer(record, this, partition.lease)) return;",
    "    sender.offer(record, { settled: () => {} }, partition.lease);\n    if (sender.offer(record, this, partition.lease)) return;",
  ),
  plant(
    "a record is given up one failure too early",
    1,
    "src/runtime/history.ts",
    "const failures = this.failures(offset) + 1;",
    "const failures = this.failures(offset) + 2;",
  ),
  plant(
    "lost partitions are not fenced",
    124,
    "src/runtime/consumer.ts",
    "        this.#fence(running.partition);\n        running.partition.drain();\n        running.fiber",
    "        this.#running.delete(partitionKey(topic, number));\n        running.partition.drain();\n        running.fiber",
  ),
  plant(
    "the offset map counts what is settled only as resolved",
    362,
    "src/runtime/frontier.ts",
    "if (state === Resolved) {\n          if (from < 0)",
    "if (state === Resolved || state === Settled) {\n          if (from < 0)",
  ),
  plant(
    "the offset map is read one too far",
    1,
    "src/runtime/partition.ts",
    "if (run < runs.length && runs[run].from <= offset) {",
    "if (run < runs.length && runs[run].from <= offset + 1) {",
  ),
  plant(
    "a new incarnation does not take up again what the last one left open",
    7,
    "src/runtime/incarnation.ts",
    "this.#again = [...partition.reopened()].reverse();",
    "this.#again = [];",
  ),
  plant(
    "a new incarnation takes up again what it was left in the wrong order",
    7,
    "src/runtime/incarnation.ts",
    "this.#again = [...partition.reopened()].reverse();",
    "this.#again = [...partition.reopened()];",
  ),
  {
    name: "resources are released twice",
    seed: 1,
    edits: [
      {
        file: "src/runtime/resource.ts",
        old: "import { Effect, type Scope } from",
        new: "import { Effect, Scope } from",
      },
      {
        file: "src/runtime/resource.ts",
        old: "if (Effect.isEffect(out)) return out as Effect.Effect<unknown, unknown, Scope.Scope>;",
        new: `if (Effect.isEffect(out)) {
    const inner = Scope.makeUnsafe() as any;
    return Effect.tap(Scope.provide(out as any, inner), () => {
      const again = { ...inner, state: { ...inner.state, finalizers: new Map(inner.state.finalizers) } };
      return Effect.addFinalizer((exit) => Effect.andThen(Scope.close(inner, exit), Scope.close(again, exit)));
    }) as any;
  }`,
      },
    ],
  },
  {
    name: "resources are never released",
    seed: 1,
    edits: [
      {
        file: "src/runtime/resource.ts",
        old: "import { Effect, type Scope } from",
        new: "import { Effect, Scope } from",
      },
      {
        file: "src/runtime/resource.ts",
        old: "if (Effect.isEffect(out)) return out as Effect.Effect<unknown, unknown, Scope.Scope>;",
        new: "if (Effect.isEffect(out)) return Scope.provide(out as any, Scope.makeUnsafe());",
      },
    ],
  },
  plant(
    "fetching is not paused when the mailbox is full",
    2,
    "src/runtime/partition.ts",
    "pause: () => ours() && fetcher.pause(this)",
    "pause: () => {}",
  ),
  plant(
    "a full mailbox drops what comes",
    8,
    "src/runtime/mailbox.ts",
    "    this.#chunks.push(chunk);\n",
    "    if (this.#records + chunk.count > this.limits.records) return;\n    this.#chunks.push(chunk);\n",
  ),
  plant(
    "a full mailbox never asks for more again",
    2,
    "src/runtime/mailbox.ts",
    "      this.flow.resume();",
    "",
  ),
  plant(
    "an incarnation goes on to begin work while its partition is drained",
    0,
    "src/runtime/lane.ts",
    "inHand = incarnation.over || incarnation.partition.draining ? undefined : lane.parked.shift();",
    "inHand = incarnation.over ? undefined : lane.parked.shift();",
  ),
];
