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

/**
 * The right to work on a partition, for a time: as long as the group surely counts this process in. The framework begins
 * no message, and sends no record, dead letter or commit, unless it is held. What an actor does by itself (a file, a
 * database, a request) the framework does not see: look at the lease right before it.
 *
 * A process that was frozen, or whose event loop was blocked, does not notice: timers are late, no signal was aborted yet.
 * The lease knows, as it goes by the clock alone. It can't recall what is on its way already: where that must never happen
 * twice, let the other side refuse an older `generation`, or a second time of the same topic, partition and offset.
 *
 * @example
 * ```ts
 * import { actor, event } from "@troupe/troupe";
 * import { z } from "zod";
 *
 * const schema = z.object({ id: z.string(), amount: z.number() });
 * const Billed = event({ name: "Billed", topic: "bills", schema, key: (bill) => bill.id });
 * const cashier = actor({
 *   name: "cashier",
 *   receives: [Billed],
 *   receive: async (bill, { lease, signal }) => {
 *     const card = await Promise.resolve(`card of ${bill.id}`); // something that may take long
 *     lease.ensure(); // else this message is received again, here or by the partition's next owner
 *     const inTime = AbortSignal.any([signal, AbortSignal.timeout(Math.min(lease.remaining(), 30_000))]);
 *     await fetch("https://bank.example/charges", { method: "POST", body: `${card} ${bill.amount}`, signal: inTime });
 *   },
 * });
 * console.log(cashier.name);
 * ```
 */
export interface Lease {
  /** The group's generation in which the partition was assigned. */
  readonly generation: number;
  /**
   * Whether the partition is surely still ours: not revoked, and the coordinator has answered within the session
   * time-out. It may be held again after it was not, when the coordinator was only slow to answer.
   */
  readonly held: () => boolean;
  /** Milliseconds for which it is held even if nothing more is heard of the group; 0 where it is not held. */
  readonly remaining: () => number;
  /**
   * Throws `LeaseLost` where it is not held. Let it pass out of `receive` (throw, reject, fail or die with it):
   * it counts as no failure, and the message is received again as soon as the lease is held again, or by the partition's
   * next owner.
   */
  readonly ensure: () => void;
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
