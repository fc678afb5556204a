/**
 * What outlives an actor's incarnations on one assigned partition: its mailbox, its frontier, its lease, and what was
 * counted of its records.
 * @module
 */
import { type Cause, Effect, Latch } from "effect";
import type { ActorDefinition } from "../actor.ts";
import { decodeRecords } from "../codec/batch_decoder.ts";
import type { FetchedChunk, Fetcher, FetchTarget, OffsetToCommit, PositionReset } from "../client/port.ts";
import { CorruptRecordError, type KafkaError, type OffsetOutOfRange } from "../errors.ts";
import type { ActorCounters } from "../telemetry/counters.ts";
import type { Stuck } from "./crash.ts";
import { Condemned, Frontier, type OffsetRun, Open, Resolved, Segment, Settled } from "./frontier.ts";
import { History } from "./history.ts";
import type { PartitionLease } from "./lease.ts";
import { Mailbox, restOf } from "./mailbox.ts";
import { encodeOffsetMap, type OffsetMap, type Origin } from "./offset_map.ts";
import { Quarantine } from "./quarantine.ts";

/** A record that was taken up. */
export interface Item {
  /** The chunk it belongs to. */
  readonly segment: Segment;
  /** Its index there. */
  readonly index: number;
}

/** One assigned partition of one actor. */
export class Partition implements FetchTarget {
  /** Everything held for it. */
  readonly mailbox: Mailbox;
  /** What records that could not be settled at once have gone through. */
  readonly history = new History();
  /** Records whose outcome is settled and whose publications, or dead letters, are not acknowledged yet. */
  unacknowledged = 0;
  /** The log's end as of the last fetch. */
  highWatermark = 0;
  /** Set once: nothing new is taken up any more. */
  draining = false;
  /** Why fetching ended for good, if it did. */
  fetchError: OffsetOutOfRange | KafkaError | CorruptRecordError | null = null;
  /** The log is another than the one that was received: told once, when nothing of this can be committed any more. */
  superseded: ((reset: PositionReset) => void) | null = null;
  /** What is to be called when there may be something to do. */
  wake: () => void = () => {};
  /** Ends the incarnation under way with a cause; the item is to blame, if any. */
  crash: (cause: Cause.Cause<unknown>, item?: Item) => void = () => {};
  /** What its actor is about: incarnations come and go. */
  stage: "resting" | "acquiring" | "running" | "releasing" = "resting";
  /** The number of the incarnation under way. */
  life = 0;
  /** Whether its consumer was made anew already, so that what is stuck now ends the system. */
  lastTry = false;
  /** Counts what happens to records, so that it can be seen whether anything does. */
  steps = 0;
  /** When its incarnation had its last turn to take records up, in monotonic milliseconds. */
  tookTurn = 0;
  /** The position after everything that was fetched. */
  fetched = -1;
  /** What changes as the incarnation gets on; null where nothing has to. */
  progress: () => string | null = () => null;
  /** Goes on without the incarnation under way, which does not end. */
  abandon: (stuck: Stuck) => void = () => {};
  /** Runs what outlives an incarnation, but not the partition. */
  fork: (effect: Effect.Effect<void>) => void = () => {};

  /** Keys whose messages follow a dead letter; null where the actor has none. */
  quarantine: Quarantine | null = null;

  readonly #drained = Latch.makeUnsafe(false);
  #frontier: Frontier | null = null;
  #segment: Segment | null = null;
  #known: ReadonlyArray<OffsetRun> = [];
  #lettersWaiting = 0;
  #ended = false;
  #committed: OffsetToCommit | null = null;
  #topicId: string | undefined;
  #origin: Origin | undefined;
  #superseded = false;

  constructor(
    readonly actor: ActorDefinition,
    readonly topic: string,
    readonly partition: number,
    readonly lease: PartitionLease,
    readonly counters: ActorCounters,
    private readonly fetcher: Fetcher,
  ) {
    const { settings } = actor;
    // Once it is let go the fetcher may know a successor by the same name, whose flow is not ours to control.
    const ours = () => !this.draining && !this.lease.fenced;
    this.mailbox = new Mailbox({ records: settings.mailboxCapacity, bytes: settings.mailboxBytes }, {
      pause: () => ours() && fetcher.pause(this),
      resume: () => ours() && fetcher.resume(this),
    });
  }

  /** Begins at a position in the topic of this id, with what the previous owner's offset map says. */
  begin(position: number, map: OffsetMap, topicId?: string, origin?: Origin): void {
    this.#topicId = topicId;
    this.#origin = origin;
    this.#frontier = new Frontier(position);
    this.fetched = position;
    this.#known = map.resolved;
    this.history.resume(position, map);
    if (this.actor.settings.quarantine) this.quarantine = new Quarantine(this.actor.group, map.quarantined);
    this.fetcher.add(this, position, this, this.actor.settings.outOfRange, topicId);
  }

  /** The id of the topic it began with, if that was known. */
  get topicId(): string | undefined {
    return this.#topicId;
  }

  get #begun(): Frontier {
    if (this.#frontier === null) throw new Error(`${this.topic}/${this.partition} has not begun yet`);
    return this.#frontier;
  }

  /** The first offset that is not resolved; -1 before the beginning. */
  get position(): number {
    return this.#frontier?.position ?? -1;
  }

  /** See {@linkcode FetchTarget}. */
  readonly deliver = (chunk: FetchedChunk): void => {
    this.highWatermark = chunk.highWatermark;
    if (this.draining) return;
    this.fetched = chunk.next;
    this.mailbox.push(chunk);
    this.wake();
  };

  /** See {@linkcode FetchTarget}. */
  readonly idle = (highWatermark: number): void => {
    this.highWatermark = highWatermark;
  };

  /** See {@linkcode FetchTarget}. */
  readonly reset = (reset: PositionReset): void => {
    if (this.#superseded || this.draining) return;
    this.counters.positionResets++;
    if (reset.to !== null && reset.to >= reset.from) return; // the chunk that follows moves the position
    this.#superseded = true;
    this.drain();
    this.superseded?.(reset);
  };

  /** See {@linkcode FetchTarget}. */
  readonly failed = (error: OffsetOutOfRange | KafkaError | CorruptRecordError): void => {
    this.fetchError = error;
    this.wake();
  };

  /** Records that were taken up before and are open again: what a new incarnation begins with, in offset order. */
  *reopened(): IterableIterator<Item> {
    for (const segment of this.#frontier?.segments() ?? []) {
      for (let index = segment.head; index < segment.cursor; index++) {
        if (segment.state(index) === Open) yield { segment, index };
      }
    }
  }

  /** The oldest record that was taken up and is not resolved. */
  oldest(): Item | null {
    for (const segment of this.#frontier?.segments() ?? []) {
      return segment.head < segment.cursor ? { segment, index: segment.head } : null;
    }
    return null;
  }

  /** Records that were received and are neither settled nor given up: also those between two attempts. */
  get atWork(): number {
    let count = 0;
    for (const { segment, index } of this.reopened()) {
      if (this.history.attempts(segment.records.offset(index)) > 0) count++;
    }
    return count;
  }

  /** Tells one state of its work from the next; null where nothing has to change. */
  standing(): string | null {
    // In doubt whether it is still ours, it waits to hear of its group.
    if (this.draining || !this.lease.held() || this.stage === "resting") return null;
    if (this.stage !== "running") return `${this.stage} ${this.life}`;
    if (this.mailbox.records === 0) return null;
    const oldest = this.oldest();
    // What is settled waits for the brokers alone.
    if (oldest !== null && oldest.segment.state(oldest.index) !== Open) return null;
    return this.progress();
  }

  /** The next segment with a record not taken up yet, or null when the mailbox is empty. Throws CorruptRecordError. */
  next(): Segment | null {
    for (;;) {
      const segment = this.#segment;
      if (segment !== null) {
        while (segment.cursor < segment.records.length && segment.state(segment.cursor) === Resolved) segment.cursor++;
        if (segment.cursor < segment.records.length) return segment;
        this.#segment = null;
      }
      const chunk = this.mailbox.peek();
      if (chunk === undefined) return null;
      this.#segment = this.#decode(chunk);
    }
  }

  #decode(chunk: FetchedChunk): Segment {
    const frontier = this.#begun;
    let segment: Segment;
    let rest: FetchedChunk | null;
    try {
      const records = decodeRecords(chunk.bytes, chunk);
      rest = restOf(chunk, records);
      const bytes = chunk.bytes.length - (rest?.bytes.length ?? 0) + records.decompressed;
      segment = new Segment(records, bytes, chunk.from, rest?.from ?? Math.max(chunk.next, records.next));
    } catch (cause) {
      // The bytes are wrong, so they are fetched again; the failure restarts this incarnation, and escalates if it stays.
      this.mailbox.clear();
      this.fetched = frontier.end;
      this.fetcher.add(this, frontier.end, this, this.actor.settings.outOfRange, this.#topicId);
      // What was added anew is not paused; what is held still may be too much.
      if (this.mailbox.paused) this.fetcher.pause(this);
      throw cause instanceof CorruptRecordError
        ? new CorruptRecordError(cause.detail, cause.at, this, { cause })
        : cause;
    }
    this.mailbox.shift(rest);
    this.mailbox.hold(0, segment.records.decompressed);
    const unseen = chunk.count - (rest?.count ?? 0) - segment.records.length;
    this.mailbox.release(unseen, segment.remaining === 0 ? segment.bytes : 0);
    frontier.push(segment);
    if (this.#known.length > 0) this.#skipKnown(segment);
    return segment;
  }

  /** Resolves what the previous owner had resolved already. */
  #skipKnown(segment: Segment): void {
    const { records } = segment;
    const runs = this.#known;
    let run = 0;
    for (let index = 0; index < records.length && run < runs.length; index++) {
      const offset = records.offset(index);
      while (run < runs.length && runs[run].to <= offset) run++;
      if (run < runs.length && runs[run].from <= offset) {
        this.counters.knownResolved++;
        this.resolve({ segment, index });
      }
    }
    this.#known = runs.filter(({ to }) => to > records.next);
  }

  /** The record is done with. */
  resolve({ segment, index }: Item): void {
    const bytes = this.#begun.resolve(segment, index);
    if (bytes < 0) return;
    this.steps++;
    this.history.forget(segment.records.offset(index));
    this.mailbox.release(1, bytes);
  }

  /**
   * The record's outcome stands; it waits for the acknowledgement of what it published. Answers the round, by which
   * {@linkcode acknowledge} and {@linkcode reopen} tell whether it was opened again meanwhile.
   */
  settle({ segment, index }: Item): number {
    segment.mark(index, Settled);
    this.steps++;
    this.unacknowledged++;
    return segment.round(index);
  }

  /** The record becomes a dead letter, whose acknowledgement is waited for. Answers the round, as for `settle`. */
  condemn({ segment, index }: Item): number {
    segment.mark(index, Condemned);
    this.steps++;
    this.unacknowledged++;
    return segment.round(index);
  }

  /** What was sent for the record is acknowledged. False if it was opened again meanwhile: then that changes nothing. */
  acknowledge(item: Item, round: number): boolean {
    if (item.segment.round(item.index) !== round) return false;
    this.resolve(item);
    this.#settled(1);
    return true;
  }

  /**
   * What was sent for the record will never be acknowledged: it is open again. So are the later records of its key,
   * whatever had become of them, for what they published must follow what this one will publish. False if it was opened
   * again before.
   */
  reopen({ segment, index }: Item, round: number): boolean {
    if (segment.round(index) !== round) return false;
    const { order } = this.actor.settings;
    // A dead letter's key does not wait for it.
    const alone = order === "none" || segment.state(index) === Condemned;
    const key = order === "key" ? segment.records.keyId(index) : null;
    const behind = (later: Segment, i: number) => !alone && (order === "partition" || later.records.keyId(i) === key);
    const { unacknowledged, resolved, bytes } = this.#begun.reopen(segment, index, behind);
    this.mailbox.hold(resolved, 0);
    this.mailbox.release(0, bytes);
    this.#settled(unacknowledged);
    if (!alone) this.quarantine?.reopened({ segment, index });
    return true;
  }

  /** Whether what an earlier message of this one's key has published is not acknowledged yet. */
  settledBefore({ segment, index }: Item): boolean {
    return this.#begun.settledBefore(segment, index);
  }

  #settled(count: number): void {
    this.unacknowledged -= count;
    if (this.draining && this.unacknowledged === 0) this.wake();
  }

  /** Waits until nothing is unacknowledged, when no incarnation does. */
  readonly acknowledged: Effect.Effect<void> = Effect.suspend(() => {
    if (this.unacknowledged === 0) return Effect.void;
    return Effect.callback<void>((resume) => {
      this.wake = () => {
        if (this.unacknowledged === 0) resume(Effect.yieldNow);
      };
      this.wake(); // another fiber had its turn in between
    });
  });

  /** A dead letter begins, or ends, to wait as it can't be written. */
  letterWaits(waits: boolean): void {
    if (this.#ended) return; // what the sender tells a letter of ours is nobody's business any more
    const by = waits ? 1 : -1;
    this.#lettersWaiting += by;
    this.counters.deadLettersWaiting += by;
  }

  /** Nothing of it runs any more. */
  end(): void {
    this.#ended = true;
    this.counters.deadLettersWaiting -= this.#lettersWaiting;
  }

  /** What is to be committed, or null where nothing has changed since the last commit. */
  uncommitted(): OffsetToCommit | null {
    if (this.#frontier === null || this.#superseded) return null;
    const { position: offset } = this.#frontier;
    const { history } = this;
    const counts = {
      attempts: history.attempts(offset),
      failures: history.failures(offset),
      deaths: history.deaths(offset),
    };
    const runs = this.#frontier.resolvedRuns(this.actor.settings.order !== "none");
    const metadata = encodeOffsetMap(offset, counts, runs, this.#origin, this.quarantine?.keys());
    const last = this.#committed;
    if (last !== null && last.offset === offset && last.metadata === metadata) return null;
    return { topic: this.topic, partition: this.partition, offset, metadata };
  }

  /** The commit was acknowledged. */
  committed(offset: OffsetToCommit): void {
    this.#committed = offset;
  }

  /** The last offset that was committed by us, or null. */
  get lastCommitted(): number | null {
    return this.#committed?.offset ?? null;
  }

  /** How many offsets were resolved since the last commit. */
  get uncommittedOffsets(): number {
    return this.#frontier === null || this.#superseded
      ? 0
      : this.position - (this.#committed?.offset ?? this.#frontier.start);
  }

  /** Nothing new is taken up from here on; what waits in the mailbox is dropped: the next owner fetches it again. */
  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.fetcher.remove(this);
    this.mailbox.clear();
    this.#drained.openUnsafe();
    this.wake();
  }

  /** Waits until the lease is renewed, but not once the partition is drained. */
  readonly renewed: Effect.Effect<void> = Effect.suspend(() =>
    Effect.raceFirst(this.lease.renewed, this.#drained.await)
  );

  /** Waits, but not once the partition is drained: nothing is begun any more then. */
  pause(millis: number): Effect.Effect<void> {
    return Effect.raceFirst(Effect.sleep(millis), this.#drained.await);
  }
}
