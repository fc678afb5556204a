/**
 * Members of ours, on a real Kafka.
 * @module
 */
import { Effect, Fiber, Logger, References } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeConsumerMember } from "../../src/client/group/consumer_member.ts";
import { makeMember } from "../../src/client/group/member.ts";
import type { GroupMember } from "../../src/client/port.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { partitionKey, type TopicPartition } from "../../src/record.ts";
import { type Joining, type MemberHost, newerProtocol } from "./host.ts";
import type { RebalanceEvent } from "./ledger.ts";

interface Running {
  readonly member: Promise<GroupMember>;
  readonly fiber: Fiber.Fiber<void, unknown>;
}

/** Runs members of ours, each with its own connections. */
export class OurHost implements MemberHost {
  readonly #running = new Map<string, Running>();
  /** The member id of each group's leader, as of the newest generation any of ours has heard of. */
  readonly leaders = new Map<string, string>();
  readonly #logger = Logger.layer([Logger.make(({ message }) => this.#hear(String(message)))]);

  /** On these brokers. */
  constructor(private readonly brokers: string) {}

  /** See {@linkcode MemberHost}. */
  start(joining: Joining, tell: (event: RebalanceEvent) => void): void {
    const started = Promise.withResolvers<GroupMember>();
    const { name, group: groupId, assignors, topics, instanceId } = joining;
    const told = (change: RebalanceEvent["change"]) => (partitions: ReadonlyArray<TopicPartition>) =>
      Effect.sync(() =>
        tell({
          member: name,
          change,
          at: Date.now(),
          partitions: partitions.map(({ topic, partition }) => partitionKey(topic, partition)),
        })
      );
    const life = Effect.gen({ self: this }, function* () {
      const cluster = yield* makeCluster(yield* makeKafkajsLink({ brokers: this.brokers, clientId: name }));
      const options = { groupId, topics, assignors, instanceId, sessionTimeout: 6_000, heartbeatInterval: 100 };
      const make = assignors[0] === newerProtocol ? makeConsumerMember : makeMember;
      const member = yield* make(cluster, options, {
        assigned: told("assigned"),
        // Letting go takes a while, as it does with work in hand.
        revoked: (partitions) => Effect.andThen(Effect.sleep(30), told("revoked")(partitions)),
        lost: told("lost"),
      });
      started.resolve(member);
      yield* member.run;
    });
    const fiber = Effect.runFork(
      Effect.scoped(life).pipe(
        Effect.provide(this.#logger),
        Effect.provideService(References.MinimumLogLevel, "Debug"),
        Effect.tapCause((cause) => Effect.sync(() => started.reject(new Error(String(cause))))),
      ),
    );
    this.#running.set(name, { member: started.promise, fiber });
  }

  /** See {@linkcode MemberHost}. */
  async stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`${name} was not started`);
    this.#running.delete(name);
    const { leave } = await running.member;
    await Effect.runPromise(Effect.andThen(leave, Fiber.join(running.fiber)));
  }

  /** Makes all leave. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name)));
  }

  #hear(line: string): void {
    const [, group, leader] = /^group (\S+), generation \d+: (\S+) leads/.exec(line) ?? [];
    if (group !== undefined) this.leaders.set(group, leader);
  }
}
