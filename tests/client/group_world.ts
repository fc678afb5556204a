/**
 * Members in one group of a small coordinator, by either protocol, and who holds what.
 * @module
 */
import { Cause, Clock, Effect, Exit, Fiber, Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { type ConsumerMemberOptions, makeConsumerMember } from "../../src/client/group/consumer_member.ts";
import { makeMember, type MemberOptions } from "../../src/client/group/member.ts";
import type { Cluster, GroupMember, RebalanceListener } from "../../src/client/port.ts";
import type { ConfigError, GroupError } from "../../src/errors.ts";
import { monotonicMs } from "../../src/fiber/monotonic.ts";
import type { Link } from "../../src/link/link.ts";
import { partitionKey, type TopicPartition } from "../../src/record.ts";
import { assertEquals } from "../assert.ts";
import type { Script } from "./scripted_link.ts";
import { SmallConsumerCoordinator } from "./small_consumer_coordinator.ts";
import { SmallCoordinator } from "./small_coordinator.ts";

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
export interface GroupWorld<Kafka, Options> {
  readonly kafka: Kafka;
  readonly cluster: Cluster;
  /** Who holds each partition. */
  readonly holders: Map<string, Running>;
  /** What must not be; looked at when the test ends. */
  readonly wrong: Array<string>;
  /** How many partitions the members of a name hold. */
  readonly count: (name: string) => number;
  readonly start: (
    name: string,
    options?: Partial<Options>,
    listener?: Partial<RebalanceListener>,
  ) => Effect.Effect<Running, never, Scope.Scope>;
}

/** What a world is made with. */
export interface GroupWorldOptions<Kafka> {
  readonly script?: (kafka: () => Kafka) => Script;
  /** What the cluster sees of the coordinator's link. */
  readonly through?: (link: Link) => Link;
}

/** What the coordinators of both protocols have. */
interface Coordinator {
  readonly link: Link;
  readonly topics: Record<string, number>;
  readonly watch: Effect.Effect<unknown, never, Scope.Scope>;
}

type Make<Options> = (
  cluster: Cluster,
  options: Options & { readonly groupId: string; readonly topics: ReadonlyArray<string> },
  listener: RebalanceListener,
) => Effect.Effect<GroupMember, never, Scope.Scope>;

/** Makes worlds whose members may not be assigned what another holds under a lease that has not run out. */
const worlds = <Kafka extends Coordinator, Options>(
  coordinator: (clock: Clock.Clock, script: Script) => Kafka,
  make: Make<Options>,
): (
  topics: Record<string, number>,
  options?: GroupWorldOptions<Kafka>,
) => Effect.Effect<GroupWorld<Kafka, Options>, ConfigError, Scope.Scope> =>
  Effect.fnUntraced(function* (
    topics: Record<string, number>,
    { script = () => ({}), through = (link: Link) => link }: GroupWorldOptions<Kafka> = {},
  ) {
    const clock = yield* Clock.Clock;
    const kafka: Kafka = coordinator(clock, script(() => kafka));
    Object.assign(kafka.topics, topics);
    yield* kafka.watch;
    const cluster = yield* makeCluster(through(kafka.link));
    const holders = new Map<string, Running>();
    const wrong: Array<string> = [];
    yield* Effect.addFinalizer(() => Effect.sync(() => assertEquals(wrong, [])));
    const leased = ({ member }: Running) => member.membership.deadline > monotonicMs(clock);

    const start: GroupWorld<Kafka, Options>["start"] = Effect.fnUntraced(function* (name, options = {}, listener = {}) {
      const events: Array<string> = [];
      let busy = false;
      let me: Running | undefined = undefined;
      const self = () => me as unknown as Running;
      const take = (key: string) => {
        const other = holders.get(key);
        if (other !== undefined && leased(other)) {
          wrong.push(`${clock.currentTimeMillisUnsafe()}: ${key} is assigned to ${name} while ${other.name} holds it`);
        }
        holders.set(key, self());
      };
      const release = (key: string) => {
        if (holders.get(key) === me) holders.delete(key);
        else if (leased(self())) wrong.push(`${key} is not ${name}'s to give`);
      };
      const turn = (kind: keyof RebalanceListener, partitions: ReadonlyArray<TopicPartition>) =>
        Effect.gen(function* () {
          const keys = partitions.map(({ topic, partition }) => partitionKey(topic, partition));
          if (busy) wrong.push(`${name}: ${kind} while another call is under way`);
          busy = true;
          events.push(`${kind} ${partitions.length}`);
          if (kind === "assigned") keys.forEach(take);
          yield* listener[kind]?.(partitions) ?? Effect.void;
          if (kind !== "assigned") keys.forEach(release);
          busy = false;
        });
      const scope = yield* Scope.fork(yield* Effect.scope);
      const wanted = { groupId: "g", topics: Object.keys(topics), ...options } as Parameters<typeof make>[1];
      const made = make(cluster, wanted, {
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

    const count = (name: string) => [...holders.values()].filter((holder) => holder.name === name).length;
    return { kafka, cluster, holders, wrong, count, start };
  });

/** A world of the classic protocol. */
export const makeClassicWorld: (
  topics: Record<string, number>,
  options?: GroupWorldOptions<SmallCoordinator>,
) => Effect.Effect<GroupWorld<SmallCoordinator, MemberOptions>, ConfigError, Scope.Scope> = worlds(
  (clock, script) => new SmallCoordinator(clock, script),
  makeMember,
);

/** A world of KIP-848's protocol. */
export const makeConsumerWorld: (
  topics: Record<string, number>,
  options?: GroupWorldOptions<SmallConsumerCoordinator>,
) => Effect.Effect<GroupWorld<SmallConsumerCoordinator, ConsumerMemberOptions>, ConfigError, Scope.Scope> = worlds(
  (clock, script) => new SmallConsumerCoordinator(clock, script),
  makeConsumerMember,
);
