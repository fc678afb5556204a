/**
 * `deno task interop`'s part about records: logs that Java's client, librdkafka (Python) and kafka-go have written are read,
 * record by record, by our client and by Java's.
 * @module
 */
import { run } from "../../tools/kafka/command.ts";
import { javaProgram } from "../../tools/interop/java.ts";
import { pythonProgram } from "../../tools/interop/python.ts";
import { compareLogs, type Seen } from "./compare_logs.ts";
import { createTopics, everyCompression } from "./write_log.ts";

/** Writes and compares; answers what was met of each client. Throws at the first difference. */
export async function interopLogs(brokers: string, count: number): Promise<Readonly<Record<string, Seen>>> {
  const java = await javaProgram("RecordLogs");
  const prefix = `logs-${crypto.randomUUID().slice(0, 8)}`;
  const seen: Record<string, Seen> = {};
  const written = everyCompression.map((compression) => `${prefix}-java-${compression}`);
  await java.run([
    ...everyCompression.flatMap((compression, i) => ["plain", brokers, written[i], compression, `${count}`, "+"]),
    ...["transactions", brokers, `${prefix}-java-transactions`, `${count}`, "+"],
    ...["compacted", brokers, `${prefix}-java-compacted`, "zstd", "1"],
  ]);
  const more = [`${prefix}-java-transactions`, `${prefix}-java-compacted`];
  seen.java = await compareLogs(brokers, java, [...written, ...more]);
  for (const [client, write] of [["librdkafka", withLibrdkafka], ["kafka-go", withKafkaGo]] as const) {
    const topics = everyCompression.map((compression) => `${prefix}-${client}-${compression}`);
    await createTopics(brokers, [...topics, `${prefix}-${client}-transactions`]);
    for (const [i, compression] of everyCompression.entries()) await write(brokers, topics[i], compression, `${count}`);
    if (client === "librdkafka") {
      topics.push(`${prefix}-${client}-transactions`);
      await python(["transactions", brokers, topics[5], `${count}`]);
    }
    seen[client] = await compareLogs(brokers, java, topics);
  }
  return seen;
}

function withLibrdkafka(...args: ReadonlyArray<string>): Promise<void> {
  return python(["plain", ...args]);
}

async function python(args: ReadonlyArray<string>): Promise<void> {
  const child = (await pythonProgram("record_log")).spawn(args);
  await child.stdin.close();
  const { code } = await child.output();
  if (code !== 0) throw new Error(`record_log.py ${args.join(" ")} ended with ${code}`);
}

async function withKafkaGo(...args: ReadonlyArray<string>): Promise<void> {
  const folder = new URL("../../tools/interop", import.meta.url).pathname;
  const { code, text } = await run("go", ["run", "./record_log", ...args], folder);
  if (code !== 0) throw new Error(`record_log ${args.join(" ")}: ${text}`);
}
