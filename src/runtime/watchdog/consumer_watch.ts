/**
 * Whether a consumer gets on: its partitions, what it is given, its membership and its commits. What it is accused of
 * was always found out another way than its own: a broker that is away, which nobody can ask, is not its failure.
 * @module
 */
import { type Clock, Effect } from "effect";
import type { Cluster, Membership, Offsets } from "../../client/port.ts";
import { GroupError } from "../../errors.ts";
import { monotonicMs } from "../../fiber/monotonic.ts";
import { partitionKey } from "../../record.ts";
import type { Committer } from "../committer.ts";
import type { Partition } from "../partition.ts";
import { PartitionWatch } from "./partition_watch.ts";
import type { SystemSettings } from "../settings.ts";
import { Stillness } from "./stillness.ts";

/** What is watched. */
export interface Watched {
  readonly groupId: string;
  /** One topic of the group. */
  readonly topic: string;
  readonly partitions: () => ReadonlyArray<Partition>;
  readonly membership: Membership;
  readonly committer: Pick<Committer, "standing">;
}

// The longest that members of other clients make a rebalance last by default, in milliseconds.
const OTHERS = 300_000;

/** Watches one consumer. */
export class ConsumerWatch {
  readonly #partitions = new Map<Partition, PartitionWatch>();
  readonly #commits = new Stillness();
  readonly #member = new Stillness();
  /** What partitions that were given nothing stood at when their logs had more. */
  #suspects = new Map<string, number>();
  #stood = new Map<string, number>();
  #untilAsked: number;
  readonly #silentAfter: number;
  readonly #slow: number;
  /** Whether a broker is being asked. */
  #asking = false;
  /** Actors that were told to be too slow for a drain. */
  readonly #slowActors = new Set<string>();
  #verdict: GroupError | null = null;

  constructor(
    private readonly watched: Watched,
    private readonly settings: SystemSettings,
    private readonly cluster: Cluster,
    private readonly offsets: Offsets,
    private readonly clock: Clock.Clock,
    private readonly fork: (effect: Effect.Effect<void>) => void,
  ) {
    const { watchdog, fetch, rebalanceTimeout } = settings;
    this.#silentAfter = Math.max(watchdog.silentAfter, 2 * (fetch.maxWait + fetch.requestTimeout));
    this.#slow = this.#silentAfter + Math.max(OTHERS, rebalanceTimeout);
    this.#untilAsked = this.#silentAfter / 2;
  }

  /** How old the oldest unresolved record of a partition is known to be, in milliseconds. */
  oldest(partition: Partition): number {
    return this.#partitions.get(partition)?.oldest ?? 0;
  }

  /** What does not get on, and has not for half of the time it has, in words. */
  get trouble(): ReadonlyArray<string> {
    const stuck = [...this.#partitions.values()].filter(({ share }) => share >= 0.5).map(({ text }) => text);
    const silent = [...this.#suspects].map(([key, at]) => `${key}@${at}: nothing comes, although the log has more`);
    const late = [this.#member, this.#commits].flatMap(({ ms }, i) =>
      ms < this.#slow / 2 ? [] : [`group ${this.watched.groupId}: ${i === 0 ? "no answered heartbeat" : "no commit"}`]
    );
    return [...stuck, ...silent, ...late];
  }

  /** What an operator is to be told, once, in words: handlers that were measured to take longer than a drain does. */
  *warnings(): IterableIterator<string> {
    const { drainTimeout } = this.settings;
    for (const { actor: { name }, counters } of this.watched.partitions()) {
      if (counters.slowest <= drainTimeout || this.#slowActors.has(name)) continue;
      this.#slowActors.add(name);
      const ms = Math.ceil(counters.slowest);
      yield `${name}: a receive took ${ms} ms, but has only ${drainTimeout} ms (drainTimeout) when its partition moves or ` +
        `the system stops; what is cut short then is done again: set drainTimeout to ${ms} or more`;
    }
  }

  /** Takes a look, `passed` milliseconds after the last: answers why the consumer has to be made anew, if it has. */
  look(passed: number): GroupError | null {
    this.#lookAtPartitions(passed);
    const { membership, committer } = this.watched;
    const counted = monotonicMs(this.clock) < membership.deadline;
    if (this.#member.look(counted ? null : "out", passed) >= this.#slow) {
      this.#ask(
        Effect.map(
          this.#answers,
          (answers) =>
            answers ? `no heartbeat was answered for ${this.#slow} ms, although the coordinator answers others` : null,
        ),
      );
    }
    // As long as heartbeats are answered the coordinator is there.
    if (this.#commits.look(counted ? committer.standing() : null, passed) >= this.#slow) {
      this.#accuse(`no commit was accepted for ${this.#slow} ms; look at what the log says of refused commits`);
    }
    this.#untilAsked -= passed;
    if (this.#untilAsked <= 0) {
      this.#untilAsked = this.#silentAfter / 2;
      this.#ask(this.#deaf());
    }
    return this.#verdict;
  }

  #accuse(detail: string): void {
    this.#verdict ??= new GroupError(this.watched.groupId, "SILENT", detail);
  }

  /** Asks a broker, while all else is still looked at; what is found is for the next look. */
  #ask(question: Effect.Effect<string | null>): void {
    if (this.#asking) return;
    this.#asking = true;
    this.fork(Effect.map(question, (detail) => {
      this.#asking = false;
      if (detail !== null) this.#accuse(detail);
    }));
  }

  #lookAtPartitions(passed: number): void {
    const held = new Set(this.watched.partitions());
    for (const partition of this.#partitions.keys()) if (!held.has(partition)) this.#partitions.delete(partition);
    for (const partition of held) {
      let watch = this.#partitions.get(partition);
      if (watch === undefined) {
        watch = new PartitionWatch(partition, this.settings.watchdog.stuckAfter);
        this.#partitions.set(partition, watch);
      }
      watch.look(passed);
    }
  }

  /** A partition that was given nothing since the last but one look, although by then its log had more. */
  readonly #deaf = Effect.fnUntraced(function* (this: ConsumerWatch) {
    const stood = this.#stood;
    const suspects = this.#suspects;
    this.#stood = new Map();
    this.#suspects = new Map();
    const quiet = new Map<string, Partition>();
    for (const partition of this.watched.partitions()) {
      const { topic, partition: number, fetched, mailbox, draining, lease } = partition;
      if (draining || lease.fenced || mailbox.paused || this.cluster.absent(topic)) continue;
      const key = partitionKey(topic, number);
      this.#stood.set(key, fetched);
      if (stood.get(key) === fetched) quiet.set(key, partition);
    }
    if (quiet.size === 0) return null;
    let deaf: string | null = null;
    const list = this.offsets.list([...quiet.values()], -1, (listed) => {
      for (const { topic, partition: number, offset } of listed) {
        const key = partitionKey(topic, number);
        const at = this.#stood.get(key) ?? -1;
        const { fetched, mailbox, draining } = quiet.get(key) ??
          { fetched: -1, mailbox: { paused: true }, draining: true };
        if (offset <= at || fetched !== at || mailbox.paused || draining) continue;
        if (suspects.get(key) === at) deaf ??= `${topic}/${number}@${at}`;
        this.#suspects.set(key, at);
      }
    });
    yield* Effect.ignore(Effect.timeoutOption(list, this.#silentAfter / 2));
    if (deaf === null) return null;
    return `${deaf} was given nothing for ${this.#silentAfter} ms (watchdog.silentAfter), although its log has more; ` +
      "please report it, with what the log says of its broker";
  });

  /** Whether the coordinator answers somebody else than the member. */
  get #answers(): Effect.Effect<boolean> {
    const { groupId, topic } = this.watched;
    return Effect.timeoutOption(
      this.offsets.committed(groupId, [{ topic, partition: 0 }]),
      this.settings.sessionTimeout,
    ).pipe(
      Effect.map((answer) => answer._tag === "Some"),
      Effect.orElseSucceed(() => false),
    );
  }
}
