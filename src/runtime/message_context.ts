/**
 * The context of one message.
 * @module
 */
import type { ActorContext, ActorLogger, Lease, PublishOptions } from "../context.ts";
import type { Records } from "../codec/batch_decoder.ts";
import { ContextFenced } from "../errors.ts";
import type { EventDefinition } from "../event.ts";
import type { ConsumerRecord, ProducerRecord, RecordHeaders } from "../record.ts";
import { recordOf, TRACEPARENT_HEADER } from "./publication.ts";

/** What the messages of one incarnation have in common. */
export interface IncarnationContext {
  /** The actor's name. */
  readonly actor: string;
  /** The topic. */
  readonly topic: string;
  /** The partition. */
  readonly partition: number;
  /** Its resources. */
  readonly resources: unknown;
  /** Its lease. */
  readonly lease: Lease;
  /** A logger for a record of it. */
  readonly logger: (offset: number) => ActorLogger;
}

const text = new TextDecoder();

/** See {@linkcode ActorContext}. One small object per message; whatever costs is made when it is asked for. */
export class MessageContext implements ActorContext<unknown> {
  /** What `receive` published, in order; null while nothing. */
  published: ProducerRecord[] | null = null;
  #closed = false;
  #abort: AbortController | null = null;

  constructor(
    private readonly incarnation: IncarnationContext,
    private readonly records: Records,
    private readonly index: number,
    readonly attempt: number,
  ) {}

  get actor(): string {
    return this.incarnation.actor;
  }
  get topic(): string {
    return this.incarnation.topic;
  }
  get partition(): number {
    return this.incarnation.partition;
  }
  get resources(): unknown {
    return this.incarnation.resources;
  }
  get lease(): Lease {
    return this.incarnation.lease;
  }
  get offset(): number {
    return this.records.offset(this.index);
  }
  get timestamp(): number {
    return this.records.timestamp(this.index);
  }
  get key(): string | null {
    const key = this.records.key(this.index);
    return key === null ? null : text.decode(key);
  }
  get headers(): RecordHeaders {
    return this.records.headers(this.index);
  }
  get record(): ConsumerRecord {
    return recordAt(this.records, this.topic, this.partition, this.index);
  }
  get log(): ActorLogger {
    return this.incarnation.logger(this.offset);
  }
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#closed) this.#abort.abort(this.#fenced());
    return this.#abort.signal;
  }

  publish<Message>(event: EventDefinition<string, Message>, message: Message, options?: PublishOptions): void {
    if (this.#closed) throw this.#fenced();
    const { records, index } = this;
    const traceparent = records.hasHeaders(index) ? records.headerText(index, TRACEPARENT_HEADER) : undefined;
    (this.published ??= []).push(recordOf(event, message, options, traceparent));
  }

  /** The message is settled: what the handler still does with the context fails. */
  close(): void {
    this.#closed = true;
  }

  /** The message is given up: as {@linkcode close}, and the signal is aborted. */
  abort(): void {
    this.#closed = true;
    this.#abort?.abort(this.#fenced());
  }

  #fenced(): ContextFenced {
    return new ContextFenced(this.actor, this.topic, this.partition, this.offset);
  }
}

/** A record as an object. */
export function recordAt(
  records: Records,
  topic: string,
  partition: number,
  index: number,
  headers: RecordHeaders = records.headers(index),
): ConsumerRecord {
  return {
    topic,
    partition,
    offset: records.offset(index),
    timestamp: records.timestamp(index),
    key: records.key(index),
    value: records.value(index),
    headers,
  };
}
