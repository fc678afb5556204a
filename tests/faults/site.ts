/**
 * The place where faults happen: a cluster with a proxy in front of each broker, and what a fault may do to it.
 * @module
 */
import { type Admin, Kafka, logLevel } from "kafkajs";
import { type ClusterNode, type KafkaCluster, startCluster } from "../../tools/kafka/cluster.ts";
import { freePort } from "../../tools/kafka/node.ts";
import { until } from "../scenarios/within.ts";
import { freshName } from "../support/kafka_broker.ts";
import { Proxy } from "./proxy.ts";
import { BrokerRequests } from "./requests.ts";

/** Partitions of a topic that faults are tried on. */
export const partitions = 6;

/** A cluster, its proxies, and hands to work on them. */
export class Site implements AsyncDisposable {
  private constructor(
    readonly cluster: KafkaCluster,
    readonly proxies: ReadonlyArray<Proxy>,
    readonly admin: Admin,
    readonly requests: BrokerRequests,
  ) {}

  /** Starts it. `settings` are further lines for each broker. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Site> {
    const ports = [freePort(), freePort(), freePort()];
    const cluster = await startCluster({ settings, proxied: (nodeId) => ports[nodeId - 1] });
    const proxies = ports.map((port, i) => new Proxy(port, () => cluster.nodes[i].proxiedPort));
    const kafka = new Kafka({
      clientId: "site",
      brokers: cluster.brokers.split(","),
      logLevel: logLevel.NOTHING,
      retry: { retries: 100, initialRetryTime: 50, maxRetryTime: 500 },
    });
    const admin = kafka.admin();
    await admin.connect();
    return new Site(cluster, proxies, admin, new BrokerRequests(cluster));
  }

  /** Ends all. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.admin.disconnect();
    for (const proxy of this.proxies) await proxy[Symbol.asyncDispose]();
    await this.cluster.stop();
  }

  /** Creates a topic of three replicas and waits until all partitions are led. */
  async topic(configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic = freshName("faults");
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    await this.admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions, replicationFactor: 3, configEntries }],
    });
    await until(() => this.leaders(topic), (leaders) => leaders.length === partitions && !leaders.includes(-1), topic);
    return topic;
  }

  /** The leaders of a topic's partitions, in order; none while the topic is not known. */
  async leaders(topic: string): Promise<ReadonlyArray<number>> {
    const found = await this.#partitions(topic);
    return found.map(({ leader }) => leader);
  }

  /** Waits until all of a topic's replicas are in sync again, so that the next fault finds a whole cluster. */
  inSync(topic: string): Promise<void> {
    return this.replicasInSync(topic, 3);
  }

  /** Makes other replicas lead: each partition's leader is the next broker after this one. */
  async moveLeaders(topic: string): Promise<void> {
    const before = await this.leaders(topic);
    const next = before.map((leader) => [leader, leader + 1, leader + 2].map((id) => id % 3 + 1));
    await this.admin.alterPartitionReassignments({
      topics: [{ topic, partitionAssignment: next.map((replicas, partition) => ({ partition, replicas })) }],
      timeout: 10_000,
    });
    // The preferred leader is the first replica. The reassignment may not have reached every broker.
    await until(
      async () => {
        await this.requests.electLeaders(topic, before.map((_, partition) => partition));
        return await this.leaders(topic);
      },
      (leaders) => leaders.every((leader, i) => leader === next[i][0]),
      `the leaders of ${topic} moved`,
    );
  }

  /** Waits until every partition of a topic has so many replicas in sync. */
  async replicasInSync(topic: string, count: number): Promise<void> {
    await until(
      () => this.#partitions(topic),
      (found) => found.length > 0 && found.every(({ isr }) => isr.length === count),
      `${count} replicas of ${topic} in sync`,
    );
  }

  /** What a group has committed, by partition. */
  async committed(group: string, topic: string): Promise<ReadonlyArray<number>> {
    const [found] = await this.admin.fetchOffsets({ groupId: group, topics: [topic] });
    const offsets = new Array<number>(partitions).fill(0);
    for (const { partition, offset } of found.partitions) offsets[partition] = Math.max(0, Number(offset));
    return offsets;
  }

  /** The broker that is a group's coordinator. */
  async coordinator(group: string): Promise<ClusterNode> {
    const nodeId = await until(
      () => this.requests.coordinator(group),
      (nodeId) => nodeId > 0,
      `${group}'s coordinator`,
    );
    return this.node(nodeId);
  }

  /** A broker by its id. */
  node(nodeId: number): ClusterNode {
    return this.cluster.nodes[nodeId - 1];
  }

  /** The broker that leads most partitions of a topic and is not `other`. */
  async leader(topic: string, other?: ClusterNode): Promise<ClusterNode> {
    const leaders = await this.leaders(topic);
    const led = (node: ClusterNode) => leaders.filter((leader) => leader === node.nodeId).length;
    const [first] = this.cluster.nodes.filter((node) => node !== other).toSorted((a, b) => led(b) - led(a));
    return first;
  }

  async #partitions(topic: string) {
    const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }));
    return (topics[0]?.partitions ?? []).toSorted((a, b) => a.partitionId - b.partitionId);
  }
}

/** Waits; for faults that last. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
