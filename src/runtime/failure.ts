/**
 * What ends a system.
 * @module
 */
import { Cause, Option } from "effect";
import { type ActorFailed, type ConfigError, type GroupError, type KafkaError, SystemDefect } from "../errors.ts";
import { messageOf } from "./settlement.ts";

/** What ends a system. */
export type Failure = ActorFailed | ConfigError | GroupError | KafkaError | SystemDefect;

/** What a part of the system has failed with, or died of. */
export function failureOf(part: string, cause: Cause.Cause<Failure>): Failure {
  const reason = Cause.squash(cause);
  return Option.getOrElse(
    Cause.findErrorOption(cause),
    () => new SystemDefect(part, messageOf(reason), { cause: reason }),
  );
}
