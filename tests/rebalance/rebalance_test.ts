/**
 * Consumers come and go while a group works through a topic: a small one of `deno task rebalance`.
 * @module
 */
import { assertEquals } from "../assert.ts";
import type { SystemSettingsInput } from "@troupe/troupe";
import { realKafkaTest } from "../support/kafka_broker.ts";
import { runRebalance, tenSteps } from "./run.ts";
import { Tally } from "./tally.ts";

realKafkaTest(
  "systems join and leave ten times under load: nothing lost, nothing twice, order per key kept",
  async (brokers) => {
    const { tally, took } = await runRebalance({
      brokers,
      records: 16_000,
      partitions: 16,
      work: 4,
      steps: tenSteps,
      pause: 0,
      client: "ours",
      settings: { heartbeatInterval: 100, sessionTimeout: 10_000 },
    });
    const { twice, backwards, overlaps, missing } = tally;
    assertEquals({ twice, backwards, overlaps, missing }, { twice: 0, backwards: 0, overlaps: 0, missing: 0 });
    assertEquals(took.length, 10);
  },
);

/** Three processes, then each of them anew, twice: each time as `deployed` says. */
const rolling = async (brokers: string, deployed: (deployment: number) => SystemSettingsInput) => {
  const anew = ["-", "+", "-", "+", "-", "+"] as const;
  const { tally, took } = await runRebalance({
    brokers,
    records: 16_000,
    partitions: 16,
    work: 4,
    steps: ["+", "+", ...anew, ...anew],
    pause: 0,
    client: "ours",
    settings: { heartbeatInterval: 100, sessionTimeout: 6_000 },
    deployed: (join) => deployed(Math.floor(join / 3)),
  });
  const { twice, backwards, overlaps, missing } = tally;
  assertEquals({ twice, backwards, overlaps, missing }, { twice: 0, backwards: 0, overlaps: 0, missing: 0 });
  assertEquals(took.length, 14);
};

realKafkaTest(
  "a group goes from range to cooperative-sticky by two rolling deployments: nothing lost, nothing twice",
  (brokers) => {
    const deployments = [["range"], ["cooperative-sticky", "range"], ["cooperative-sticky"]] as const;
    return rolling(brokers, (deployment) => ({ assignors: deployments[deployment] }));
  },
);

realKafkaTest(
  "a group goes to the newer protocol and back by rolling deployments: nothing lost, nothing twice",
  (brokers) => {
    const deployments = ["classic", "consumer", "classic"] as const;
    return rolling(brokers, (deployment) => ({ groupProtocol: deployments[deployment] }));
  },
);

Deno.test("Tally counts what comes twice, out of order, at the same time and never", () => {
  const tally = new Tally(2, 3);
  const record = (partition: number, offset: number, n: number) => ({ partition, offset, key: `k${partition}`, n });
  for (const n of [0, 2, 1, 1]) {
    tally.begin(record(0, n, n), "a");
    tally.end(record(0, n, n));
  }
  tally.begin(record(1, 0, 0), "a");
  tally.begin(record(1, 1, 1), "b");
  tally.end(record(1, 1, 1));
  const { twice, backwards, overlaps, missing, unique } = tally;
  assertEquals({ twice, backwards, overlaps, missing, unique }, {
    twice: 1,
    backwards: 2,
    overlaps: 1,
    missing: 2,
    unique: 4,
  });
});
