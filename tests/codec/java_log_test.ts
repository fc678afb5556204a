import { javaProgram } from "../../tools/interop/java.ts";
import { assert, assertEquals } from "../assert.ts";
import { javaTest } from "../support/java_client.ts";
import { freshName } from "../support/kafka_broker.ts";
import { compareLogs } from "./compare_logs.ts";
import { everyCompression, writeLogs } from "./write_log.ts";

javaTest("the client reads, record by record, what Kafka's own client reads of logs of every kind", async (brokers) => {
  const java = await javaProgram("RecordLogs");
  const prefix = freshName("java");
  const plain = everyCompression.map((compression) => `${prefix}-${compression}`);
  const others = ["append", "transactions", "compacted", "emptied"].map((kind) => `${prefix}-${kind}`);
  await java.run([
    ...everyCompression.flatMap((compression, i) => ["plain", brokers, plain[i], compression, "300", "+"]),
    ...["plain", brokers, `${prefix}-append`, everyCompression.join(","), "100", "+"],
    ...["transactions", brokers, `${prefix}-transactions`, "150", "+"],
    ...["compacted", brokers, `${prefix}-compacted`, "lz4", "100000000", "+"],
    ...["compacted", brokers, `${prefix}-emptied`, "none", "1"],
  ]);
  const { compressions, ...counts } = await compareLogs(brokers, java, [...plain, ...others]);
  // The logs did have what they were made for.
  assertEquals(Object.keys(compressions), ["0", "1", "2", "3", "4"]);
  for (const [kind, count] of Object.entries(counts)) assert(count > 0, `${kind}: ${count}`);
});

javaTest(
  "Kafka's own client reads, record by record, what the client has written and reads itself",
  async (brokers) => {
    const java = await javaProgram("RecordLogs");
    const written = await writeLogs(brokers, freshName("ours"), 300);
    const { compressions, records } = await compareLogs(brokers, java, written);
    assertEquals(Object.keys(compressions), ["0", "1", "2", "3", "4"]);
    assertEquals(records, written.length * 302);
  },
);
