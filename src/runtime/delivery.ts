/**
 * The publish stage: what a settled message published goes to the sender, and its acknowledgement resolves the record.
 * @module
 */
import { Cause, Effect } from "effect";
import type { DeliveryObserver, Sender } from "../client/port.ts";
import { LeaseLost, type PublishError } from "../errors.ts";
import type { ProducerRecord } from "../record.ts";
import { Fenced, Unacknowledged, Unpublishable } from "./crash.ts";
import type { Item, Partition } from "./partition.ts";

/** Waits for the acknowledgements of all that one message published. */
export class Delivery implements DeliveryObserver {
  #error: PublishError | LeaseLost | null = null;
  #waiting: number;
  readonly #round: number;

  /** The message's outcome stands from here on; it was the `attempt`-th call. */
  constructor(
    private readonly partition: Partition,
    private readonly sender: Sender,
    private readonly item: Item,
    private readonly records: ReadonlyArray<ProducerRecord>,
    private readonly attempt: number,
  ) {
    this.#waiting = records.length;
    this.#round = partition.settle(item);
  }

  /** Puts the records from `first` on into the sender. Null when all are in; else an effect that waits for room. */
  offer(first = 0): Effect.Effect<void> | null {
    const { sender, records, partition } = this;
    try {
      for (let i = first; i < records.length; i++) {
        if (this.#waiting === Infinity) return null; // abandoned
        if (!sender.offer(records[i], this, partition.lease)) {
          return Effect.flatMap(sender.room, () => this.offer(i) ?? Effect.void);
        }
      }
      return null;
    } catch (defect) {
      this.abandon();
      throw defect;
    }
  }

  /** The rest will not be offered: the message is open again, and what was sent for it is not waited for. */
  abandon(): void {
    this.#waiting = Infinity;
    this.partition.reopen(this.item, this.#round);
  }

  settled(error: PublishError | LeaseLost | null): void {
    const { partition, item } = this;
    if (error !== null) this.#error ??= error;
    else partition.counters.published++;
    if (--this.#waiting > 0) return;
    if (this.#error === null) {
      if (partition.acknowledge(item, this.#round)) partition.counters.done++;
    } else {
      // A record that was opened again meanwhile has a new delivery: this one's end means nothing any more.
      if (!partition.reopen(item, this.#round)) return;
      partition.history.setAttempts(item.segment.records.offset(item.index), this.attempt);
      publishFailed(partition, item, this.#error);
    }
  }
}

/** Ends the incarnation under way: the record, and what must follow it, is received again by the next. */
export function publishFailed(partition: Partition, item: Item, error: PublishError | LeaseLost): void {
  if (error instanceof LeaseLost || error.type === "STOPPED") partition.crash(Cause.fail(new Fenced(error)));
  else if (isTimeout(error)) partition.crash(Cause.fail(new Unacknowledged(error)));
  else if (impossible.has(error.type)) {
    // Noted even if another record has ended this incarnation already: many of them must not take turns.
    partition.history.addDeath(item.segment.records.offset(item.index), error.message);
    partition.crash(Cause.fail(new Unpublishable(error)));
  } else {
    // A missing right is the fault of no record: to give one up after the other would help nobody.
    const blamed = error.type.endsWith("_AUTHORIZATION_FAILED") ? undefined : item;
    partition.crash(Cause.die(error), blamed);
  }
}

/** Failures that lie in the published record alone. */
const impossible: ReadonlySet<string> = new Set([
  "RECORD_TOO_LARGE",
  "UNKNOWN_PARTITION",
  "INVALID_RECORD",
  "INVALID_TIMESTAMP",
]);

/** Whether time ran out: it says nothing of the record, which may be published well once brokers answer again. */
function isTimeout(error: PublishError): boolean {
  return error.type === "DELIVERY_TIMEOUT" || error.type === "UNKNOWN_TOPIC_OR_PARTITION";
}
