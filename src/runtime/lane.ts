/**
 * A key lane: the messages of one key that can't be settled at once, one after another, in a fiber. Other keys have
 * lanes of their own.
 * @module
 */
import { Cause, Clock, Duration, Effect, Exit, Schedule } from "effect";
import { type Answered, answered, failed, isPending } from "./answer.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Call } from "./invoke.ts";
import type { Item } from "./partition.ts";

/** The lane of one key. */
export class Lane {
  /** The messages that wait behind the one in hand. */
  readonly parked: Item[] = [];
  constructor(readonly key: unknown) {}
}

/**
 * Where a lane begins: with a call whose answer is awaited or known, with publications that wait for room, or (none of
 * them) with a call still to be made.
 */
export interface LaneStart {
  /** The call. */
  readonly call?: Call;
  /** Its answer, if it is known. */
  readonly answer?: Answered;
  /** The rest of a message's publications. */
  readonly rest?: Effect.Effect<void>;
}

/** Settles `item`, then whatever was parked meanwhile; ends when nothing is. */
export function runLane(incarnation: Incarnation, lane: Lane, first: LaneStart, item: Item): Effect.Effect<void> {
  return Effect.gen(function* () {
    if (first.rest !== undefined) {
      yield* Effect.ensuring(first.rest, Effect.sync(() => incarnation.unblock()));
    } else {
      const call = first.call ?? incarnation.call(item);
      if (call !== null) yield* settle(incarnation, item, call, first.answer);
    }
    while (!incarnation.partition.draining) {
      const next = lane.parked.shift();
      if (next === undefined) break;
      const call = incarnation.call(next);
      if (call !== null) yield* settle(incarnation, next, call, undefined);
    }
    incarnation.closeLane(lane);
  }).pipe(Effect.catchDefect((defect) => Effect.sync(() => incarnation.crash(Cause.die(defect), item))));
}

/** Follows one message to its outcome, through its retries. */
const settle = (
  incarnation: Incarnation,
  item: Item,
  firstCall: Call,
  firstAnswer: Answered | undefined,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { partition } = incarnation;
    const { actor, counters } = partition;
    const offset = item.segment.records.offset(item.index);
    let call = firstCall;
    let answer = firstAnswer;
    let step: RetryStep | undefined;
    for (;;) {
      answer ??= call.threw
        ? failed(call.result)
        : isPending(call.result)
        ? yield* incarnation.wait(item, call.result, () => call.context.abort())
        : answered(call.result);
      let pause: number;
      switch (answer._tag) {
        case "Done": {
          const rest = incarnation.succeed(item, call);
          if (rest !== null) yield* rest;
          return;
        }
        case "Defect":
          call.context.abort();
          return incarnation.crash(answer.cause, item);
        case "Outcome": {
          call.context.close();
          const { outcome } = answer;
          partition.setAttempts(offset, call.context.attempt);
          if (outcome._tag === "Skip") {
            counters.skipped++;
            return partition.resolve(item);
          }
          if (outcome._tag === "DeadLetter") return incarnation.giveUp(item, "rejected", outcome.reason);
          if (outcome._tag === "Stop") return incarnation.stop(item, outcome.reason);
          pause = outcome.delay;
          break;
        }
        case "Failed": {
          call.context.abort();
          counters.failed++;
          partition.setAttempts(offset, call.context.attempt);
          step ??= yield* retryStep(actor.retry, call.context.attempt);
          const next = yield* step(answer.error);
          if (next === null) return exhausted(incarnation, item, answer.error);
          pause = next;
          break;
        }
        default:
          return;
      }
      yield* incarnation.pause(pause);
      if (partition.draining) return; // the next owner goes on counting
      const again = incarnation.call(item);
      if (again === null) return;
      call = again;
      answer = undefined;
    }
  });

function exhausted(incarnation: Incarnation, item: Item, error: unknown): void {
  const { partition } = incarnation;
  switch (partition.actor.settings.onFailure) {
    case "skip":
      partition.counters.skipped++;
      return partition.resolve(item);
    case "stop":
      return incarnation.stop(item, `retries exhausted: ${messageOf(error)}`, error);
    case "dead-letter":
      return incarnation.giveUp(item, "retries-exhausted", messageOf(error));
  }
}

/** Milliseconds to the next attempt; null when there is none. */
type RetryStep = (error: unknown) => Effect.Effect<number | null>;

/** Drives a schedule by hand; attempts made by an earlier owner count. */
const retryStep = (schedule: Schedule.Schedule<unknown>, attempts: number): Effect.Effect<RetryStep> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const advance = yield* Schedule.toStep(schedule);
    const step: RetryStep = (error) =>
      Effect.map(
        Effect.exit(advance(clock.currentTimeMillisUnsafe(), error)),
        (exit) => Exit.isSuccess(exit) ? Duration.toMillis(exit.value[1]) : null,
      );
    for (let made = 1; made < attempts; made++) yield* step(undefined);
    return step;
  });

/** An error in words. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  if (typeof error === "object" && error !== null && "_tag" in error) return `${error._tag}`;
  return String(error);
}
