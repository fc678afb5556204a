/**
 * `deno task interop`: other people's clients and ours on one Kafka. Logs written by Java's client, librdkafka and kafka-go
 * are read record by record by Java's and ours; then Java's and librdkafka's members and ours share groups. Runs on the
 * Kafka that KAFKA_BROKERS names, else on one of its own. `--only logs` or `--only groups` does a part.
 *
 * Takes Java 17 and Maven, python3 with pip, and Go; see README.md.
 * @module
 */
import { startKafka } from "../kafka/node.ts";
import { interopLogs } from "../../tests/codec/other_clients.ts";
import { interopGroups } from "../../tests/interop/main.ts";

const only = Deno.args[0] === "--only" ? Deno.args[1] : undefined;
const given = Deno.env.get("KAFKA_BROKERS");
const node = given ? null : await startKafka();
const brokers = given || node?.brokers || "";
const wrong: Array<string> = [];
try {
  if (only !== "groups") {
    try {
      for (const [client, seen] of Object.entries(await interopLogs(brokers, 1000))) {
        console.log(`${client}: ${seen.records} records alike, ${seen.aborted} aborted transactions left out`);
      }
    } catch (cause) {
      wrong.push(String(cause));
    }
  }
  if (only !== "logs") wrong.push(...await interopGroups(brokers));
} finally {
  await node?.stop();
}
wrong.forEach((line) => console.error(line));
Deno.exit(wrong.length === 0 ? 0 : 1);
