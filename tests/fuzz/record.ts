/**
 * Records the answers that are fuzzed, all APIs and versions of this client, from a real Kafka 4: `deno run -A
 * tests/fuzz/record.ts HOST:PORT`. The logs are those of tools/interop/java/RecordLogs.java, in small.
 * @module
 */
import { encodeAssignment, encodeSubscription } from "../../src/client/group/subscription.ts";
import { BatchEncoder } from "../../src/codec/batch_encoder.ts";
import { answerReader, codecs, encodeApiVersions, encodeRequest } from "../../src/link/kafkajs/requests/codecs.ts";
import type { Codec } from "../../src/link/kafkajs/requests/codec.ts";
import type { Answer, ApiName, Request } from "../../src/link/protocol.ts";
import { javaProgram } from "../../tools/interop/java.ts";
import { type RecordedAnswer, writeAnswers } from "./answers.ts";

const answers: Array<RecordedAnswer> = [];

/** One connection, one request at a time. */
class RawConnection {
  readonly #socket: Deno.Conn;
  constructor(socket: Deno.Conn) {
    this.#socket = socket;
  }

  static async open(brokers: string): Promise<RawConnection> {
    const [hostname, port] = brokers.split(":");
    return new RawConnection(await Deno.connect({ hostname, port: Number(port) }));
  }

  /** Sends a frame; answers what follows the correlation id. */
  async exchange(frame: Uint8Array): Promise<Uint8Array> {
    const writer = this.#socket.writable.getWriter();
    await writer.write(frame);
    writer.releaseLock();
    const length = new DataView((await this.#read(4)).buffer).getInt32(0);
    return (await this.#read(length)).slice(4);
  }

  async #read(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = await this.#socket.read(bytes.subarray(at));
      if (count === null) throw new Error("closed");
      at += count;
    }
    return bytes;
  }

  /** Asks in every version that fits (Fetch: in the newest), and records each answer; answers the newest. */
  async record<A extends ApiName>(api: A, name: string, request: Request<A>): Promise<Answer<A>> {
    let newest: Answer<A> | undefined;
    for (const codec of codecs[api] as ReadonlyArray<Codec<A>>) {
      if (codec.fits?.(request) === false || (newest !== undefined && api === "Fetch")) continue;
      const payload = await this.exchange(encodeRequest(codec, request, 1, "fuzz"));
      answers.push({ api, version: codec.version, name, request, payload });
      newest ??= codec.read(answerReader(payload, codec.flexible), request);
    }
    if (newest === undefined) throw new Error(`no version of ${api} takes this request`);
    return newest;
  }
}

/** Records one of each. */
async function main(brokers: string): Promise<void> {
  const broker = await RawConnection.open(brokers);
  const prefix = `f${crypto.randomUUID().slice(0, 4)}`;
  const logs = ["none", "gzip", "snappy", "lz4", "zstd"].map((name) => [name, name] as const);
  const names = (kind: string) => `${prefix}-${kind}`;
  const java = await javaProgram("RecordLogs");
  await java.run([
    ...logs.flatMap(([kind, compression]) => ["plain", brokers, names(kind), compression, "40", "+"]),
    ...["plain", brokers, names("append"), "none,gzip,snappy,lz4,zstd", "12", "+"],
    ...["transactions", brokers, names("transactions"), "24", "+"],
    ...["compacted", brokers, names("compacted"), "lz4", "100000000", "+"],
    ...["compacted", brokers, names("emptied"), "none", "1"],
  ]);
  const kinds = [...logs.map(([kind]) => kind), "append", "transactions", "compacted", "emptied"];
  const metadata = await broker.record("Metadata", "topics", {
    topics: [...kinds.map(names), "nothing-of-that-name"],
    allowAutoTopicCreation: false,
  });
  await broker.record("Metadata", "cluster", { topics: [], allowAutoTopicCreation: false });
  const topicId = (name: string) => metadata.topics.find((topic) => topic.name === name)?.topicId ?? "";
  const payload = await broker.exchange(encodeApiVersions(1, "fuzz"));
  answers.push({ api: "ApiVersions", version: 0, name: "versions", request: null, payload });

  const fetch = (
    name: string,
    kinds: ReadonlyArray<string>,
    options: { from?: number; maxBytes?: number; isolationLevel?: 0 | 1; ids?: boolean } = {},
  ) => {
    const { from = 0, maxBytes = 1 << 20, isolationLevel = 1, ids = true } = options;
    const topics = kinds.map((kind) => ({
      name: names(kind),
      ...ids ? { topicId: topicId(names(kind)) } : {},
      partitions: (kind === "transactions" ? [0, 1] : [0])
        .map((partition) => ({ partition, currentLeaderEpoch: -1, fetchOffset: from, maxBytes })),
    }));
    const request = { maxWaitMs: 100, minBytes: 1, maxBytes: 1 << 24, isolationLevel, rackId: "", topics };
    return broker.record("Fetch", name, request);
  };
  for (const kind of kinds) await fetch(kind, [kind]);
  await fetch("all", kinds, { maxBytes: 2500 });
  await fetch("by name", ["none", "transactions"], { ids: false });
  await fetch("uncommitted", ["transactions"], { isolationLevel: 0 });
  await fetch("from the middle", kinds, { from: 30 });
  await fetch("nothing new", ["none"], { from: 40 });
  await fetch("out of range", ["none", "zstd"], { from: 4000 });

  const position = { partition: 0, currentLeaderEpoch: -1 };
  await broker.record("ListOffsets", "ends", {
    isolationLevel: 1,
    topics: kinds.map((kind) => ({ name: names(kind), partitions: [{ ...position, timestamp: -1 }] })),
  });
  const topic = names("none");
  const batch = new BatchEncoder(Date.now());
  batch.add("key", "value", [], Date.now());
  const finish = { producerId: -1n, producerEpoch: -1, baseSequence: -1, compression: "none" } as const;
  const produced = { partition: 0, records: batch.finish(finish) };
  await broker.record("Produce", "one", {
    transactionalId: null,
    acks: -1,
    timeoutMs: 5000,
    topics: [{ name: topic, partitions: [produced, { ...produced, partition: 77 }] }],
  });
  await broker.record("InitProducerId", "plain", {
    transactionalId: null,
    transactionTimeoutMs: 1000,
    producerId: -1n,
    producerEpoch: -1,
  });
  await recordGroups(broker, prefix, topic);
  await recordAdmin(broker, prefix, topic);
  writeAnswers(answers.toSorted((a, b) => a.api < b.api ? -1 : a.api > b.api ? 1 : 0));
  console.log(`${answers.length} answers, ${answers.reduce((sum, { payload }) => sum + payload.length, 0)} bytes`);
  Deno.exit(0);
}

async function recordGroups(broker: RawConnection, prefix: string, topic: string): Promise<void> {
  const groupId = `${prefix}-group`;
  // A group's first coordinator takes a while to load.
  for (;;) {
    const found = await broker.record("FindCoordinator", "group", { key: groupId, keyType: 0 });
    if (found.errorCode === 0) break;
    answers.pop();
  }
  const owned = new Map([[topic, [0, 1]], [`${topic}-2`, [3]]]);
  const metadata = encodeSubscription({ topics: [topic, `${topic}-2`], owned, generation: 3 });
  const joining = {
    groupId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    groupInstanceId: `${prefix}-instance`,
    protocolType: "consumer",
    protocols: ["cooperative-sticky", "range"].map((name) => ({ name, metadata })),
  };
  const joined = await broker.record("JoinGroup", "leader", { ...joining, memberId: "" });
  const { memberId, generationId } = joined;
  const identity = { groupId, generationId, memberId, groupInstanceId: joining.groupInstanceId };
  await broker.record("SyncGroup", "leader", {
    ...identity,
    assignments: [{ memberId, assignment: encodeAssignment(owned) }],
  });
  await broker.record("Heartbeat", "member", identity);
  const committed = { partition: 0, committedOffset: 5, committedMetadata: "metadata ü" };
  await broker.record("OffsetCommit", "one", {
    ...identity,
    topics: [{ name: topic, partitions: [committed, { ...committed, partition: 9 }] }],
  });
  await broker.record("OffsetFetch", "one and none", {
    groupId,
    requireStable: true,
    topics: [{ name: topic, partitions: [0, 1] }],
  });
  await broker.record("DescribeGroups", "one and none", { groupIds: [groupId, "nobody"] });
  await broker.record("LeaveGroup", "one and none", {
    groupId,
    members: [{ memberId, groupInstanceId: joining.groupInstanceId }, { memberId: "nobody", groupInstanceId: null }],
  });
  const member = {
    groupId: `${prefix}-new`,
    memberId: crypto.randomUUID(),
    memberEpoch: 0,
    groupInstanceId: null,
    rackId: null,
    rebalanceTimeoutMs: 10_000,
    subscribedTopicNames: [topic],
    serverAssignor: null,
    topicPartitions: [],
  };
  let beat = await broker.record("ConsumerGroupHeartbeat", "first", member);
  for (let i = 0; i < 20 && beat.assignment === null; i++) {
    const next = { ...member, memberEpoch: beat.memberEpoch, subscribedTopicNames: null, topicPartitions: null };
    beat = await broker.record("ConsumerGroupHeartbeat", "later", next);
  }
  await broker.record("ConsumerGroupDescribe", "one and none", { groupIds: [member.groupId, "nobody"] });
}

async function recordAdmin(broker: RawConnection, prefix: string, topic: string): Promise<void> {
  const admin = { timeoutMs: 5000, validateOnly: false };
  const made = { numPartitions: 2, replicationFactor: 1, configs: { "retention.ms": "1000" } };
  const topics = [{ name: `${prefix}-made`, ...made }, { name: topic, ...made }];
  await broker.record("CreateTopics", "one new", { ...admin, topics });
  await broker.record("CreatePartitions", "one more", {
    ...admin,
    topics: [{ name: `${prefix}-made`, count: 3 }, { name: topic, count: 1 }],
  });
  await broker.record("DescribeConfigs", "topic", {
    resources: [{ type: 2, name: topic, keys: null }, { type: 4, name: "1", keys: ["log.retention.hours"] }],
  });
  await broker.record("DeleteRecords", "one", {
    timeoutMs: 5000,
    topics: [{ name: topic, partitions: [{ partition: 0, offset: 3 }] }],
  });
  await broker.record("DeleteTopics", "one", { timeoutMs: 5000, topics: [`${prefix}-made`, "nothing-of-that-name"] });
}

if (import.meta.main) await main(Deno.args[0]);
