/**
 * Tests that need a Kafka of their own, because they stop it, kill it or configure it.
 * @module
 */
import { whyNotJava } from "../../tools/kafka/distribution.ts";
import { type KafkaNode, type KafkaOptions, startKafka } from "../../tools/kafka/node.ts";
import { kafkaBrokers } from "./kafka_broker.ts";

/** Whether a Kafka can be started from its jars. Where no real Kafka was asked for at all, none is started either. */
export const ownKafkaPossible: boolean = kafkaBrokers !== undefined && await whyNotJava() === null;

/** Registers a test that is given a freshly started node, which is stopped afterwards whatever happens. */
export function ownKafkaTest(
  name: string,
  fn: (node: KafkaNode, test: Deno.TestContext) => void | Promise<void>,
  options: () => KafkaOptions = () => ({}),
): void {
  Deno.test({
    name: `${name} (own Kafka)`,
    ignore: !ownKafkaPossible,
    fn: (test) => withKafka((node) => fn(node, test), options()),
  });
}

/** Starts a node, uses it, stops it. */
export async function withKafka<A>(use: (node: KafkaNode) => A | Promise<A>, options: KafkaOptions = {}): Promise<A> {
  const node = await startKafka(options);
  try {
    return await use(node);
  } finally {
    await node.stop();
  }
}
