/**
 * Members of KIP-848's protocol in one group of a small coordinator, and who holds what.
 * @module
 */
import { Cause, Clock, Effect, Exit, Fiber, Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { type ConsumerMemberOptions, makeConsumerMember } from "../../src/client/group/consumer_member.ts";
import type { Cluster, GroupMember, RebalanceListener } from "../../src/client/port.ts";
import type { ConfigError, GroupError } from "../../src/errors.ts";
import type { Link } from "../../src/link/link.ts";
import { partitionKey, type TopicPartition } from "../../src/record.ts";
import { monotonicMs } from "../../src/fiber/monotonic.ts";
import { assertEquals } from "../assert.ts";
import type { Script } from "./scripted_link.ts";
import { SmallConsumerCoordinator } from "./small_consumer_coordinator.ts";

/** A member at work. */
export interface Running {
  readonly name: string;
  readonly member: GroupMember;
  /** What its listener was told. */
  readonly events: Array<string>;
  readonly run: Fiber.Fiber<void, GroupError>;
  /** Ends it as if its process had died. */
  readonly crash: Effect.Effect<void>;
}

/** A group and its members. */
export interface ConsumerWorld {
  readonly kafka: SmallConsumerCoordinator;
  readonly cluster: Cluster;
  /** Who holds each partition. */
  readonly holders: Map<string, Running>;
  /** What must not be; looked at when the test ends. */
  readonly wrong: Array<string>;
  readonly count: (member: Running) => number;
  readonly start: (
    name: string,
    options?: Partial<ConsumerMemberOptions>,
    listener?: Partial<RebalanceListener>,
  ) => Effect.Effect<Running, never, Scope.Scope>;
}

/** What a world is made with. */
export interface ConsumerWorldOptions {
  readonly script?: (kafka: () => SmallConsumerCoordinator) => Script;
  /** What the cluster sees of the coordinator's link. */
  readonly through?: (link: Link) => Link;
}

/** Makes a world; nobody may be assigned what another holds under a lease that has not run out. */
export const makeConsumerWorld: (
  topics: Record<string, number>,
  options?: ConsumerWorldOptions,
) => Effect.Effect<ConsumerWorld, ConfigError, Scope.Scope> = Effect.fnUntraced(function* (
  topics: Record<string, number>,
  { script = () => ({}), through = (link: Link) => link }: ConsumerWorldOptions = {},
) {
  const clock = yield* Clock.Clock;
  const kafka: SmallConsumerCoordinator = new SmallConsumerCoordinator(clock, script(() => kafka));
  Object.assign(kafka.topics, topics);
  yield* kafka.watch;
  const cluster = yield* makeCluster(through(kafka.link));
  const holders = new Map<string, Running>();
  const wrong: Array<string> = [];
  yield* Effect.addFinalizer(() => Effect.sync(() => assertEquals(wrong, [])));
  const start: ConsumerWorld["start"] = Effect.fnUntraced(function* (name, options = {}, listener = {}) {
    const events: Array<string> = [];
    let busy = false;
    let me: Running | undefined = undefined;
    const self = () => me as unknown as Running;
    const take = (partitions: ReadonlyArray<TopicPartition>) => {
      for (const { topic, partition } of partitions) {
        const key = partitionKey(topic, partition);
        const other = holders.get(key);
        if (other !== undefined && other.member.membership.deadline > monotonicMs(clock)) {
          wrong.push(`${clock.currentTimeMillisUnsafe()}: ${key} is assigned to ${name} while ${other.name} holds it`);
        }
        holders.set(key, self());
      }
    };
    const release = (partitions: ReadonlyArray<TopicPartition>) => {
      for (const { topic, partition } of partitions) {
        const key = partitionKey(topic, partition);
        if (holders.get(key) === me) holders.delete(key);
      }
    };
    const turn = (kind: keyof RebalanceListener, partitions: ReadonlyArray<TopicPartition>) =>
      Effect.gen(function* () {
        if (busy) wrong.push(`${name}: ${kind} while another call is under way`);
        busy = true;
        events.push(`${kind} ${partitions.length}`);
        if (kind === "assigned") take(partitions);
        yield* listener[kind]?.(partitions) ?? Effect.void;
        if (kind !== "assigned") release(partitions);
        busy = false;
      });
    const scope = yield* Scope.fork(yield* Effect.scope);
    const made = makeConsumerMember(cluster, { groupId: "g", topics: Object.keys(topics), ...options }, {
      assigned: (partitions) => turn("assigned", partitions),
      revoked: (partitions) => turn("revoked", partitions),
      lost: (partitions) => turn("lost", partitions),
    });
    const member = yield* Scope.provide(made, scope);
    const observed = Effect.tapCause(member.run, (cause) =>
      Effect.sync(() => {
        if (Cause.hasDies(cause)) wrong.push(Cause.pretty(cause));
      }));
    // Known before the loop takes its first step.
    const run = yield* Effect.forkIn(Effect.andThen(Effect.yieldNow, observed), scope);
    const crash = Effect.gen(function* () {
      yield* Fiber.interrupt(run);
      yield* Scope.close(scope, Exit.void);
      for (const [key, holder] of [...holders]) if (holder === me) holders.delete(key);
    });
    return me = { name, member, events, run, crash };
  });
  const count = (member: Running) => [...holders.values()].filter((holder) => holder === member).length;
  return { kafka, cluster, holders, wrong, count, start };
});
