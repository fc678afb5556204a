/**
 * Groups that hold members of ours and of Java's at once. `deno task interop` does more: librdkafka's too.
 * @module
 */
import { whyNotJava } from "../../tools/kafka/distribution.ts";
import { assertEquals } from "../assert.ts";
import { kafkaBrokers } from "../support/kafka_broker.ts";
import { makeGround } from "./ground.ts";
import { runScript, type Step } from "./mixed_group.ts";
import { runNewerScript } from "./newer_group.ts";

/** The first leads until it leaves. */
const scripts: ReadonlyArray<readonly [string, ReadonlyArray<Step>]> = [
  ["ours", ["+ours", "+java", "+ours", "+java", "-1", "-1", "+java", "+ours", "-0", "+java", "-0"]],
  ["java", ["+java", "+ours", "+java", "+ours", "-1", "-1", "+ours", "+java", "-0", "+ours", "-0"]],
];

/** Nobody leads where the brokers share out. */
const newer: ReadonlyArray<Step> = ["+ours", "+java", "+ours", "+java", "-1", "-1", "+java", "-0"];

Deno.test({
  name:
    "Java's members and ours share a group, whoever leads: complete, one holder each, nothing moves without need (real Kafka)",
  ignore: kafkaBrokers === undefined || await whyNotJava() !== null,
  fn: async () => {
    await using ground = await makeGround(kafkaBrokers ?? "", ["java"]);
    // Side by side: most of the time goes into waiting for the other side's heartbeat.
    const reports = await Promise.all(
      ["cooperative-sticky", "range", "roundrobin"].flatMap((assignor) =>
        scripts.map(([first, steps]) => runScript(ground, assignor, steps, `${assignor}-${first}`))
      ),
    );
    const named = scripts.map(([first, steps]) =>
      runScript(ground, "range", steps.slice(0, 4), `named-${first}`, true)
    );
    reports.push(...await Promise.all([...named, runNewerScript(ground, newer, "newer")]));
    assertEquals(reports.flatMap(({ wrong }) => wrong), [], reports.flatMap(({ lines }) => lines).join("\n"));
    assertEquals(reports.map(({ lines }) => lines.length), [11, 11, 11, 11, 11, 11, 4, 4, 8]);
  },
});
