/**
 * One member of a group of the newer protocol (KIP-848), heartbeat by heartbeat.
 * @module
 */
import { Effect } from "effect";
import type { ConnectionError } from "../../src/errors.ts";
import type { Connection } from "../../src/link/link.ts";
import type { Answer, Request } from "../../src/link/protocol.ts";
import type { CommitOptions, Context } from "./context.ts";

type Heartbeat = Request<"ConsumerGroupHeartbeat">;
type Heard = Answer<"ConsumerGroupHeartbeat">;

/** What a member is like. */
export interface ConsumerMemberOptions {
  readonly groupInstanceId?: string | null;
  readonly rebalanceTimeoutMs?: number;
  readonly serverAssignor?: string | null;
}

/** A member, with a connection of its own. */
export class ConsumerMember {
  memberId: string = crypto.randomUUID();
  epoch = 0;
  /** What it was last told to hold: `topic id/partition`, sorted. */
  assigned: ReadonlyArray<string> = [];

  constructor(
    readonly kafka: Context,
    readonly connection: Connection,
    readonly groupId: string,
    public topics: ReadonlyArray<string>,
    public options: ConsumerMemberOptions,
  ) {}

  /** One heartbeat that says nothing new, changed by `request`; remembers what it is told. */
  beat(request: Partial<Heartbeat> = {}): Effect.Effect<Heard, ConnectionError> {
    return Effect.map(
      Effect.suspend(() =>
        this.connection.call("ConsumerGroupHeartbeat", {
          groupId: this.groupId,
          memberId: this.memberId,
          memberEpoch: this.epoch,
          groupInstanceId: this.options.groupInstanceId ?? null,
          rackId: null,
          rebalanceTimeoutMs: -1,
          subscribedTopicNames: null,
          serverAssignor: null,
          topicPartitions: null,
          ...request,
        })
      ),
      (answer) => {
        if (answer.errorCode !== 0) return answer;
        this.epoch = answer.memberEpoch;
        if (answer.assignment !== null) this.assigned = flat(answer.assignment);
        return answer;
      },
    );
  }

  /** The first heartbeat. */
  join(request: Partial<Heartbeat> = {}): Effect.Effect<Heard, ConnectionError> {
    return this.beat({
      memberEpoch: 0,
      rebalanceTimeoutMs: this.options.rebalanceTimeoutMs ?? 5_000,
      subscribedTopicNames: this.topics,
      serverAssignor: this.options.serverAssignor ?? null,
      topicPartitions: [],
      ...request,
    });
  }

  /** A heartbeat that says what it holds: all it was told to, unless other partitions are given. */
  hold(partitions?: ReadonlyArray<string>): Effect.Effect<Heard, ConnectionError> {
    return Effect.suspend(() => this.beat({ topicPartitions: nested(partitions ?? this.assigned) }));
  }

  /** Takes what it is given and lets go of what it is not, until `right` says so. */
  settle(right: () => boolean) {
    return this.kafka.until(this.hold(), right);
  }

  leave(memberEpoch: -1 | -2 = -1): Effect.Effect<Heard, ConnectionError> {
    return Effect.suspend(() => {
      const { memberId, epoch } = this;
      return Effect.tap(this.beat({ memberEpoch }), () => Effect.sync(() => Object.assign(this, { memberId, epoch })));
    });
  }

  commit(topic: string, offset: number, options: CommitOptions = {}) {
    const { memberId, epoch: generationId } = this;
    const groupInstanceId = this.options.groupInstanceId ?? null;
    return this.kafka.commit(topic, this.groupId, offset, { memberId, generationId, groupInstanceId, ...options });
  }
}

/** Somebody who is not a member yet. */
export const consumer = Effect.fnUntraced(function* (
  kafka: Context,
  groupId: string,
  topics: ReadonlyArray<string>,
  options: ConsumerMemberOptions = {},
) {
  return new ConsumerMember(kafka, yield* kafka.connect("group"), groupId, topics, options);
});

/** `topic id/partition`, sorted. */
function flat(topics: NonNullable<Heard["assignment"]>): ReadonlyArray<string> {
  return topics.flatMap(({ topicId, partitions }) => partitions.map((partition) => `${topicId}/${partition}`)).sort();
}

function nested(partitions: ReadonlyArray<string>): NonNullable<Heartbeat["topicPartitions"]> {
  const byTopic = new Map<string, Array<number>>();
  for (const [topicId, partition] of partitions.map((each) => each.split("/"))) {
    byTopic.set(topicId, [...byTopic.get(topicId) ?? [], Number(partition)]);
  }
  return Array.from(byTopic, ([topicId, partitions]) => ({ topicId, partitions }));
}

/** Two members that have so many partitions each. */
export const settledPair = Effect.fnUntraced(function* (
  kafka: Context,
  groupId: string,
  topics: ReadonlyArray<string>,
  each: number,
  options: ConsumerMemberOptions | ((name: string) => ConsumerMemberOptions) = {},
) {
  const optionsOf = (name: string) => typeof options === "function" ? options(name) : options;
  const one = yield* consumer(kafka, groupId, topics, optionsOf("one"));
  yield* one.join();
  yield* one.settle(() => one.assigned.length === 2 * each);
  const two = yield* consumer(kafka, groupId, topics, optionsOf("two"));
  yield* two.join();
  yield* kafka.until(
    Effect.andThen(one.hold(), two.hold()),
    () => one.assigned.length === each && two.assigned.length === each && one.epoch === two.epoch,
  );
  return [one, two] as const;
});
