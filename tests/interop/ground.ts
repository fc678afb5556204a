/**
 * What the scripts of mixed groups are run on: a real Kafka, two topics, and hosts of several clients.
 * @module
 */
import { Effect, Exit, Schedule, Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { javaProgram } from "../../tools/interop/java.ts";
import { pythonProgram } from "../../tools/interop/python.ts";
import { freshName } from "../support/kafka_broker.ts";
import { ProcessHost } from "./host.ts";
import type { Client, Ground } from "./mixed_group.ts";
import { OurHost } from "./our_host.ts";

/** Ends it. */
export interface OwnGround extends Ground, AsyncDisposable {}

/** Two topics of 8 and 5 partitions, and members of ours and of these clients. */
export async function makeGround(brokers: string, clients: ReadonlyArray<Exclude<Client, "ours">>): Promise<OwnGround> {
  const scope = Scope.makeUnsafe();
  const topics = new Map([[freshName("interop-a"), 8], [freshName("interop-b"), 5]]);
  const hosts: { ours: OurHost; java?: ProcessHost; librdkafka?: ProcessHost } = { ours: new OurHost(brokers) };
  const end = async () => {
    for (const host of Object.values(hosts)) await host[Symbol.asyncDispose]();
    await Effect.runPromise(Scope.close(scope, Exit.void));
  };
  try {
    const open = Effect.gen(function* () {
      const cluster = yield* makeCluster(yield* makeKafkajsLink({ brokers }));
      const admin = yield* cluster.anyConnection("admin");
      yield* admin.call("CreateTopics", {
        timeoutMs: 10_000,
        validateOnly: false,
        topics: Array.from(
          topics,
          ([name, numPartitions]) => ({ name, numPartitions, replicationFactor: 1, configs: {} }),
        ),
      });
      return cluster;
    });
    const cluster = await Effect.runPromise(Scope.provide(open, scope));
    for (const client of clients) {
      const program = client === "java" ? await javaProgram("GroupMember") : await pythonProgram("group_member");
      hosts[client] = new ProcessHost(program.spawn([brokers]));
    }
    const describe = (groupId: string) =>
      Effect.runPromise(Effect.retry(
        Effect.scoped(Effect.gen(function* () {
          const { nodeId } = yield* cluster.coordinator(groupId);
          const connection = yield* cluster.connect(nodeId, "group");
          return (yield* connection.call("DescribeGroups", { groupIds: [groupId] })).groups[0];
        })),
        { schedule: Schedule.spaced(100), times: 100 },
      ));
    return { hosts, topics, describe, [Symbol.asyncDispose]: end };
  } catch (cause) {
    await end();
    throw cause;
  }
}
