/**
 * The right to redrive a topic: the only membership in its redrive group. Two runs at once would send letters twice.
 * @module
 */
import { Clock, Deferred, Effect, Exit, Scope } from "effect";
import type { GroupAdmin } from "../admin/group_admin.ts";
import { NotYet, persist } from "../admin/persistence.ts";
import type { AdminError } from "../admin/refusals.ts";
import { makeMember } from "../client/group/member.ts";
import type { Cluster, GroupMember, Membership } from "../client/port.ts";
import { ConnectionError, GroupError } from "../errors.ts";
import type { TopicPartition } from "../record.ts";
import { PartitionLease } from "../runtime/lease.ts";

/** How long a run that was killed stands in the next one's way, in milliseconds. */
const SESSION = 10_000;
/** How long a run that has to let go may take to commit what is acknowledged, in milliseconds. */
export const LAST_COMMIT = 5_000;

/** A membership that holds all partitions of the topic. */
export interface RedriveMembership {
  /** For commits. */
  readonly membership: Membership;
  /** The lease on a partition, under which its letters are sent. */
  readonly lease: (partition: number) => PartitionLease;
  /** Fails when the membership is over; never ends otherwise. */
  readonly over: Effect.Effect<never, GroupError>;
  /** Tells that nothing is sent or committed any more: a membership that is over waits for that. */
  readonly done: Effect.Effect<void>;
}

/** Joins, once nobody else is in the group; leaves when the scope ends. */
export const makeRedriveMembership: (
  cluster: Cluster,
  groups: GroupAdmin,
  groupId: string,
  topic: string,
  partitions: number,
  timeout: number,
) => Effect.Effect<RedriveMembership, AdminError, Scope.Scope> = Effect.fnUntraced(
  function* (cluster, groups, groupId, topic, partitions, timeout) {
    const busy = (words: string) => {
      const remedy = "wait for it to end and begin again (one that was killed stands in the way for 10 seconds)";
      return new GroupError(
        groupId,
        "NON_EMPTY_GROUP",
        `another redrive of ${topic} is under way (${words}); ${remedy}`,
      );
    };
    const alone = Effect.flatMap(groups.find(groupId), (group) => {
      if (group === null || group.members.length === 0) return Effect.void;
      const hosts = group.members.map(({ clientId, host }) => `${clientId} at ${host}`).join(", ");
      return Effect.fail(new NotYet(busy(hosts)));
    });
    yield* persist(() => alone, timeout, `group ${groupId}`);

    // Its own: a scope that is closing ends connections, and leaving needs one.
    const scope = Scope.makeUnsafe();
    const clock = yield* Clock.Clock;
    const joined = Deferred.makeUnsafe<void, GroupError>();
    const over = Deferred.makeUnsafe<never, GroupError>();
    const done = Deferred.makeUnsafe<void>();
    const leases: PartitionLease[] = [];
    const end = (error: GroupError) => {
      Deferred.doneUnsafe(joined, Exit.fail(error));
      Deferred.doneUnsafe(over, Exit.fail(error));
    };
    const lost = () => {
      const detail =
        "its coordinator has not heard of this run for too long; begin again: the last letters may go twice";
      return new GroupError(groupId, "UNKNOWN_MEMBER_ID", detail);
    };
    const fence = () => {
      for (const lease of leases) lease.fence();
    };
    const made = makeMember(cluster, { groupId, topics: [topic], sessionTimeout: SESSION }, {
      assigned: (ours: ReadonlyArray<TopicPartition>) =>
        Effect.sync(() => {
          for (const { partition } of ours) {
            leases[partition] = new PartitionLease(topic, partition, member.membership, clock);
          }
          if (Object.keys(leases).length < partitions) {
            end(busy("it has joined at the same time"));
          } else Deferred.doneUnsafe(joined, Exit.void);
        }),
      revoked: () =>
        Effect.suspend(() => {
          end(busy("it has joined"));
          return Effect.andThen(Effect.timeoutOption(Deferred.await(done), LAST_COMMIT), Effect.sync(fence));
        }),
      lost: () =>
        Effect.sync(() => {
          fence();
          end(lost());
        }),
    });
    const member: GroupMember = yield* Scope.provide(made, scope);
    yield* Effect.addFinalizer((exit) =>
      Deferred.succeed(done, undefined).pipe(
        Effect.andThen(Effect.timeoutOption(member.leave, LAST_COMMIT)),
        Effect.andThen(Scope.close(scope, exit)),
      )
    );
    yield* Effect.forkIn(
      Effect.onExit(member.run, (exit) => {
        const error = Exit.isFailure(exit)
          ? exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
          : undefined;
        return Effect.sync(() => end(error ?? lost()));
      }).pipe(Effect.ignore),
      scope,
    );
    const late = () =>
      Effect.fail(new ConnectionError(`group ${groupId}`, "timeout", `not joined within ${timeout} ms`));
    yield* Effect.timeoutOrElse(Deferred.await(joined), { duration: timeout, orElse: late });
    return {
      membership: member.membership,
      lease: (partition: number) => leases[partition],
      over: Deferred.await(over),
      done: Effect.asVoid(Deferred.succeed(done, undefined)),
    };
  },
);
