/**
 * Tests with Kafka's own client in Java beside ours.
 * @module
 */
import { whyNotJava } from "../../tools/kafka/distribution.ts";
import { kafkaBrokers } from "./kafka_broker.ts";

const possible = kafkaBrokers !== undefined && await whyNotJava() === null;

/** Registers a test that runs where there are a real Kafka and Java 17 or newer. */
export function javaTest(name: string, fn: (brokers: string) => void | Promise<void>): void {
  Deno.test({ name: `${name} (real Kafka)`, ignore: !possible, fn: () => fn(kafkaBrokers ?? "") });
}
