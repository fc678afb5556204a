/**
 * One partition of one actor at work, between a fetcher and a sender that do what a test says.
 * @module
 */
import { Clock, Effect, Fiber, type Scope } from "effect";
import { z } from "zod";
import type { ActorDefinition } from "../../src/actor.ts";
import type { Membership } from "../../src/client/port.ts";
import type { ActorFailed } from "../../src/errors.ts";
import { event, type EventDefinition } from "../../src/event.ts";
import type { RecordHeaders } from "../../src/record.ts";
import { PartitionLease } from "../../src/runtime/lease.ts";
import { MessageReader } from "../../src/runtime/message_reader.ts";
import { emptyOffsetMap, type OffsetMap } from "../../src/runtime/offset_map.ts";
import { Partition } from "../../src/runtime/partition.ts";
import { runPartition } from "../../src/runtime/partition_actor.ts";
import { type ActorCounters, makeActorCounters } from "../../src/telemetry/counters.ts";
import { FakeFetcher, type LogRecord } from "./fake_fetcher.ts";
import { FakeSender } from "./fake_sender.ts";

/** What the test actors receive. */
export const Note = event({
  name: "Note",
  topic: "notes",
  schema: z.object({ key: z.string(), n: z.number() }),
  key: (note) => note.key,
});
/** What they publish. */
export const Echo = event({ name: "Echo", topic: "out", schema: z.string(), key: (echo) => echo });

/** A Note as it stands in the log. */
export function note(key: string, n: number, headers?: RecordHeaders): LogRecord {
  return { key, value: JSON.stringify({ key, n }), headers };
}

/** `count` Notes of these keys in turn, numbered from `first`. */
export function notes(count: number, keys: ReadonlyArray<string> = ["a"], first = 0): LogRecord[] {
  return Array.from({ length: count }, (_, i) => note(keys[i % keys.length], first + i));
}

/** How a partition begins. */
export interface OpenOptions {
  /** Default 0. */
  readonly position?: number;
  /** Default: nothing known. */
  readonly map?: OffsetMap;
  /** Default: what the actor receives. */
  readonly events?: ReadonlyArray<EventDefinition>;
  /** Default: a new one. */
  readonly counters?: ActorCounters;
}

/** A partition and all around it. */
export interface OnePartition {
  readonly partition: Partition;
  readonly lease: PartitionLease;
  readonly membership: Membership;
  readonly fetcher: FakeFetcher;
  readonly sender: FakeSender;
  readonly counters: ActorCounters;
  readonly fiber: Fiber.Fiber<void, ActorFailed>;
  /** Delivers records as one chunk. */
  readonly deliver: (records: ReadonlyArray<LogRecord>) => void;
}

/** Starts an actor on a partition; both end with the scope. */
export const open: (
  actor: ActorDefinition,
  options?: OpenOptions,
) => Effect.Effect<OnePartition, never, Scope.Scope> = Effect.fnUntraced(function* (actor, options = {}) {
  const clock = yield* Clock.Clock;
  const membership: Membership = {
    groupId: actor.group,
    memberId: "m",
    groupInstanceId: null,
    generation: 1,
    deadline: Infinity,
  };
  const { topic } = actor.receives[0];
  const lease = new PartitionLease(topic, 0, membership, clock);
  const fetcher = new FakeFetcher();
  const sender = new FakeSender();
  const counters = options.counters ?? makeActorCounters();
  const partition = new Partition(actor, topic, 0, lease, counters, fetcher);
  partition.begin(options.position ?? 0, options.map ?? emptyOffsetMap);
  const reader = new MessageReader(actor, topic, options.events ?? actor.receives);
  const fiber = yield* Effect.forkScoped(runPartition(partition, { reader, sender }));
  yield* turns;
  const deliver = (records: ReadonlyArray<LogRecord>) => fetcher.deliver(records);
  return { partition, lease, membership, fetcher, sender, counters, fiber, deliver };
});

/** Lets everybody have their turn, promises too, without any time passing. */
export const turns: Effect.Effect<void> = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, {
  discard: true,
});

/** Whether the partition's fiber has ended. */
export function ended({ fiber }: OnePartition): boolean {
  return fiber.pollUnsafe() !== undefined;
}

/** A promise and its two ends. */
export interface Gate {
  readonly promise: Promise<void>;
  readonly open: () => void;
  readonly fail: (error: unknown) => void;
}

/** A promise that a test settles. */
export function gate(): Gate {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { promise, open: () => resolve(), fail: reject };
}

/** What the partition's fiber fails with; nothing when it succeeds. */
export const failureOf = ({ fiber }: OnePartition): Effect.Effect<ActorFailed | void> =>
  Effect.catch(Fiber.join(fiber), Effect.succeed);
