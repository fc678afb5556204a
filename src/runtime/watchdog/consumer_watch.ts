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
import { tooShort } from "../drain_budget.ts";
import type { Partition } from "../partition.ts";
import { PartitionWatch } from "./partition_watch.ts";
import type { SystemSettings } from "../settings.ts";
import { Stillness } from "./stillness.ts";
import { deafAfter } from "./watchdog_options.ts";

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
  /** For heartbeats and commits of a member. */
  readonly #slow: number;
  /** For the first heartbeat of one that waits to be counted in. */
  readonly #slowToJoin: number;
  /** Whether the coordinator answers others, where no heartbeat of ours is answered. */
  #others = false;
  #untilOthers = 0;
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
    this.#silentAfter = deafAfter(watchdog, fetch);
    this.#slow = this.#silentAfter + rebalanceTimeout;
    this.#slowToJoin = this.#silentAfter + Math.max(OTHERS, rebalanceTimeout);
    this.#untilAsked = this.#silentAfter / 2;
  }

  /** How old the oldest unresolved record of a partition is known to be, in milliseconds. */
  oldest(partition: Partition): number {
    return this.#partitions.get(partition)?.oldest ?? 0;
  }

  /** What does not get on, and has not for half of the time it has, in words. */
  get trouble(): ReadonlyArray<string> {
    const stuck = [...this.#partitions.values()].flatMap(({ trouble }) => trouble ?? []);
    return [...stuck, ...this.#silent];
  }

  /** The same as far as nothing is left to be tried, in words. */
  get dying(): ReadonlyArray<string> {
    const stuck = [...this.#partitions.values()].flatMap(({ dying }) => dying ?? []);
    return [...stuck, ...this.#silent];
  }

  /** What gets no answer, though others do. */
  get #silent(): ReadonlyArray<string> {
    const deaf = [...this.#suspects].map(([key, at]) => `${key}@${at}: nothing comes, although the log has more`);
    const { groupId } = this.watched;
    const heartbeats = this.#member.ms < this.#patience / 2 ? [] : [`group ${groupId}: no heartbeat is answered`];
    const commits = this.#commits.ms < this.#slow / 2 ? [] : [`group ${groupId}: no commit is accepted`];
    return [...deaf, ...heartbeats, ...commits];
  }

  /** How long heartbeats may have no answer. A member's do also while others hold a rebalance up. */
  get #patience(): number {
    return this.watched.membership.generation < 0 ? this.#slowToJoin : this.#slow;
  }

  /** What an operator is to be told, once, in words: handlers that were measured to take longer than a drain does. */
  *warnings(): IterableIterator<string> {
    for (const { actor: { name }, counters } of this.watched.partitions()) {
      const ms = Math.ceil(counters.slowest);
      const short = this.#slowActors.has(name) ? null : tooShort(this.settings, ms);
      if (short === null) continue;
      this.#slowActors.add(name);
      yield `${name}: a receive took ${ms} ms, ${short}`;
    }
  }

  /** Takes a look, `passed` milliseconds after the last: answers why the consumer has to be made anew, if it has. */
  look(passed: number): GroupError | null {
    this.#lookAtPartitions(passed);
    const { membership, committer } = this.watched;
    const counted = monotonicMs(this.clock) < membership.deadline;
    // Time in which the coordinator answers nobody is not the member's.
    const alone = counted || !this.#others ? null : membership.generation < 0 ? "out" : "in";
    if (this.#member.look(alone, passed) >= this.#patience) {
      this.#accuse(`no heartbeat was answered for ${this.#patience} ms, although the coordinator answers others`);
    }
    if (counted) this.#others = false;
    else if ((this.#untilOthers -= passed) <= 0) {
      this.#untilOthers = this.#silentAfter / 4;
      this.#ask(Effect.map(this.#answers, (answers) => {
        this.#others = answers;
        return null;
      }));
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
