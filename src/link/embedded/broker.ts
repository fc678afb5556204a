/**
 * The one broker: what is stored, and which part answers which request. Everything here is synchronous.
 * @module
 */
import { ErrorCode } from "../error_code.ts";
import type { Answer, ApiName, Request } from "../protocol.ts";
import { brokerAddress } from "./broker_address.ts";
import type { ConsumerGroupSettings } from "./groups/consumer_group.ts";
import { consumerGroupDescribe, consumerGroupHeartbeat } from "./groups/consumer_group_requests.ts";
import { describeConfigs, describeGroups } from "./describe.ts";
import { errorAnswer } from "./error_answer.ts";
import { fetch } from "./fetch.ts";
import { GroupOffsets, offsetCommit, offsetFetch } from "./groups/group_offsets.ts";
import { heartbeat, leaveGroup, syncGroup } from "./groups/group_requests.ts";
import { Groups } from "./groups/groups.ts";
import { joinGroup } from "./groups/join_group.ts";
import { type Journal, noJournal, StorageError } from "./log/journal.ts";
import { listOffsets } from "./list_offsets.ts";
import type { Moment } from "./moment.ts";
import { produce } from "./produce.ts";
import { createPartitions, createTopics, deleteRecords, deleteTopics, metadata } from "./topic_requests.ts";
import { Topics } from "./topics.ts";
import type { Waiting } from "./waiting.ts";

type Handlers = {
  readonly [A in ApiName]: (request: Request<A>, now: Moment) => Answer<A> | Waiting<Answer<A>>;
};

/** A broker, its controller and its coordinator in one. */
export class Broker {
  readonly topics: Topics = new Topics();
  readonly groups: Groups;
  readonly offsets: GroupOffsets = new GroupOffsets();
  /** The producer id that is given next. */
  nextProducerId = 1_000n;
  #journal = noJournal;

  /** `partitions` of a topic that is created without saying how many. */
  constructor(readonly partitions: number, groups: ConsumerGroupSettings) {
    this.groups = new Groups(this.topics, groups);
  }

  /** What keeps changes from now on. */
  set journal(journal: Journal) {
    this.#journal = this.topics.journal = this.offsets.journal = journal;
  }

  /** Applies a request, now. */
  apply<A extends ApiName>(api: A, request: Request<A>, now: Moment): Answer<A> | Waiting<Answer<A>> {
    try {
      return this.#handlers[api](request, now);
    } catch (cause) {
      if (!(cause instanceof StorageError)) throw cause;
      return errorAnswer(api, request, ErrorCode.KAFKA_STORAGE_ERROR);
    } finally {
      this.#journal.applied();
    }
  }

  readonly #handlers: Handlers = {
    Produce: (request, now) => produce(this.topics, request, now),
    Fetch: (request, now) => fetch(this.topics, request, now),
    ListOffsets: (request, now) => listOffsets(this.topics, request, now),
    Metadata: (request) => metadata(this.topics, brokerAddress, request),
    FindCoordinator: () => ({ throttleTimeMs: 0, errorCode: 0, errorMessage: null, ...brokerAddress }),
    JoinGroup: (request, now) => joinGroup(this.groups, request, now),
    SyncGroup: (request, now) => syncGroup(this.groups, request, now),
    Heartbeat: (request, now) => heartbeat(this.groups, request, now),
    LeaveGroup: (request, now) => leaveGroup(this.groups, request, now),
    OffsetCommit: (request, now) => offsetCommit(this.topics, this.groups, this.offsets, request, now),
    OffsetFetch: (request) => offsetFetch(this.offsets, request),
    InitProducerId: (request) => this.#initProducerId(request),
    CreateTopics: (request, now) => createTopics(this.topics, this.partitions, request, now),
    CreatePartitions: (request) => createPartitions(this.topics, request),
    DeleteTopics: (request) => deleteTopics(this.topics, request, (name) => this.offsets.forget(name)),
    ConsumerGroupHeartbeat: (request, now) => consumerGroupHeartbeat(this.groups, request, now),
    ConsumerGroupDescribe: (request, now) => consumerGroupDescribe(this.groups, this.topics, request, now),
    DescribeGroups: (request, now) => describeGroups(this.groups, this.offsets, request, now),
    DescribeConfigs: (request) => describeConfigs(this.topics, request),
    DeleteRecords: (request, now) => deleteRecords(this.topics, request, now),
  };

  #initProducerId(request: Request<"InitProducerId">): Answer<"InitProducerId"> {
    // There are no transactions here yet.
    if (request.transactionalId !== null) return errorAnswer("InitProducerId", request, ErrorCode.UNSUPPORTED_VERSION);
    this.#journal.producerIdsBelow(this.nextProducerId + 1n);
    const producerId = this.nextProducerId++;
    return { throttleTimeMs: 0, errorCode: 0, producerId, producerEpoch: 0 };
  }
}
