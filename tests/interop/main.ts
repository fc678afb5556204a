/**
 * `deno task interop`'s part about groups: members of ours, Java's and librdkafka's in one group, by scripts that each of
 * them leads in turn, by every assignor, and by the newer protocol, where the brokers share out. Runs on the Kafka that
 * KAFKA_BROKERS names, else on one of its own.
 * @module
 */
import { startKafka } from "../../tools/kafka/node.ts";
import { makeGround } from "./ground.ts";
import { type Client, runScript, script } from "./mixed_group.ts";
import { runNewerScript } from "./newer_group.ts";

const clients: ReadonlyArray<Client> = ["ours", "java", "librdkafka"];

/** Runs all scripts; answers what was wrong. */
export async function interopGroups(brokers: string): Promise<ReadonlyArray<string>> {
  await using ground = await makeGround(brokers, ["java", "librdkafka"]);
  const wrong: Array<string> = [];
  for (const assignor of ["cooperative-sticky", "range", "roundrobin"]) {
    for (const [at, first] of clients.entries()) {
      const steps = script(first, clients[(at + 1) % 3], clients[(at + 2) % 3]);
      // As leader, librdkafka serves all by their ids; Java and we serve static members first.
      const alike = assignor !== "cooperative-sticky" && first !== "librdkafka";
      for (const named of alike ? [false, true] : [false]) {
        const report = await runScript(
          ground,
          assignor,
          named ? steps.filter((step) => step[0] === "+").slice(0, 5) : steps,
          assignor,
          named,
        );
        report.lines.forEach((line) => console.log(line));
        wrong.push(...report.wrong);
        console.log(
          `${assignor}, led by ${first}${
            named ? ", some of them static" : ""
          }: ${report.lines.length} steps, ${report.given} partitions given, ${report.wrong.length} wrong\n`,
        );
      }
    }
  }
  for (const [at, first] of clients.entries()) {
    const report = await runNewerScript(ground, script(first, clients[(at + 1) % 3], clients[(at + 2) % 3]), "newer");
    report.lines.forEach((line) => console.log(line));
    wrong.push(...report.wrong);
    console.log(
      `the newer protocol, ${first} first: ${report.lines.length} steps, ${report.given} partitions given, ` +
        `${report.wrong.length} wrong\n`,
    );
  }
  return wrong;
}

if (import.meta.main) {
  const given = Deno.env.get("KAFKA_BROKERS");
  const node = given ? null : await startKafka();
  const wrong = await interopGroups(given || node?.brokers || "").finally(() => node?.stop());
  wrong.forEach((line) => console.error(line));
  Deno.exit(wrong.length === 0 ? 0 : 1);
}
