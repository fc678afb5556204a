/**
 * The Kafka of a schedule: in memory, or with a file that outlives it.
 * @module
 */
import { Effect, Scope } from "effect";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { PARTITIONS, SESSION_TIMEOUT } from "./workload.ts";

/** A new one, which has read the file if there is one; it lasts until it is killed. */
export function brokerOf(file: string | null): EmbeddedKafka {
  const kafka = new EmbeddedKafka({
    ...(file === null ? {} : { file }),
    partitions: PARTITIONS,
    sessionTimeout: SESSION_TIMEOUT,
    heartbeatInterval: 500,
    assignmentInterval: 200,
  });
  if (file !== null) Effect.runSync(Scope.provide(kafka.open, Scope.makeUnsafe()));
  return kafka;
}

/** A file of its own for a schedule of this seed; whoever has it removes it. */
export function fileOf(seed: number): string {
  return Deno.makeTempFileSync({ prefix: `simulation-${seed}-` });
}
