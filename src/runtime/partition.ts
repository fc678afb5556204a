/**
 * What outlives an actor's incarnations on one assigned partition: its mailbox, its frontier, its lease, and what was
 * counted of its records.
 * @module
 */
import { Effect, Latch } from "effect";
import type { ActorDefinition } from "../actor.ts";
import { decodeRecords } from "../codec/batch_decoder.ts";
import type { FetchedChunk, Fetcher, FetchTarget, OffsetToCommit } from "../client/port.ts";
import { CorruptRecordError, type KafkaError, type OffsetOutOfRange } from "../errors.ts";
import type { ActorCounters } from "../telemetry/counters.ts";
import { Frontier, type OffsetRun, Open, Resolved, Segment, Settled } from "./frontier.ts";
import type { PartitionLease } from "./lease.ts";
import { Mailbox } from "./mailbox.ts";
import { encodeOffsetMap, type OffsetMap } from "./offset_map.ts";

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
  /** Records whose outcome is settled and whose publications are not acknowledged yet. */
  unacknowledged = 0;
  /** The log's end as of the last fetch. */
  highWatermark = 0;
  /** Set once: nothing new is taken up any more. */
  draining = false;
  /** Why fetching ended for good, if it did. */
  fetchError: OffsetOutOfRange | KafkaError | CorruptRecordError | null = null;
  /** What is to be called when there may be something to do. */
  wake: () => void = () => {};

  readonly #drained = Latch.makeUnsafe(false);
  #frontier = new Frontier(0);
  #segment: Segment | null = null;
  #known: ReadonlyArray<OffsetRun> = [];
  #attempts = new Map<number, number>();
  #deaths = new Map<number, number>();
  #committed: OffsetToCommit | null = null;

  constructor(
    readonly actor: ActorDefinition,
    readonly topic: string,
    readonly partition: number,
    readonly lease: PartitionLease,
    readonly counters: ActorCounters,
    private readonly fetcher: Fetcher,
  ) {
    const { settings } = actor;
    this.mailbox = new Mailbox({ records: settings.mailboxCapacity, bytes: settings.mailboxBytes }, {
      pause: () => fetcher.pause(this),
      resume: () => fetcher.resume(this),
    });
  }

  /** Begins at a position, with what the previous owner's offset map says. */
  begin(position: number, map: OffsetMap): void {
    this.#frontier = new Frontier(position);
    this.#known = map.resolved;
    if (map.attempts > 0) this.#attempts.set(position, map.attempts);
    if (map.deaths > 0) this.#deaths.set(position, map.deaths);
    this.fetcher.add(this, position, this, this.actor.settings.outOfRange);
  }

  /** The first offset that is not resolved. */
  get position(): number {
    return this.#frontier.position;
  }

  /** See {@linkcode FetchTarget}. */
  readonly deliver = (chunk: FetchedChunk): void => {
    this.highWatermark = chunk.highWatermark;
    if (this.draining) return;
    this.mailbox.push(chunk);
    this.wake();
  };

  /** See {@linkcode FetchTarget}. */
  readonly idle = (highWatermark: number): void => {
    this.highWatermark = highWatermark;
  };

  /** See {@linkcode FetchTarget}. */
  readonly failed = (error: OffsetOutOfRange | KafkaError | CorruptRecordError): void => {
    this.fetchError = error;
    this.wake();
  };

  /** Records that were taken up before and are open again: what a new incarnation begins with, in offset order. */
  *reopened(): IterableIterator<Item> {
    for (const segment of this.#frontier.segments()) {
      for (let index = segment.head; index < segment.cursor; index++) {
        if (segment.state(index) === Open) yield { segment, index };
      }
    }
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
    let segment: Segment;
    try {
      segment = new Segment(decodeRecords(chunk.bytes, chunk), chunk.bytes.length);
    } catch (cause) {
      // The bytes are wrong, so they are fetched again; the failure restarts this incarnation, and escalates if it stays.
      this.mailbox.clear();
      this.fetcher.add(this, this.#frontier.end, this, this.actor.settings.outOfRange);
      throw cause instanceof CorruptRecordError
        ? new CorruptRecordError(cause.detail, cause.at, this, { cause })
        : cause;
    }
    this.mailbox.shift();
    this.mailbox.release(chunk.count - segment.records.length, segment.remaining === 0 ? segment.bytes : 0);
    this.#frontier.push(segment);
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
    const offset = segment.records.offset(index);
    if (!this.#frontier.resolve(segment, index)) return;
    if (this.#attempts.size > 0) this.#attempts.delete(offset);
    if (this.#deaths.size > 0) this.#deaths.delete(offset);
    this.mailbox.release(1, segment.remaining === 0 ? segment.bytes : 0);
  }

  /** The record's outcome stands; it waits for an acknowledgement. */
  settle({ segment, index }: Item): void {
    segment.mark(index, Settled);
    this.unacknowledged++;
  }

  /** What the record published is acknowledged. */
  acknowledge(item: Item): void {
    this.unacknowledged--;
    if (item.segment.state(item.index) === Settled) this.resolve(item);
    if (this.draining && this.unacknowledged === 0) this.wake();
  }

  /**
   * What the record published will never be acknowledged: it is open again, and so are the later records of its key,
   * whatever had become of them, for what they published must follow what this one will publish.
   */
  reopen(item: Item): void {
    this.unacknowledged--;
    if (item.segment.state(item.index) !== Settled) return;
    item.segment.mark(item.index, Open);
    const { order } = this.actor.settings;
    const key = item.segment.records.keyId(item.index);
    const offset = item.segment.records.offset(item.index);
    if (order === "none") return;
    for (const segment of this.#frontier.from(item.segment)) {
      for (let index = segment.head; index < segment.cursor; index++) {
        if (segment.records.offset(index) <= offset || segment.state(index) === Open) continue;
        if (order === "key" && segment.records.keyId(index) !== key) continue;
        if (segment.state(index) === Resolved) this.mailbox.release(-1, segment.remaining === 0 ? -segment.bytes : 0);
        segment.reopen(index);
      }
    }
    if (this.draining && this.unacknowledged === 0) this.wake();
  }

  /** How often `receive` was called with the record. */
  attempts(offset: number): number {
    return this.#attempts.size === 0 ? 0 : this.#attempts.get(offset) ?? 0;
  }

  /** Counts attempts of a record that was not settled at once. */
  setAttempts(offset: number, attempts: number): void {
    this.#attempts.set(offset, attempts);
  }

  /** How often an incarnation, or a process, ended with this record in hand. */
  deaths(offset: number): number {
    return this.#deaths.size === 0 ? 0 : this.#deaths.get(offset) ?? 0;
  }

  /** Counts one more. */
  addDeath(offset: number): void {
    this.#deaths.set(offset, this.deaths(offset) + 1);
  }

  /** What is to be committed, or null where nothing has changed since the last commit. */
  uncommitted(): OffsetToCommit | null {
    const offset = this.#frontier.position;
    const metadata = encodeOffsetMap(offset, this.attempts(offset), this.deaths(offset), this.#frontier.resolvedRuns());
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

  /** Nothing new is taken up from here on; what waits in the mailbox is dropped: the next owner fetches it again. */
  drain(): void {
    this.draining = true;
    this.fetcher.remove(this);
    this.mailbox.clear();
    this.#drained.openUnsafe();
    this.wake();
  }

  /** Waits, but not once the partition is drained: nothing is begun any more then. */
  pause(millis: number): Effect.Effect<void> {
    return Effect.raceFirst(Effect.sleep(millis), this.#drained.await);
  }
}
