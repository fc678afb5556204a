/**
 * `deno task kafka`: a real single-node Kafka on 127.0.0.1, in the foreground, until Ctrl-C. In Docker where that answers,
 * else from Kafka's published jars.
 *
 * `KAFKA_PORT` default 9092 (0 = any free one) · `PARTITIONS` of topics created without a number, default 8 · `DATA_DIR`
 * default .data (the jars keep their log in its folder kafka; Docker in a volume).
 * @module
 */
import { answers } from "./probe.ts";
import { startCompose, whyNotDocker } from "./compose.ts";
import { kafkaVersion, NoKafka, whyNotJava } from "./distribution.ts";
import { type KafkaNode, startKafka } from "./node.ts";

/** A wrong variable in the environment. */
const configuration = 78;

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const port = count("KAFKA_PORT", 9092, 0, 65_535);
  const partitions = count("PARTITIONS", 8, 1, 10_000);
  if (port === null || partitions === null) return configuration;
  if (port !== 0 && await listens(port)) {
    const who = await answers("127.0.0.1", port) ? "a Kafka" : "something else";
    return complain(`${who} already listens on 127.0.0.1:${port}; set KAFKA_PORT to another port`);
  }
  const stop = new AbortController();
  const asked = onSignal(stop);
  try {
    const noDocker = await whyNotDocker();
    const noJava = noDocker === null ? null : await whyNotJava();
    if (noDocker !== null && noJava !== null) {
      return complain(`${noDocker} and ${noJava} here; it takes Docker with compose, or Java 17 or newer and Maven`);
    }
    const options = { port, partitions, signal: stop.signal };
    const dataDir = `${Deno.env.get("DATA_DIR") || ".data"}/kafka`;
    const node = noDocker === null ? await startCompose(options) : await startKafka({ ...options, dataDir });
    asked.node = node;
    if (stop.signal.aborted) await node.stop();
    else console.log(`Kafka ${kafkaVersion} on ${node.brokers}`);
    const code = await node.ended;
    return stop.signal.aborted ? 0 : code;
  } catch (cause) {
    if (!(cause instanceof NoKafka)) throw cause;
    if (stop.signal.aborted) return 0;
    complain(cause.message);
    return cause.code;
  }
}

/** The first signal stops the node and the process ends with 0; another, a second later or more, kills both. */
function onSignal(stop: AbortController): { node: KafkaNode | null } {
  const asked: { node: KafkaNode | null } = { node: null };
  let first = 0;
  const listen = (signal: Deno.Signal, code: number) =>
    Deno.addSignalListener(signal, () => {
      if (first === 0) {
        first = Date.now();
        stop.abort();
        asked.node?.stop();
      } else if (Date.now() - first >= 1000) {
        Promise.resolve(asked.node?.kill()).finally(() => Deno.exit(code));
      }
    });
  listen("SIGINT", 130);
  if (Deno.build.os !== "windows") listen("SIGTERM", 143);
  return asked;
}

/** A whole number from the environment, or null after saying what is wrong with it. */
function count(variable: string, otherwise: number, least: number, most: number): number | null {
  const text = Deno.env.get(variable);
  if (text === undefined || text === "") return otherwise;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  complain(`${variable}: "${text}" is not a whole number from ${least} to ${most}`);
  return null;
}

async function listens(port: number): Promise<boolean> {
  return await Deno.connect({ hostname: "127.0.0.1", port }).then((connection) => {
    connection.close();
    return true;
  }, () => false);
}

function complain(message: string): number {
  console.error(`kafka: ${message}`);
  return 1;
}
