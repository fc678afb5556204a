/**
 * A sender that keeps what it is offered until a test says what becomes of it.
 * @module
 */
import { Effect } from "effect";
import type { DeliveryObserver, PublishLease, Sender } from "../../src/client/port.ts";
import { type LeaseLost, PublishError } from "../../src/errors.ts";
import type { ProducerRecord } from "../../src/record.ts";

const text = new TextDecoder();

/** A record that was accepted. */
export interface Offered {
  readonly record: ProducerRecord;
  readonly observer: DeliveryObserver;
  readonly lease: PublishLease | null;
}

/** See the module. */
export class FakeSender implements Sender {
  /** All that was accepted, in order. */
  readonly offered: Offered[] = [];
  /** What is not settled yet, in order. */
  waiting: Offered[] = [];
  /** Records that may wait. */
  capacity = Infinity;
  /** What becomes of a record at once, in the call of `offer`: null for nothing. */
  refuses: (record: ProducerRecord) => PublishError | null = () => null;
  #rooms: Array<() => void> = [];

  readonly offer = (record: ProducerRecord, observer: DeliveryObserver, lease: PublishLease | null): boolean => {
    if (this.waiting.length >= this.capacity) return false;
    const offered = { record, observer, lease };
    this.offered.push(offered);
    const error = this.refuses(record);
    if (error === null) this.waiting.push(offered);
    else this.#tell(offered, error);
    return true;
  };
  readonly room: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const go = () => resume(Effect.yieldNow);
    if (this.waiting.length < this.capacity) return go();
    this.#rooms.push(go);
    return Effect.sync(() => {
      this.#rooms = this.#rooms.filter((other) => other !== go);
    });
  });
  readonly flush: Effect.Effect<void> = Effect.void;
  readonly pending = (): number => this.waiting.length;

  /** Acknowledges, or fails, the waiting records that `which` names; all by default. */
  settle(error: PublishError | LeaseLost | null = null, which: (record: ProducerRecord) => boolean = () => true): void {
    const settled = this.waiting.filter(({ record }) => which(record));
    this.waiting = this.waiting.filter(({ record }) => !which(record));
    for (const offered of settled) this.#tell(offered, error);
    this.makeRoom();
  }

  /** Tells whoever waits for room to look again. */
  makeRoom(): void {
    for (const go of this.#rooms.splice(0)) go();
  }

  /** The values of what was offered to a topic, in order. */
  values(topic: string): string[] {
    return this.offered.filter(({ record }) => record.topic === topic).map(({ record }) => valueOf(record));
  }

  #tell({ record, observer }: Offered, error: PublishError | LeaseLost | null): void {
    observer.settled(error, { topic: record.topic, partition: record.partition ?? 0, offset: -1 });
  }
}

/** A record's value as text. */
export function valueOf({ value }: ProducerRecord): string {
  return value instanceof Uint8Array ? text.decode(value) : String(value);
}

/** What the sender fails a record with. */
export function publishError(type: string, topic = "out"): PublishError {
  return new PublishError(topic, 0, type, "for a test");
}
