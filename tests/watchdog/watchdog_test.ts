/** What gets stuck in a process on a real Kafka recovers, or ends with a reason after liveness has failed. */
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { realKafkaTest } from "../support/kafka_broker.ts";
import { type Figures, trials } from "./trials.ts";

async function run(brokers: string, name: string): Promise<Figures> {
  const trial = trials.find((trial) => trial.name === name);
  if (trial === undefined) throw new Error(`no trial is called ${name}`);
  return await trial.run(brokers);
}

/** Whether these came in this order, each at all. */
function inOrder(figures: Figures, ...names: ReadonlyArray<string>): void {
  const times = names.map((name) => figures[name]);
  const said = JSON.stringify(figures);
  assert(times.every((time) => typeof time === "number"), said);
  assertEquals(times, times.toSorted((a, b) => Number(a) - Number(b)), said);
}

realKafkaTest(
  "what gets stuck in a process is started anew, made anew, or ends it with a reason, liveness first",
  async (brokers) => {
    const [handler, resource, resources, deaf, gone, commits, frozen] = await Promise.all([
      run(brokers, "uninterruptible"),
      run(brokers, "resource"),
      run(brokers, "resources"),
      run(brokers, "deaf"),
      run(brokers, "deaf for good"),
      run(brokers, "commits"),
      run(brokers, "frozen"),
    ]);
    // The record is given up; another partition's have not waited for it.
    inOrder(handler, "next of another", "received again", "dead letter");
    assert(Number(handler["received again"]) >= 1, JSON.stringify(handler));
    inOrder(resource, "restart", "recovered");
    inOrder(resources, "restart", "new consumer", "liveness fails", "end");
    assertEquals(resources.code, 1);
    assertMatch(`${resources.reason}`, /^reader on watched-\S+\/\d@0: its resources have not come for \d+ ms/);
    inOrder(deaf, "accused", "receives");
    inOrder(gone, "new consumer", "liveness fails", "end");
    assertEquals(gone.code, 1);
    assertMatch(`${gone.reason}`, /SILENT: watched-\S+\/\d@1 was given nothing for 2000 ms/);
    inOrder(commits, "accused", "receives");
    // Of the time in which it was frozen nothing counts.
    assert(Number(frozen["restart, after it"]) >= 1, JSON.stringify(frozen));
  },
);
