/**
 * Tests on a real Kafka. `deno task test` starts one and names it in KAFKA_BROKERS; without that variable these tests are
 * ignored, so that a plain `deno test` needs nothing.
 * @module
 */

/** The real Kafka to test on, as host:port list, or undefined where none was given. */
export const kafkaBrokers: string | undefined = readVariable("KAFKA_BROKERS");

function readVariable(variable: string): string | undefined {
  // Without the permission the answer is "no", not a question to the terminal.
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return undefined;
  return Deno.env.get(variable) || undefined;
}

/** Registers a test that runs where there is a real Kafka, and is ignored elsewhere. */
export function realKafkaTest(name: string, fn: (brokers: string) => void | Promise<void>): void {
  Deno.test({ name: `${name} (real Kafka)`, ignore: kafkaBrokers === undefined, fn: () => fn(kafkaBrokers ?? "") });
}

/** A name nobody has used on this Kafka. */
export function freshName(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().slice(0, 13)}`;
}
