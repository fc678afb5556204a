/**
 * What an answer turns into when it is not simply "done": a failure that is counted, a dead letter, a skip, a stop.
 * @module
 */
import { Cause } from "effect";
import type { DeadLetterReason } from "../dead_letter/dead_letter.ts";
import { ActorFailed } from "../errors.ts";
import type { Answered } from "./answer.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Call } from "./invoke.ts";
import { writeDeadLetter } from "./letter.ts";
import type { MessageContext } from "./message_context.ts";
import type { Item } from "./partition.ts";
import { MOST_KEYS } from "./quarantine.ts";
import { placeOf } from "./reports.ts";

/** Notes the attempt, which only a message that is settled at once can do without. */
export function noteAttempt({ partition }: Incarnation, item: Item, context: MessageContext): void {
  partition.steps++;
  partition.history.setAttempts(offsetOf(item), context.attempt);
}

/** Notes a failed call; answers how many there were of this message. */
export function countFailure(incarnation: Incarnation, item: Item, call: Call, error: unknown): number {
  const { partition, reports } = incarnation;
  const { attempt } = call.context;
  reports.warn(
    "failure",
    offsetOf(item),
    () => `receive failed at attempt ${attempt}: ${messageOf(error)}${placeOf(error)}`,
  );
  call.context.abort();
  partition.counters.failed++;
  noteAttempt(incarnation, item, call.context);
  return partition.history.addFailure(offsetOf(item));
}

/** Settles an answer that is neither done nor a failure; milliseconds where it is to be received again after them. */
export function conclude(incarnation: Incarnation, item: Item, call: Call, answer: Answered): number | null {
  noteAttempt(incarnation, item, call.context);
  if (answer._tag !== "Outcome") {
    call.context.abort();
    if (answer._tag === "Defect") incarnation.crash(answer.cause, item);
    return null;
  }
  call.context.close();
  const { outcome } = answer;
  if (outcome._tag === "RetryAfter") return outcome.delay;
  if (outcome._tag === "Skip") skip(incarnation, item);
  else if (outcome._tag === "DeadLetter") giveUp(incarnation, item, "rejected", outcome.reason);
  else stop(incarnation, item, outcome.reason);
  return null;
}

/** The message's retries are used up. */
export function exhausted(incarnation: Incarnation, item: Item, error: unknown): void {
  const { onFailure } = incarnation.partition.actor.settings;
  if (onFailure === "skip") {
    incarnation.reports.warn("skip", offsetOf(item), () => `skipped, retries exhausted: ${messageOf(error)}`);
    skip(incarnation, item);
  } else if (onFailure === "stop") stop(incarnation, item, `retries exhausted: ${messageOf(error)}`, error);
  else giveUp(incarnation, item, "retries-exhausted", messageOf(error));
}

/** The record becomes a dead letter. */
export function giveUp(incarnation: Incarnation, item: Item, reason: DeadLetterReason, error: string): void {
  const { partition, services } = incarnation;
  const { actor, history } = partition;
  const { quarantine } = partition;
  if (quarantine?.full(item)) {
    const detail =
      `${MOST_KEYS} keys of the partition are in quarantine, and no more can be remembered; redrive their ` +
      `dead letters, or do without quarantine (${reason}: ${error})`;
    return stop(incarnation, item, detail);
  }
  const attempts = history.attempts(offsetOf(item));
  incarnation.reports.warn(reason, offsetOf(item), () => `dead letter, ${reason}: ${error}`);
  if (quarantine !== null && reason !== "quarantined" && !quarantine.has(item)) {
    incarnation.reports.warn(
      "quarantine",
      offsetOf(item),
      () => "its key is in quarantine until its letters are redriven",
    );
  }
  const note = { group: actor.group, actor: actor.name, reason, error, attempts };
  writeDeadLetter(partition, services.sender, item, note);
}

function skip(incarnation: Incarnation, item: Item): void {
  const { partition } = incarnation;
  partition.counters.skipped++;
  partition.resolve(item);
  release(incarnation, item);
}

/** The outcome of a record that came back may set its key free; tells so. */
export function release({ partition, reports }: Incarnation, item: Item): void {
  if (partition.quarantine?.done(item)) {
    reports.info("free", offsetOf(item), () => "its key is no longer in quarantine: its dead letters were received");
  }
}

/** Ends the system. */
function stop(incarnation: Incarnation, item: Item, detail: string, cause?: unknown): void {
  const { actor, topic, partition } = incarnation.partition;
  incarnation.crash(Cause.fail(new ActorFailed(actor.name, topic, partition, offsetOf(item), detail, { cause })));
}

function offsetOf({ segment, index }: Item): number {
  return segment.records.offset(index);
}

/** An error in words. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  if (typeof error === "object" && error !== null && "_tag" in error) return `${error._tag}`;
  return String(error);
}
