/**
 * The Kafka the tests run on.
 * @module
 */
import { startCompose, whyNotDocker } from "../kafka/compose.ts";
import { kafkaVersion, NoKafka, whyNotJava } from "../kafka/distribution.ts";
import { type KafkaNode, startKafka } from "../kafka/node.ts";

/** A Kafka for one run of the tests, or why there is none. */
export interface TestKafka extends AsyncDisposable {
  /** host:port list, or null where there is none. */
  readonly brokers: string | null;
  /** Which Kafka it is, or why there is none. */
  readonly note: string;
}

/**
 * The one that KAFKA_BROKERS names, else a fresh one that goes away when disposed of: in a container of its own name, or
 * from the published jars. `signal` ends a start under way.
 */
export async function kafkaForTests(signal: AbortSignal): Promise<TestKafka> {
  const given = Deno.env.get("KAFKA_BROKERS");
  if (given) return { brokers: given, note: `on ${given} (KAFKA_BROKERS)`, [Symbol.asyncDispose]: async () => {} };
  const reasons: Array<string> = [];
  for (const [way, whyNot, start] of ways) {
    const missing = signal.aborted ? "stopped" : await whyNot();
    if (missing === null) {
      try {
        return started(await start(signal), way);
      } catch (cause) {
        if (!(cause instanceof NoKafka)) throw cause;
        reasons.push(cause.message);
      }
    } else reasons.push(missing);
  }
  return { brokers: null, note: reasons.join("; "), [Symbol.asyncDispose]: async () => {} };
}

const ways: ReadonlyArray<
  readonly [string, () => Promise<string | null>, (signal: AbortSignal) => Promise<KafkaNode>]
> = [
  ["Docker", whyNotDocker, (signal) => startCompose({ signal, project: `troupe-test-${Deno.pid}` })],
  ["its jars", whyNotJava, (signal) => startKafka({ signal })],
];

function started(node: KafkaNode, way: string): TestKafka {
  const note = `on ${node.brokers} (Kafka ${kafkaVersion}, started here from ${way})`;
  return { brokers: node.brokers, note, [Symbol.asyncDispose]: node.stop };
}
