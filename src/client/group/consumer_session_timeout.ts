/**
 * How long a coordinator of KIP-848's protocol counts a silent member in: a setting of the group, kept by the brokers.
 * @module
 */
import { Effect } from "effect";
import type { ConnectionError } from "../../errors.ts";
import type { Cluster } from "../port.ts";

/** A group, among the resources that have settings. */
const group = 32;
const name = "consumer.session.timeout.ms";

/** Milliseconds a broker may take to tell. */
const timeout = 2_000;

/** In milliseconds; null where the broker does not tell (Kafka before 4.0, or access lists). */
export function consumerSessionTimeout(
  cluster: Cluster,
  groupId: string,
): Effect.Effect<number | null, ConnectionError> {
  return Effect.gen(function* () {
    const connection = yield* cluster.anyConnection("admin");
    const resources = [{ type: group, name: groupId, keys: [name] }] as const;
    const answer = yield* connection.call("DescribeConfigs", { resources }, timeout);
    const value = Number(answer.resources[0]?.configs.find((config) => config.name === name)?.value);
    return Number.isFinite(value) && value > 0 ? value : null;
  });
}
