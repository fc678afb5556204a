/**
 * What Kafka takes for a topic's name.
 * @module
 */

// Kafka's own rule (org.apache.kafka.common.internals.Topic).
const pattern = /^[a-zA-Z0-9._-]{1,249}$/;

/** Whether Kafka takes it for a topic's name. */
export function isTopicName(name: unknown): boolean {
  return typeof name === "string" && pattern.test(name) && name !== "." && name !== "..";
}
