/**
 * A key lane: the messages of one key that can't be settled at once, one after another, in a fiber. Other keys have
 * lanes of their own.
 * @module
 */
import { Cause, Clock, Duration, Effect, Exit, Schedule } from "effect";
import { type Answered, answered, failed, isPending, isPromise } from "./answer.ts";
import { LeaseLost } from "../errors.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Call } from "./invoke.ts";
import type { Item } from "./partition.ts";
import { conclude, countFailure, exhausted } from "./settlement.ts";

/** How far a message has come when its lane takes it over: by default it is still to be received. */
export interface LaneStart {
  /** It was received. */
  readonly call?: Call;
  /** What the call came to, if that is known. */
  readonly answer?: Answered;
  /** It is received again after so many milliseconds. */
  readonly pause?: number;
  /** It is settled, and what it published waits for room in the sender. */
  readonly rest?: Effect.Effect<void>;
}

/** A message that waits in a lane. */
export interface Parked {
  /** Its record. */
  readonly item: Item;
  /** How far it has come. */
  readonly start: LaneStart;
}

/** The lane of one key. */
export class Lane {
  /** The messages that wait behind the one in hand. */
  readonly parked: Parked[] = [];
  /** Whether a message in it is to be received again: then those behind it are, too. */
  retries: boolean;
  /** What the message in hand waits for before it is received again, if it does. */
  waits: "retry" | "slot" | null = null;

  constructor(readonly key: unknown, { pause }: LaneStart) {
    this.retries = pause !== undefined;
  }
}

const fresh: LaneStart = {};

/** Settles `item`, then whatever was parked meanwhile; ends when nothing is, or when nothing may be begun any more. */
export function runLane(incarnation: Incarnation, lane: Lane, start: LaneStart, item: Item): Effect.Effect<void> {
  return Effect.suspend(() => {
    let inHand: Parked | undefined = { item, start };
    return Effect.gen(function* () {
      while (inHand !== undefined) {
        const { rest } = inHand.start;
        if (rest !== undefined) yield* Effect.ensuring(rest, Effect.sync(() => incarnation.unblock()));
        else yield* settle(incarnation, lane, inHand.item, inHand.start);
        inHand = incarnation.over || incarnation.partition.draining ? undefined : lane.parked.shift();
      }
      incarnation.closeLane(lane);
    }).pipe(
      Effect.catchDefect((defect) => Effect.sync(() => incarnation.crash(Cause.die(defect), inHand?.item ?? item))),
    );
  });
}

/** Follows one message to its outcome, through its retries. */
const settle = (incarnation: Incarnation, lane: Lane, item: Item, start: LaneStart): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { partition, slots } = incarnation;
    let { call, answer, pause } = start;
    let step: RetryStep | undefined;
    for (;;) {
      if (pause === undefined) {
        if (call === undefined) {
          // No other fiber has its turn between these looks and the call.
          while (!partition.lease.held()) {
            if (incarnation.over || partition.draining) return;
            yield* partition.renewed;
          }
          if (incarnation.over || partition.draining) return;
          const made = incarnation.call(item);
          if (made === null) return;
          call = made;
        }
        answer ??= answerOf(call) ?? undefined;
        if (answer === undefined) {
          // The fiber may give way, or be ended, before it waits: a Promise that rejects must not do so to nobody.
          if (isPromise(call.result)) Promise.resolve(call.result).catch(() => {});
          answer = yield* incarnation.wait(item, call);
        }
        // Another message has ended the incarnation while this one was waited for: it belongs to the next.
        if (incarnation.over) return call.context.abort();
        if (answer._tag === "Done") {
          const rest = incarnation.succeed(item, call);
          if (rest !== null) yield* rest;
          return;
        }
        if (answer._tag === "Failed" && answer.error instanceof LeaseLost && !partition.lease.held()) {
          // It has looked at its lease, as it should: it begins again when that is held.
          call.context.abort();
          pause = 0;
        } else if (answer._tag === "Failed") {
          const failures = countFailure(incarnation, item, call, answer.error);
          step ??= yield* retryStep(partition.actor.retry, failures);
          const next = yield* step(answer.error);
          // A schedule that came late, when others had gone on without it, has nothing to say any more.
          if (incarnation.over) return;
          if (next === null) return exhausted(incarnation, item, answer.error);
          pause = next;
        } else {
          const again = conclude(incarnation, item, call, answer);
          if (again === null) return;
          pause = again;
        }
      }
      lane.retries = true;
      for (let i = 0; i < lane.parked.length; i++) {
        lane.parked[i].start.call?.context.abort();
        lane.parked[i] = { item: lane.parked[i].item, start: fresh };
      }
      slots.give();
      incarnation.wake();
      lane.waits = "retry";
      yield* partition.pause(pause);
      lane.waits = "slot";
      yield* slots.take;
      lane.waits = null;
      if (partition.draining || incarnation.over) return; // the next owner, or incarnation, goes on counting
      call = answer = pause = undefined;
    }
  });

/** The answer of a call, or null where it must be waited for. */
export function answerOf(call: Call): Answered | null {
  if (call.threw) return failed(call.result);
  return isPending(call.result) ? null : answered(call.result);
}

/** Milliseconds to the next attempt; null when there is none. */
type RetryStep = (error: unknown) => Effect.Effect<number | null>;

/** Drives a schedule by hand; failures that an earlier incarnation or owner saw count. */
const retryStep = (schedule: Schedule.Schedule<unknown>, failures: number): Effect.Effect<RetryStep> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const advance = yield* Schedule.toStep(schedule);
    const step: RetryStep = (error) =>
      Effect.map(
        Effect.exit(advance(clock.currentTimeMillisUnsafe(), error)),
        (exit) => Exit.isSuccess(exit) ? Duration.toMillis(exit.value[1]) : null,
      );
    for (let seen = 1; seen < failures; seen++) yield* step(undefined);
    return step;
  });
