/**
 * What an actor is given beside the message.
 * @module
 */
import type { EventDefinition } from "./event.ts";
import type { ConsumerRecord, RecordHeaders } from "./record.ts";

/** Writes log lines that carry the actor, topic, partition and offset. */
export interface ActorLogger {
  /** For developers. */
  readonly debug: (message: string, fields?: Readonly<Record<string, unknown>>) => void;
  /** For operators: normal. */
  readonly info: (message: string, fields?: Readonly<Record<string, unknown>>) => void;
  /** For operators: to be looked at. */
  readonly warn: (message: string, fields?: Readonly<Record<string, unknown>>) => void;
  /** For operators: to be acted on. */
  readonly error: (message: string, fields?: Readonly<Record<string, unknown>>) => void;
}

/** The right to work on a partition: checked by the framework before each publish, commit and dead letter. */
export interface Lease {
  /** The group's generation in which the partition was assigned. */
  readonly generation: number;
  /**
   * Whether the partition is surely still ours: not revoked, and the coordinator has answered within the session
   * time-out. Check it right before a side effect of your own that must not be done by two processes.
   */
  readonly held: () => boolean;
}

/** How a record is to be published, beyond its event and message. */
export interface PublishOptions {
  /** Instead of the event's own key. */
  readonly key?: string | Uint8Array | null;
  /** Instead of the partition the key chooses. */
  readonly partition?: number;
  /** Added to the headers the framework writes; `traceparent` takes the place of its own, `type` is refused. */
  readonly headers?: Readonly<Record<string, string | Uint8Array | null>>;
  /** Milliseconds since 1970; default now. */
  readonly timestamp?: number;
}

/** Where an incarnation of an actor works: given to its `resources`. */
export interface Incarnation {
  /** The actor's name. */
  readonly actor: string;
  /** The topic. */
  readonly topic: string;
  /** The partition. */
  readonly partition: number;
  /** 1 for the first start on this assignment, 2 after the first restart, and so on. */
  readonly start: number;
}

/** The context of one message. Closed once the message is settled: `publish` then throws `ContextFenced`. */
export interface ActorContext<Resources = undefined> {
  /** The actor's name. */
  readonly actor: string;
  /** Topic of the record. */
  readonly topic: string;
  /** Partition of the record. */
  readonly partition: number;
  /** Offset of the record. */
  readonly offset: number;
  /** The record's timestamp, milliseconds since 1970. */
  readonly timestamp: number;
  /** The record's key as text, or null. */
  readonly key: string | null;
  /** The record's headers. */
  readonly headers: RecordHeaders;
  /** The record itself, with key and value as bytes. */
  readonly record: ConsumerRecord;
  /** 1 for the first time `receive` is called with this message, 2 for its first retry. */
  readonly attempt: number;
  /** What the actor's `resources` acquired for this incarnation. */
  readonly resources: Resources;
  /** Aborted when the message is given up: `receiveTimeout` has passed, or the partition is taken away. */
  readonly signal: AbortSignal;
  /** A logger. */
  readonly log: ActorLogger;
  /** The right to work on this partition. */
  readonly lease: Lease;
  /**
   * Publishes an event when, and only when, `receive` succeeds. Synchronous: it only notes the record. The message's
   * offset counts as resolved once the broker has acknowledged all it published.
   */
  publish<Message>(event: EventDefinition<string, Message>, message: Message, options?: PublishOptions): void;
}

/** One message of a batch given to `receiveBatch`. */
export interface Envelope<Message> {
  /** The decoded message. */
  readonly message: Message;
  /** Its own context: what it publishes belongs to this message's outcome. */
  readonly context: Omit<ActorContext<never>, "resources">;
}
