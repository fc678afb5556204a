/**
 * The fetch loop of one broker: one connection, one request outstanding.
 * @module
 */
import { Effect, Exit, Fiber, type Scope } from "effect";
import type { ConnectionError } from "../../errors.ts";
import { errorName } from "../../link/error_code.ts";
import type { Connection } from "../../link/link.ts";
import type { Answer, FetchRequestTopic, Request } from "../../link/protocol.ts";
import { partitionKey } from "../../record.ts";
import { pause, throttled } from "../backoff.ts";
import { type Digest, digest } from "./fetch_answer.ts";
import type { FetchPartition, FetchRouter } from "./fetch_partition.ts";
import { FetchPositions } from "./fetch_positions.ts";
import { OwnConnection } from "../cluster/own_connection.ts";
import type { Cluster } from "../port.ts";
import { Signal } from "../../fiber/signal.ts";

/** Settings of the fetcher, all given. */
export interface FetchSettings {
  readonly maxWait: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly partitionMaxBytes: number;
  readonly isolationLevel: 0 | 1;
  readonly rackId: string;
  readonly requestTimeout: number;
  readonly reconnectBackoff: number;
  readonly reconnectBackoffMax: number;
}

/** The first and shortest long poll after a partition was paused or resumed, in milliseconds. */
const shortestWait = 5;

/** Fetches the partitions led by one broker. */
export class FetchLoop {
  readonly #order = new Map<string, FetchPartition>();
  readonly #wake = new Signal();
  readonly #connection: OwnConnection;
  readonly #positions: FetchPositions;
  #quiet = 0;
  #failures = 0;

  /** Its connection ends with `scope`. */
  constructor(
    readonly nodeId: number,
    readonly cluster: Cluster,
    readonly settings: FetchSettings,
    readonly router: FetchRouter,
    scope: Scope.Scope,
  ) {
    this.#connection = new OwnConnection(cluster, nodeId, "fetch", scope);
    this.#positions = new FetchPositions(cluster, settings, router);
  }

  /** Takes a partition in. */
  add(partition: FetchPartition): void {
    this.#order.set(partitionKey(partition.topic, partition.partition), partition);
    this.changed();
  }

  /** Lets a partition go; true if it was here. */
  remove(partition: FetchPartition): boolean {
    return this.has(partition) && this.#order.delete(partitionKey(partition.topic, partition.partition));
  }

  /** Whether a partition is here. */
  has(partition: FetchPartition): boolean {
    return this.#order.get(partitionKey(partition.topic, partition.partition)) === partition;
  }

  /** Its partitions, in the order of fairness. */
  partitions(): ReadonlyArray<FetchPartition> {
    return [...this.#order.values()];
  }

  /** A partition was paused or resumed. */
  changed(): void {
    this.#quiet = 0;
    this.#wake.raise();
  }

  /** The loop; never ends by itself. */
  readonly run: Effect.Effect<never> = Effect.suspend(() => Effect.andThen(this.#connection.drop, this.#loop()));

  readonly #loop = Effect.fnUntraced(function* (this: FetchLoop) {
    for (let pending: Pending | null = null;;) {
      if (pending === null) {
        if (!this.#wanted()) {
          yield* this.#wake.wait;
          continue;
        }
        const connected = yield* Effect.exit(this.#connection.get);
        if (Exit.isFailure(connected)) yield* this.#lost;
        else pending = yield* this.#ask(connected.value);
        continue;
      }
      const exit: Exit.Exit<Answer<"Fetch">, ConnectionError> = yield* Fiber.await(pending.answer);
      const asked = pending.asked;
      pending = null;
      if (Exit.isFailure(exit)) {
        yield* this.#lost;
        continue;
      }
      const answer = exit.value;
      this.#failures = 0;
      const result = digest(answer, asked, this.#order, this.router, this.settings.isolationLevel === 1);
      this.#quiet = result.data ? 0 : this.#quiet + 1;
      const connection = this.#connection.open();
      // Who has enough now pauses before the next request goes out: nobody gets more than one answer beyond that.
      deliver(result);
      // The broker's time and ours overlap: it works on the next request while these chunks are decoded and received.
      const fine = result.outside.length === 0 && result.cut.length === 0;
      const clear = answer.throttleTimeMs === 0 && answer.errorCode === 0 && fine;
      if (clear && connection !== null && this.#wanted()) pending = yield* this.#ask(connection);
      if (answer.errorCode !== 0) yield* this.#refused(answer.errorCode);
      if (!fine) yield* this.#positions.settle(result, connection);
      if (answer.throttleTimeMs > 0) yield* Effect.sleep(throttled(answer.throttleTimeMs));
    }
  });

  #wanted(): boolean {
    for (const partition of this.#order.values()) if (!partition.paused) return true;
    return false;
  }

  /** Sends the next request: it is on its way when this returns. */
  #ask(connection: Connection): Effect.Effect<Pending> {
    return Effect.suspend(() => {
      const rackId = this.settings.rackId === "" ? "" : this.router.rack(this.nodeId);
      const asked = new Map<string, FetchPartition>();
      const byTopic = new Map<string, { topicId: string | undefined; partitions: Array<FetchRequestPartition> }>();
      for (const [key, partition] of this.#order) {
        if (partition.paused) continue;
        const { topic, topicId, following } = partition;
        let asks = byTopic.get(topic);
        if (asks === undefined) byTopic.set(topic, asks = { topicId, partitions: [] });
        // One of the same name, and not the same topic, waits for the next request: it is about to end.
        if (asks.topicId !== topicId) continue;
        asked.set(key, partition);
        asks.partitions.push({
          partition: partition.partition,
          currentLeaderEpoch: partition.leaderEpoch,
          fetchOffset: partition.position,
          // A replica that lags behind would take a position it has not reached for one of another log.
          lastFetchedEpoch: following ? -1 : partition.lastEpoch,
          maxBytes: this.settings.partitionMaxBytes,
        });
      }
      const { minBytes, maxBytes, isolationLevel, requestTimeout } = this.settings;
      // A partition that is resumed has to wait for the poll of the others to end. So the poll is short at first and
      // doubles while nothing happens: the wait is never much longer than the pause was.
      const maxWaitMs = asked.size < this.#order.size
        ? Math.min(this.settings.maxWait, shortestWait * 2 ** Math.min(this.#quiet, 20))
        : this.settings.maxWait;
      const topics: Array<FetchRequestTopic<FetchRequestPartition>> = [];
      for (const [name, asks] of byTopic) topics.push({ name, ...asks });
      const call = connection.call(
        "Fetch",
        { maxWaitMs, minBytes, maxBytes, isolationLevel, rackId, topics },
        maxWaitMs + requestTimeout,
      );
      return Effect.map(Effect.forkChild(call, { startImmediately: true }), (answer) => ({ answer, asked }));
    });
  }

  /** The connection failed: finds out who leads these partitions now, and waits before the next try. */
  readonly #lost: Effect.Effect<void> = Effect.suspend(() => {
    const topics = [...new Set(this.partitions().map(({ topic }) => topic))];
    const { reconnectBackoff, reconnectBackoffMax } = this.settings;
    return this.#connection.drop.pipe(
      // A connection that merely broke is opened again at once; only failures in a row are slowed down.
      Effect.andThen(
        this.#failures++ === 0 ? Effect.void : pause(this.#failures - 2, reconnectBackoff, reconnectBackoffMax),
      ),
      Effect.andThen(Effect.exit(this.cluster.refresh(topics))),
      Effect.andThen(Effect.sync(() => this.router.relocate(this.nodeId))),
    );
  });

  #refused(errorCode: number): Effect.Effect<void> {
    return Effect.andThen(
      Effect.logWarning(`broker ${this.nodeId} refuses to fetch: ${errorName(errorCode)}`),
      pause(this.#failures++, 100, 1_000),
    );
  }
}

interface Pending {
  readonly answer: Fiber.Fiber<Answer<"Fetch">, ConnectionError>;
  readonly asked: ReadonlyMap<string, FetchPartition>;
}

type FetchRequestPartition = Request<"Fetch">["topics"][number]["partitions"][number];

function deliver(result: Digest): void {
  const thrown: Array<unknown> = [];
  for (const { partition, chunk, highWatermark } of result.deliveries) {
    // An earlier delivery may have removed this one.
    if (!partition.live) continue;
    try {
      if (chunk === null) partition.target.idle(highWatermark);
      else partition.target.deliver(chunk);
    } catch (cause) {
      // Positions have moved on already: the others must get theirs.
      thrown.push(cause);
    }
  }
  if (thrown.length > 0) throw thrown[0];
}
