/**
 * Records and the places they come from and go to: plain data, shared by every stage.
 * @module
 */

/** A partition of a topic. */
export interface TopicPartition {
  /** The topic's name. */
  readonly topic: string;
  /** The partition's number, from 0. */
  readonly partition: number;
}

/** A record's headers, in the order they were written; a name may occur more than once, a value may be null. */
export type RecordHeaders = ReadonlyArray<readonly [name: string, value: Uint8Array | null]>;

/** A record as it was read from Kafka. */
export interface ConsumerRecord extends TopicPartition {
  /** The record's offset in its partition. */
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** The key's bytes, or null. A view: copy it to keep it beyond the call that received it. */
  readonly key: Uint8Array | null;
  /** The value's bytes, or null. A view: copy it to keep it beyond the call that received it. */
  readonly value: Uint8Array | null;
  /** The record's headers. */
  readonly headers: RecordHeaders;
}

/** A record to be written. */
export interface ProducerRecord {
  /** The topic it goes to. */
  readonly topic: string;
  /** The partition it goes to; chosen from the key (murmur2, as Java's client does) when left out. */
  readonly partition?: number;
  /** The key, or null. */
  readonly key: string | Uint8Array | null;
  /** The value, or null (a tombstone). */
  readonly value: string | Uint8Array | null;
  /** The headers. */
  readonly headers?: RecordHeaders;
  /** Milliseconds since 1970; the time of publishing when left out. */
  readonly timestamp?: number;
}

/** Where an acknowledged record stands. */
export interface RecordMetadata extends TopicPartition {
  /** The record's offset, or -1 where the broker no longer knew it (the answer to a repeated request). */
  readonly offset: number;
}

/** One string per partition, for maps. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/**
 * The text of the last header called `name`, or undefined.
 *
 * @example
 * ```ts
 * import { headerText } from "@troupe/troupe";
 *
 * console.log(headerText([["dlt-reason", new TextEncoder().encode("decode")]], "dlt-reason")); // decode
 * ```
 */
export function headerText(headers: RecordHeaders, name: string): string | undefined {
  for (let i = headers.length - 1; i >= 0; i--) {
    const [key, value] = headers[i];
    if (key === name) return value === null ? undefined : text.decode(value);
  }
  return undefined;
}

/** Leaves a byte order mark where it is: it is the writer's. */
const text = new TextDecoder("utf-8", { ignoreBOM: true });
