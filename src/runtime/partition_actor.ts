/**
 * The supervised fiber of one partition: incarnation after incarnation, until it is drained, fenced, or fails too
 * often.
 * @module
 */
import { Cause, Clock, Effect, Exit, FiberSet, Option, Random, type Scope } from "effect";
import { ActorFailed } from "../errors.ts";
import { Fenced, Incarnation, type IncarnationServices } from "./incarnation.ts";
import { makeInvoke } from "./invoke.ts";
import { messageOf } from "./lane.ts";
import { makeActorLogger } from "./actor_logger.ts";
import { acquire } from "./resource.ts";
import type { Partition } from "./partition.ts";

// No pause before a restart is longer, in milliseconds.
const LONGEST_PAUSE = 10_000;
// Milliseconds an interrupted handler is waited for before its successor starts.
const GRACE = 1_000;

/** Runs the actor of a partition. Succeeds once it is drained or fenced; fails when its restart intensity is used up. */
export const runPartition = (partition: Partition, services: IncarnationServices): Effect.Effect<void, ActorFailed> =>
  Effect.gen(function* () {
    const { actor, topic } = partition;
    const clock = yield* Clock.Clock;
    const restarts: number[] = [];
    for (let start = 1; !partition.draining && !partition.lease.fenced; start++) {
      const exit = yield* Effect.exit(Effect.scoped(incarnation(partition, services, start)));
      if (Exit.isSuccess(exit)) return;
      const { cause } = exit;
      const error = Option.getOrUndefined(Cause.findErrorOption(cause));
      if (error instanceof ActorFailed) return yield* Effect.fail(error);
      if (error instanceof Fenced || partition.lease.fenced) return;
      if (Cause.hasInterrupts(cause)) return yield* Effect.interrupt;
      const reason = Cause.squash(cause);
      const where = `${actor.name} on ${topic}/${partition.partition}@${partition.position}`;
      const now = clock.currentTimeMillisUnsafe();
      while (restarts.length > 0 && now - restarts[0] >= actor.restart.within) restarts.shift();
      restarts.push(now);
      if (restarts.length > actor.restart.max) {
        const detail = `restarted ${actor.restart.max} times within ${actor.restart.within} ms, then failed again: ${
          messageOf(reason)
        }`;
        return yield* Effect.fail(
          new ActorFailed(actor.name, topic, partition.partition, partition.position, detail, { cause: reason }),
        );
      }
      const base = Math.min(actor.restart.initial * 2 ** (restarts.length - 1), LONGEST_PAUSE);
      const pause = Math.round(base * (0.8 + 0.4 * (yield* Random.next)));
      partition.counters.restarts++;
      yield* Effect.logWarning(`${where}: restarts in ${pause} ms after a defect: ${messageOf(reason)}`);
      yield* partition.pause(pause);
    }
  });

/** One life: its resources are released, in reverse, before the next begins. */
const incarnation = (
  partition: Partition,
  services: IncarnationServices,
  start: number,
): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { actor, topic, lease } = partition;
    const clock = yield* Clock.Clock;
    const logger = yield* makeActorLogger;
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
    yield* Effect.onExit(life.run, () =>
      Effect.andThen(FiberSet.clear(lanes), life.handlers.settle(GRACE)));
  });
