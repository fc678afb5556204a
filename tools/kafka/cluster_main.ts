/**
 * `deno task cluster`: three real brokers on 127.0.0.1 from Kafka's published jars, in the foreground, until Ctrl-C. Every
 * topic has three replicas, of which two must have what counts as stored.
 *
 * `PARTITIONS` of topics created without a number, default 6 · `DATA_DIR` keeps what is stored in its folder cluster; unset,
 * nothing is kept. What is printed are the addresses, and each broker's process id, so that one can be stopped or killed.
 * @module
 */
import { startCluster } from "./cluster.ts";
import { kafkaVersion, NoKafka, whyNotJava } from "./distribution.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const partitions = Number(Deno.env.get("PARTITIONS") || 6);
  if (!Number.isInteger(partitions) || partitions < 1) {
    console.error(`cluster: PARTITIONS: "${Deno.env.get("PARTITIONS")}" is not a whole number from 1`);
    return 78;
  }
  const noJava = await whyNotJava();
  if (noJava !== null) {
    console.error(`cluster: ${noJava} here; it takes Java 17 or newer and Maven`);
    return 1;
  }
  const stop = new AbortController();
  const asked = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, () => {
      stop.abort();
      asked.resolve();
    });
  }
  const data = Deno.env.get("DATA_DIR");
  try {
    await using cluster = await startCluster({
      partitions,
      dataDir: data ? `${data}/cluster` : undefined,
      signal: stop.signal,
    });
    const pids = cluster.nodes.map(({ port, pid }) => `${port} is process ${pid}`).join(", ");
    console.log(`Kafka ${kafkaVersion} on ${cluster.brokers} (${pids})`);
    // Neither a signal's listener nor a promise holds the process.
    const held = setInterval(() => {}, 60_000);
    await asked.promise;
    clearInterval(held);
    return 0;
  } catch (cause) {
    if (!(cause instanceof NoKafka)) throw cause;
    if (stop.signal.aborted) return 0;
    console.error(`cluster: ${cause.message}`);
    return cause.code;
  }
}
