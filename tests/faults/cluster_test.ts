/**
 * The most telling faults of brokers one after the other, under one publisher and one consumer: nothing is lost, nothing
 * stands twice. All faults, and stock kafkajs beside: `deno task faults`.
 */
import { assertEquals } from "../assert.ts";
import { ownKafkaPossible } from "../support/own_kafka.ts";
import { loseAnswers } from "./broker_faults.ts";
import { type Fault, type Run, suffer } from "./fault.ts";
import { Site, sleep } from "./site.ts";

const faults: Fault = {
  name: "all at once",
  what: "18 leader moves; 200 lost answers; SIGKILL of the coordinator, and too few replicas until it is back",
  rate: 300,
  configs: { "min.insync.replicas": "3" },
  strike: async (run) => {
    for (let i = 0; i < 3; i++) await run.site.moveLeaders(run.topic);
    await loseAnswers(run, 200);
    await withoutCoordinator(run);
  },
};

/** With one broker gone two replicas are left, where the topic asks for three. */
async function withoutCoordinator(run: Run): Promise<void> {
  const node = await run.site.coordinator(run.group);
  await node.kill();
  await run.site.replicasInSync(run.topic, 2);
  await sleep(500); // the publisher says each 100 ms how many there are
  const before = run.publisher.acknowledged;
  await sleep(500);
  assertEquals(run.publisher.acknowledged, before, "acknowledged although a replica was missing");
  await node.start();
}

Deno.test({
  name: "leader moves, lost answers, a killed coordinator and too few replicas lose and repeat nothing (own Kafka)",
  ignore: !ownKafkaPossible,
  fn: async () => {
    await using site = await Site.start({ "broker.session.timeout.ms": "4000", "broker.heartbeat.interval.ms": "500" });
    const { lost, unhandled, duplicated, misplaced, failed } = await suffer(site, faults, "ours");
    assertEquals({ lost, unhandled, duplicated, misplaced, failed }, {
      lost: 0,
      unhandled: 0,
      duplicated: 0,
      misplaced: 0,
      failed: 0,
    });
  },
});
