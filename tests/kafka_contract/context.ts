/**
 * What a behaviour of Kafka is checked with: requests through a link, whichever it is.
 * @module
 */
import { Effect, Schedule, type Scope } from "effect";
import { ConnectionError } from "../../src/errors.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Connection, Link, Role } from "../../src/link/link.ts";
import type { Answer, ApiName, Request } from "../../src/link/protocol.ts";

/** One thing Kafka does. */
export interface Behaviour {
  /** What it does, when. */
  readonly name: string;
  /** Fails, or dies of an assertion, where a Kafka does not do so. Topics and groups it uses are fresh ones. */
  readonly check: (kafka: Context) => Effect.Effect<void, unknown, Scope.Scope>;
}

type Fetched = Answer<"Fetch">["topics"][number]["partitions"][number];

/** A Kafka to check. */
export class Context {
  #shared: Connection | null = null;

  /** `fresh` makes names nobody has used. */
  constructor(readonly link: Link, readonly fresh: (prefix: string) => string) {}

  /** Opens a connection. */
  connect(role: Role = "admin"): Effect.Effect<Connection, ConnectionError, Scope.Scope> {
    return this.link.connect(this.link.bootstrap[0], role);
  }

  /** Calls on a connection of its own, the same each time. */
  call<A extends ApiName>(
    api: A,
    request: Request<A>,
  ): Effect.Effect<Answer<A>, ConnectionError, Scope.Scope> {
    return Effect.suspend(() => {
      if (this.#shared !== null) return this.#shared.call(api, request);
      return Effect.flatMap(this.connect(), (connection) => (this.#shared = connection).call(api, request));
    });
  }

  /** A new topic whose partitions are all led. */
  readonly topic = Effect.fnUntraced(
    function* (this: Context, partitions = 1, configs: Readonly<Record<string, string>> = {}) {
      const name = this.fresh("topic");
      const answer = yield* this.create({ name, numPartitions: partitions, configs });
      if (answer.errorCode !== 0) return yield* Effect.die(new Error(`no topic: ${JSON.stringify(answer)}`));
      yield* this.led(name, partitions);
      return name;
    },
  );

  /** Waits until all partitions of a topic can be read. */
  led(name: string, partitions: number): Effect.Effect<unknown, ConnectionError | Error, Scope.Scope> {
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    return this.until(this.listOffsets(name, all, -2), (offsets) => offsets.every(({ errorCode }) => errorCode === 0));
  }

  /** Asks for one topic. */
  create(topic: Partial<Request<"CreateTopics">["topics"][number]> & { readonly name: string }, validateOnly = false) {
    const topics = [{ numPartitions: 1, replicationFactor: -1, configs: {}, ...topic }];
    return Effect.map(
      this.call("CreateTopics", { timeoutMs: 10_000, validateOnly, topics }),
      (answer) => answer.topics[0],
    );
  }

  /** Metadata of one topic. */
  describe(name: string) {
    return Effect.map(
      this.call("Metadata", { topics: [name], allowAutoTopicCreation: false }),
      (answer) => answer.topics[0],
    );
  }

  /** Produces to one partition. */
  produce(topic: string, records: Uint8Array, partition = 0) {
    return Effect.map(
      this.call("Produce", produceRequest(topic, records, partition)),
      (answer) => answer.topics[0].partitions[0],
    );
  }

  /** Fetches one partition, without waiting unless asked to. */
  fetch(
    topic: string,
    fetchOffset: number,
    options: FetchOptions = {},
  ): Effect.Effect<Fetched, ConnectionError, Scope.Scope> {
    return Effect.map(
      this.call("Fetch", fetchRequest(topic, fetchOffset, options)),
      (answer) => answer.topics[0].partitions[0],
    );
  }

  /** Offsets of partitions by time, ordered by partition. */
  listOffsets(topic: string, partitions: ReadonlyArray<number>, timestamp: number) {
    return Effect.map(
      this.call("ListOffsets", {
        isolationLevel: 0,
        topics: [{
          name: topic,
          partitions: partitions.map((partition) => ({ partition, currentLeaderEpoch: -1, timestamp })),
        }],
      }),
      // A broker answers in an order of its own.
      (answer) => answer.topics[0].partitions.toSorted((one, other) => one.partition - other.partition),
    );
  }

  /** A new group whose coordinator is ready. */
  readonly group = Effect.fnUntraced(function* (this: Context) {
    const groupId = this.fresh("group");
    const find = Effect.suspend(() => this.call("FindCoordinator", { key: groupId, keyType: 0 }));
    yield* this.until(find, ({ errorCode }) => errorCode === 0);
    yield* this.until(
      Effect.suspend(() => this.call("OffsetFetch", { groupId, requireStable: false, topics: null })),
      ({ errorCode }) => errorCode === 0,
    );
    return groupId;
  });

  /** Commits one offset. Default: for a group without members. */
  commit(topic: string, groupId: string, offset: number, options: CommitOptions = {}) {
    const { partition = 0, metadata = "", generationId = -1, memberId = "", groupInstanceId = null } = options;
    return Effect.map(
      this.call("OffsetCommit", {
        groupId,
        generationId,
        memberId,
        groupInstanceId,
        topics: [{
          name: topic,
          partitions: [{ partition, committedOffset: offset, committedMetadata: metadata }],
        }],
      }),
      (answer) => answer.topics[0].partitions[0].errorCode,
    );
  }

  /** What is committed for one partition. */
  committed(topic: string, groupId: string, partition = 0) {
    return Effect.map(
      this.call("OffsetFetch", { groupId, requireStable: false, topics: [{ name: topic, partitions: [partition] }] }),
      (answer) => answer.topics[0].partitions[0],
    );
  }

  /** Asks again, 10 seconds long, until the answer is right; gives that. */
  until<A, E, R>(ask: Effect.Effect<A, E, R>, right: (answer: A) => boolean): Effect.Effect<A, E | Error, R> {
    return Effect.flatMap(
      ask,
      (answer) => right(answer) ? Effect.succeed(answer) : Effect.fail(new Error(`still ${Deno.inspect(answer)}`)),
    ).pipe(
      Effect.retry({
        schedule: Schedule.spaced(10),
        times: 1_000,
        while: (error) => !(error instanceof ConnectionError),
      }),
    );
  }
}

/** Who commits, and what. */
export interface CommitOptions {
  readonly partition?: number;
  readonly metadata?: string;
  readonly generationId?: number;
  readonly memberId?: string;
  readonly groupInstanceId?: string | null;
}

/** How to fetch. */
export interface FetchOptions {
  readonly partition?: number;
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  readonly currentLeaderEpoch?: number;
  readonly lastFetchedEpoch?: number;
}

/** One partition. */
export function produceRequest(
  topic: string,
  records: Uint8Array,
  partition = 0,
  acks: -1 | 0 | 1 = -1,
): Request<"Produce"> {
  return {
    transactionalId: null,
    acks,
    timeoutMs: 10_000,
    topics: [{ name: topic, partitions: [{ partition, records }] }],
  };
}

/** One partition. */
export function fetchRequest(topic: string, fetchOffset: number, options: FetchOptions = {}): Request<"Fetch"> {
  const { partition = 0, maxWaitMs = 0, minBytes = 1, maxBytes = 1 << 20, currentLeaderEpoch = -1 } = options;
  const { lastFetchedEpoch = -1 } = options;
  const { partitionMaxBytes = maxBytes } = options;
  return {
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel: 0,
    rackId: "",
    topics: [{
      name: topic,
      partitions: [{ partition, currentLeaderEpoch, fetchOffset, lastFetchedEpoch, maxBytes: partitionMaxBytes }],
    }],
  };
}

/** The codes' names, for messages that say something. */
export { ErrorCode };
