import { actor, type ActorDefinition, event, type Lease } from "@troupe/troupe";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import type { EmbeddedKafka, StoredLog } from "../../src/link/embedded/embedded.ts";
import { Chronicle } from "../../src/testing/simulation/chronicle.ts";

const Tasked = event({ name: "Tasked", topic: "work", key: () => "" });
const worker = actor({ name: "worker", receives: [Tasked], receive: () => {} });

/** One partition of `work`, and what its group has committed. */
class Shelf {
  committed = 0;
  readonly #batches: Uint8Array[] = [];

  write(key: string, headers: ReadonlyArray<readonly [string, string]> = [["type", "Tasked"]]): void {
    const encoder = new TextEncoder();
    const batch = new BatchEncoder(0);
    batch.add(key, new Uint8Array(1), headers.map(([name, value]) => [name, encoder.encode(value)] as const), 0);
    const bytes = batch.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, compression: "none" });
    new DataView(bytes.buffer, bytes.byteOffset).setBigInt64(0, BigInt(this.#batches.length));
    this.#batches.push(bytes);
  }

  /** As much of a Kafka as a chronicle looks at. */
  get kafka(): EmbeddedKafka {
    const log = (topic: string, partition: number): StoredLog | undefined =>
      topic !== "work" || partition > 0
        ? undefined
        : { startOffset: 0, endOffset: this.#batches.length, batches: this.#batches };
    const committed = () => ({ offset: this.committed });
    return { topics: () => ["work"], log, committed } as unknown as EmbeddedKafka;
  }
}

/** A chronicle of `count` records of a key, and calls under one lease. */
function chronicleOf(count: number, definition: ActorDefinition = worker) {
  const shelf = new Shelf();
  for (let i = 0; i < count; i++) shelf.write("k");
  const chronicle = new Chronicle(shelf.kafka, () => 5, [Tasked]);
  chronicle.meets([definition]);
  chronicle.look();
  const newLease = (): Lease => ({ generation: 1, held: () => true }) as Lease;
  const lease = newLease();
  const began = (offset: number, by = lease, batch: object | null = null) =>
    chronicle.began("p1", definition, { topic: "work", partition: 0, offset, attempt: 1, lease: by }, batch);
  const broken = () => chronicle.violations.map(({ promise, text }) => `${promise}: ${text}`);
  return { shelf, chronicle, began, newLease, broken };
}

Deno.test("a chronicle says which record a commit passes that is not resolved", () => {
  const { shelf, chronicle, began, broken } = chronicleOf(2);
  chronicle.ended(began(0), "done");
  shelf.committed = 1;
  chronicle.look();
  assertEquals(broken(), []);
  shelf.committed = 2;
  chronicle.look();
  assertEquals(broken(), [
    "loss: at 5 ms: the commit worker work/0@2 passes worker work/0@1 (key k), which was never received",
  ]);
});

Deno.test("a record is not resolved before all it published stands in the log", () => {
  const { shelf, chronicle, began, broken } = chronicleOf(1);
  const call = began(0);
  call.outputs = 1;
  chronicle.ended(call, "done");
  assertMatch(chronicle.unfinished().join(), /whose 1 records are not stored/);
  shelf.write("k", [["type", "Tasked"], ["simulated-call", `${call.id}/0`]]);
  chronicle.look();
  shelf.committed = 1;
  chronicle.look();
  assertEquals(broken(), []);
});

Deno.test("a chronicle says when a record overtakes one of its key that runs, or waits for its retry", () => {
  const { chronicle, began, broken } = chronicleOf(3);
  const first = began(0);
  began(1);
  assertMatch(broken().join(), /^order: .*work\/0@1 .*is received while .*work\/0@0 .*is not done with$/);
  chronicle.violations.length = 0;
  chronicle.ended(first, "failed");
  began(2);
  chronicle.violations.length = 0;
  began(0);
  assertMatch(broken().join(), /^order: .*work\/0@2 .*was received before .*work\/0@0 .*was done with \(failed\)/);
});

Deno.test("a chronicle lets come again what succeeded, what a new owner finds, and what is received together", () => {
  const { chronicle, began, newLease, broken } = chronicleOf(3);
  chronicle.ended(began(0), "done");
  chronicle.ended(began(1), "done");
  chronicle.ended(began(0), "done");
  chronicle.ended(began(1), "failed");
  chronicle.ended(began(1), "done");
  const next = newLease();
  const batch = {};
  const together = [0, 1, 2].map((offset) => began(offset, next, batch));
  for (const call of together) chronicle.ended(call, "failed");
  for (const offset of [0, 1, 2]) chronicle.ended(began(offset, next), "done");
  assertEquals(broken(), []);
});

Deno.test("a chronicle heeds what an actor's order is", () => {
  const free = actor({ name: "worker", receives: [Tasked], order: "none", receive: () => {} });
  const { began, broken } = chronicleOf(2, free);
  began(1);
  began(0);
  assertEquals(broken(), []);
  began(0);
  assertMatch(broken().join(), /^order: .*is received twice at once$/);
});

Deno.test("a chronicle says what comes again in a hand-over without trouble, unless its actor has died", () => {
  const { chronicle, began, newLease, broken } = chronicleOf(3);
  chronicle.ended(began(0), "done");
  chronicle.ended(began(1), "failed");
  chronicle.calm = true;
  chronicle.ended(began(1), "done");
  assertEquals(broken(), []);
  chronicle.ended(began(0, newLease()), "done");
  assertMatch(broken().join(), /^repeat: .*p1 receives worker work\/0@0 .*again .*; p1 was done with it$/);
  chronicle.violations.length = 0;
  chronicle.ended(began(2), "died");
  began(1, newLease());
  assertEquals(broken(), []);
});

Deno.test("a call ends once, and by the death of its process where not before", () => {
  const { chronicle, began } = chronicleOf(2);
  const [done, cut] = [began(0), began(1)];
  chronicle.ended(done, "done");
  chronicle.crashed("p1");
  chronicle.ended(cut, "done");
  assertEquals([done.end, cut.end], ["done", "crashed"]);
  assert(chronicle.trace.includes("5 p1: worker work/0@1 (key k) crashed"), chronicle.trace.join("\n"));
});
