/**
 * The supervised fiber of one partition: incarnation after incarnation, until it is drained, fenced, or fails too
 * often.
 * @module
 */
import { Cause, Clock, Deferred, Effect, Exit, Fiber, FiberSet, Option, Random, type Scope } from "effect";
import { ActorFailed } from "../errors.ts";
import { monotonicMs } from "../fiber/monotonic.ts";
import { makeActorLogger } from "./actor_logger.ts";
import { Fenced, Stuck, Unacknowledged, Unpublishable } from "./crash.ts";
import { Incarnation, type IncarnationServices } from "./incarnation.ts";
import { makeInvoke } from "./invoke.ts";
import type { Partition } from "./partition.ts";
import { acquire } from "./resource.ts";
import { messageOf } from "./settlement.ts";

// No pause before a restart is longer, in milliseconds.
const LONGEST_PAUSE = 10_000;
// Milliseconds an interrupted handler is waited for before its successor starts.
const GRACE = 1_000;
// Milliseconds in which resources are to be let go after an interruption: a process must be able to end.
const DISPOSAL = 5_000;

/** Runs the actor of a partition. Succeeds once it is drained or fenced; fails when its restart intensity is used up. */
export const runPartition = (partition: Partition, services: IncarnationServices): Effect.Effect<void, ActorFailed> =>
  Effect.gen(function* () {
    // Dead letters that are still to be written outlive the incarnation that gave their records up.
    const letters = yield* FiberSet.make<void>();
    const fork = yield* FiberSet.runtime(letters)();
    partition.fork = (effect) => void fork(effect);
    yield* supervise(partition, services);
    if (partition.draining && !partition.lease.fenced) yield* partition.acknowledged;
  }).pipe(Effect.scoped, Effect.ensuring(Effect.sync(() => partition.end())));

/** Incarnation after incarnation. */
const supervise = (partition: Partition, services: IncarnationServices): Effect.Effect<void, ActorFailed> =>
  Effect.gen(function* () {
    const { actor: { name, restart }, topic, partition: number } = partition;
    const clock = yield* Clock.Clock;
    /** The restarts within the window. */
    const restarts: Array<{ readonly at: number; readonly counted: boolean }> = [];
    for (let start = 1; !partition.draining && !partition.lease.fenced; start++) {
      const exit = yield* live(partition, services, start);
      partition.stage = "resting";
      if (Exit.isSuccess(exit)) return;
      const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause));
      if (error instanceof ActorFailed) return yield* Effect.fail(error);
      if (error instanceof Fenced || partition.lease.fenced) return;
      const publish = error instanceof Unacknowledged || error instanceof Unpublishable;
      const stuck = error instanceof Stuck;
      const counted = !publish && !stuck;
      const reason = publish ? error.error : Cause.squash(exit.cause);
      const now = monotonicMs(clock);
      if (stuck && error.final) {
        return yield* Effect.fail(
          new ActorFailed(name, topic, number, partition.position, error.message, { cause: error }),
        );
      }
      if (stuck) partition.counters.watchdogRestarts++;
      while (restarts.length > 0 && now - restarts[0].at >= restart.within) restarts.shift();
      // What can't be published ends by itself, after a few restarts: nothing is won by slowing them down.
      if (!(error instanceof Unpublishable)) restarts.push({ at: now, counted });
      if (restarts.filter(({ counted }) => counted).length > restart.max) {
        const detail = `restarted ${restart.max} times within ${restart.within} ms, then failed again: ${
          messageOf(reason)
        }`;
        return yield* Effect.fail(
          new ActorFailed(name, topic, number, partition.position, detail, { cause: reason }),
        );
      }
      const base = Math.min(restart.initial * 2 ** Math.max(0, restarts.length - 1), LONGEST_PAUSE);
      const pause = Math.round(base * (0.8 + 0.4 * (yield* Random.next)));
      partition.counters.restarts++;
      const where = `${name} on ${topic}/${number}@${partition.position}`;
      const why = stuck ? "it was stuck" : counted ? "a defect" : "a publish that failed";
      yield* Effect.logWarning(`${where}: restarts in ${pause} ms after ${why}: ${messageOf(reason)}`);
      yield* partition.pause(pause);
    }
  });

/** One life, in a fiber of its own: one that does not end when it should is left behind. */
const live = (
  partition: Partition,
  services: IncarnationServices,
  start: number,
): Effect.Effect<Exit.Exit<void, unknown>> =>
  Effect.gen(function* () {
    const given = Deferred.makeUnsafe<void>();
    let left: Exit.Exit<void, unknown> | null = null;
    let ended: Exit.Exit<void, unknown> | null = null;
    partition.life = start;
    partition.crash = () => {};
    const fiber = yield* Effect.forkDetach(
      Effect.scoped(incarnation(partition, services, start, (exit) => ended = exit)),
      {
        startImmediately: true,
      },
    );
    partition.abandon = (stuck) => {
      // Whatever of it goes on nevertheless can't settle or publish anything any more.
      // What had ended it for good does so, whatever does not let go.
      left = ended !== null && isFinal(ended) ? ended : Exit.fail(stuck);
      partition.crash(Cause.fail(stuck));
      Deferred.doneUnsafe(given, Exit.void);
      fiber.interruptUnsafe();
    };
    const exit = yield* Effect.raceFirst(Fiber.await(fiber), Effect.as(Deferred.await(given), Exit.void)).pipe(
      Effect.onInterrupt(() => {
        fiber.interruptUnsafe();
        return Effect.timeoutOption(Fiber.await(fiber), DISPOSAL);
      }),
    );
    return left ?? exit;
  });

const isFinal = (exit: Exit.Exit<void, unknown>): boolean =>
  Option.getOrUndefined(Exit.findErrorOption(exit)) instanceof ActorFailed;

/** One life: its resources are released, in reverse, before the next begins. */
const incarnation = (
  partition: Partition,
  services: IncarnationServices,
  start: number,
  ending: (exit: Exit.Exit<void, unknown>) => void,
): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { actor, topic, lease } = partition;
    const clock = yield* Clock.Clock;
    const logger = yield* makeActorLogger;
    partition.stage = "acquiring";
    const resources = yield* acquire(
      actor.resources?.({ actor: actor.name, topic, partition: partition.partition, start }),
    );
    const lanes = yield* FiberSet.make<void>();
    const fork = yield* FiberSet.runtime(lanes)();
    const context = {
      actor: actor.name,
      topic,
      partition: partition.partition,
      resources,
      lease,
      logger: (offset: number) => logger({ actor: actor.name, topic, partition: partition.partition, offset }),
    };
    const life = new Incarnation(partition, services, makeInvoke(actor, context), clock, context, (effect) =>
      void fork(effect));
    const end = FiberSet.clear(lanes).pipe(
      Effect.andThen(Effect.sync(() =>
        life.end()
      )),
      Effect.andThen(life.handlers.end(GRACE)),
    );
    partition.stage = "running";
    yield* Effect.onExit(life.run, (exit) => {
      if (partition.life === start) {
        partition.stage = "releasing";
        ending(exit);
      }
      return end;
    });
  });
