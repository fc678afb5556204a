/**
 * Reads a partition of a dead-letter topic from a position to an end, record by record.
 * @module
 */
import { Effect } from "effect";
import type { FetchedChunk, Fetcher, FetchTarget, PositionReset } from "../client/port.ts";
import { decodeRecords, type Records } from "../codec/batch_decoder.ts";
import { ConnectionError, CorruptRecordError, type KafkaError, type OffsetOutOfRange, TopicError } from "../errors.ts";
import { Signal } from "../fiber/signal.ts";
import type { ConsumerRecord } from "../record.ts";

/** What to read. */
export interface LetterRange {
  readonly topic: string;
  readonly partition: number;
  /** The first offset to read. */
  readonly from: number;
  /** The first offset not to read. */
  readonly end: number;
  /** The topic's id. */
  readonly topicId: string;
}

/** For one fiber. Fetching begins with the first record that is asked for, and ends with {@linkcode LetterReader.close}. */
export class LetterReader implements FetchTarget {
  readonly topic: string;
  readonly partition: number;
  /** All below this offset was given. */
  position: number;
  readonly #chunks: FetchedChunk[] = [];
  readonly #signal = new Signal();
  #records: Records | null = null;
  #index = 0;
  /** Where the log goes on behind the records in hand. */
  #next: number;
  #fetching = false;
  #error: TopicError | null = null;

  /** `timeout` is how long a broker may have nothing to say, in milliseconds. */
  constructor(
    private readonly fetcher: Fetcher,
    private readonly range: LetterRange,
    private readonly timeout: number,
  ) {
    this.topic = range.topic;
    this.partition = range.partition;
    this.position = this.#next = range.from;
  }

  /** The next record, or null at the end. Its bytes are views. */
  readonly next: Effect.Effect<ConsumerRecord | null, ConnectionError | TopicError> = Effect.suspend(() => {
    const record = this.#take();
    if (record !== undefined) return Effect.succeed(record);
    if (this.#error !== null) return Effect.fail(this.#error);
    this.#fetch();
    const where = `${this.topic}/${this.partition}@${this.position}`;
    const late = () => Effect.fail(new ConnectionError(where, "timeout", `no answer within ${this.timeout} ms`));
    return Effect.andThen(
      Effect.timeoutOrElse(this.#signal.wait, { duration: this.timeout, orElse: late }),
      this.next,
    );
  });

  /** Ends fetching. */
  close(): void {
    if (this.#fetching) this.fetcher.remove(this);
  }

  /** See {@linkcode FetchTarget}. */
  readonly deliver = (chunk: FetchedChunk): void => {
    this.#chunks.push(chunk);
    this.fetcher.pause(this); // one answer at a time is enough to hold
    this.#signal.raise();
  };

  /** See {@linkcode FetchTarget}. */
  readonly idle = (): void => {};

  /** See {@linkcode FetchTarget}. */
  readonly reset = ({ from, to }: PositionReset): void => {
    if (to !== null && to >= from) return; // an empty chunk follows
    const detail = `partition ${this.partition}: its log is another one since this began; begin again`;
    this.#fail(new TopicError(this.topic, "LOG_TRUNCATED", detail));
  };

  /** See {@linkcode FetchTarget}. */
  readonly failed = (error: OffsetOutOfRange | KafkaError | CorruptRecordError): void => {
    const type = error._tag === "KafkaError"
      ? error.type
      : error._tag === "OffsetOutOfRange"
      ? "OFFSET_OUT_OF_RANGE"
      : "CORRUPT_MESSAGE";
    this.#fail(new TopicError(this.topic, type, error.message, { cause: error }));
  };

  #fail(error: TopicError): void {
    this.#error = error;
    this.#fetching = false; // the fetcher has forgotten it
    this.#signal.raise();
  }

  #fetch(): void {
    if (this.#fetching) return this.fetcher.resume(this);
    this.#fetching = true;
    this.fetcher.add(this, this.#next, this, "earliest", this.range.topicId);
  }

  /** A record, null at the end, or undefined where more has to be fetched. */
  #take(): ConsumerRecord | null | undefined {
    for (;;) {
      const records = this.#records;
      if (records !== null && this.#index < records.length) {
        const offset = records.offset(this.#index);
        if (offset >= this.range.end) return null;
        this.position = offset + 1;
        return this.#record(records, this.#index++, offset);
      }
      this.#records = null;
      this.position = Math.max(this.position, Math.min(this.#next, this.range.end));
      if (this.position >= this.range.end) return null;
      const chunk = this.#chunks.shift();
      if (chunk === undefined) return undefined;
      if (!this.#decode(chunk)) return undefined;
    }
  }

  #decode(chunk: FetchedChunk): boolean {
    try {
      const records = decodeRecords(chunk.bytes, chunk);
      const { rest, next } = records;
      if (rest !== null) this.#chunks.unshift({ ...chunk, ...rest, from: next });
      this.#next = rest === null ? Math.max(chunk.next, next) : next;
      this.#records = records;
      this.#index = 0;
      return true;
    } catch (cause) {
      if (!(cause instanceof CorruptRecordError)) throw cause;
      const detail = `partition ${this.partition}@${this.#next}: ${cause.message}`;
      this.#fail(new TopicError(this.topic, "CORRUPT_MESSAGE", detail, { cause }));
      this.fetcher.remove(this);
      return false;
    }
  }

  #record(records: Records, index: number, offset: number): ConsumerRecord {
    let headers: ConsumerRecord["headers"] = [];
    try {
      headers = records.headers(index);
    } catch (cause) {
      if (!(cause instanceof CorruptRecordError)) throw cause; // a record without headers is no letter of ours
    }
    return {
      topic: this.topic,
      partition: this.partition,
      offset,
      timestamp: records.timestamp(index),
      key: records.key(index),
      value: records.value(index),
      headers,
    };
  }
}
