/**
 * `deno task rebalance`: consumers join and leave, ten times, while a group works through a topic, on the Kafka that KAFKA_BROKERS
 * names, else on one of its own. Says what was lost, came twice or out of order, and how long partitions stood still.
 *
 * --protocol classic|consumer   the group protocol (default classic)
 * --records N                   default 200,000, over 16 partitions
 * --work MS                     how long a record takes (default 1)
 * --heartbeat MS                the heartbeat interval (default 100)
 * --pause MS                    after each join or leave (default 1,000)
 * --client ours|kafkajs|kafkajs-mailboxes   stock kafkajs for comparison: message by message, or with a mailbox per
                              partition that a timer commits
 * @module
 */
import { parseArgs } from "node:util";
import { startKafka } from "../../tools/kafka/node.ts";
import { type RebalanceReport, runRebalance, tenSteps } from "./run.ts";

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      protocol: { type: "string", default: "classic" },
      records: { type: "string", default: "200000" },
      work: { type: "string", default: "1" },
      heartbeat: { type: "string", default: "100" },
      pause: { type: "string", default: "1000" },
      client: { type: "string", default: "ours" },
    },
  });
  const given = Deno.env.get("KAFKA_BROKERS");
  const node = given ? null : await startKafka();
  try {
    const report = await runRebalance({
      brokers: given || node?.brokers || "",
      records: Number(values.records),
      partitions: 16,
      work: Number(values.work),
      steps: tenSteps,
      pause: Number(values.pause),
      client: values.client === "kafkajs" || values.client === "kafkajs-mailboxes" ? values.client : "ours",
      settings: {
        ...values.protocol === "consumer" ? { groupProtocol: "consumer" } : {},
        heartbeatInterval: Number(values.heartbeat),
        sessionTimeout: 6_000,
        partitions: 16,
      },
      log: console.log,
    });
    print(report);
    const { twice, backwards, missing } = report.tally;
    Deno.exitCode = missing > 0 || (values.client === "ours" && twice + backwards > 0) ? 1 : 0;
  } finally {
    await node?.stop();
  }
}

function print({ tally, took, underLoad }: RebalanceReport): void {
  const { kept, moved } = tally.gaps;
  const ms = (time: number) => `${Math.round(time)} ms`;
  console.log(`handled ${tally.unique}, twice ${tally.twice}, never ${tally.missing}, out of order ${tally.backwards}`);
  console.log(`begun while another had the partition: ${tally.overlaps}`);
  for (const [which, { count, longest, median, own }] of [["kept", kept], ["moved", moved]] as const) {
    console.log(
      `gaps over 40 ms of partitions that were ${which}: ${count}, median ${ms(median)}, longest ${ms(longest)}; ` +
        `${own} beyond what the whole process stood still`,
    );
  }
  console.log(`a join or leave took ${took.map((time) => Math.round(time)).join(", ")} ms`);
  console.log(`the process itself stood still for ${ms(tally.stall)} at most`);
  if (!underLoad) console.log("the records ran out before the last step: give more of them");
}
