/**
 * The publish stage: what a settled message published goes to the sender, and its acknowledgement resolves the record.
 * @module
 */
import { Effect } from "effect";
import { type DeadLetterNote, deadLetterOf } from "../dead_letter/dead_letter.ts";
import type { DeliveryObserver, Sender } from "../client/port.ts";
import { LeaseLost, type PublishError } from "../errors.ts";
import type { ProducerRecord } from "../record.ts";
import { recordAt } from "./message_context.ts";
import type { Item, Partition } from "./partition.ts";

/** Called when what a record published, or its dead letter, failed for good: the record is open again. */
export type PublishFailed = (error: PublishError | LeaseLost, item: Item) => void;

/** Waits for the acknowledgements of all that one message published. */
class Delivery implements DeliveryObserver {
  #error: PublishError | LeaseLost | null = null;

  constructor(
    private readonly partition: Partition,
    private readonly item: Item,
    private waiting: number,
    private readonly failed: PublishFailed,
  ) {}

  settled(error: PublishError | LeaseLost | null): void {
    if (error !== null) this.#error ??= error;
    else this.partition.counters.published++;
    if (--this.waiting > 0) return;
    if (this.#error === null) {
      this.partition.counters.done++;
      this.partition.acknowledge(this.item);
    } else {
      this.partition.reopen(this.item);
      this.failed(this.#error, this.item);
    }
  }
}

/**
 * Puts what a message published into the sender. Null when all of it is in; else an effect that waits for room and
 * puts in the rest: until it ends, the message's key must wait.
 */
export function publishAll(
  partition: Partition,
  sender: Sender,
  item: Item,
  records: ReadonlyArray<ProducerRecord>,
  failed: PublishFailed,
): Effect.Effect<void> | null {
  partition.settle(item);
  const delivery = new Delivery(partition, item, records.length, failed);
  return offerAll(sender, partition, records, delivery);
}

function offerAll(
  sender: Sender,
  partition: Partition,
  records: ReadonlyArray<ProducerRecord>,
  observer: DeliveryObserver,
): Effect.Effect<void> | null {
  for (let i = 0; i < records.length; i++) {
    if (!sender.offer(records[i], observer, partition.lease)) {
      const rest = records.slice(i);
      return Effect.flatMap(sender.room, () => offerAll(sender, partition, rest, observer) ?? Effect.void);
    }
  }
  return null;
}

/**
 * Sends a record to its dead-letter topic. Null when it is in the sender; else an effect that waits for room first.
 * The record is resolved only by the letter's acknowledgement: a letter that can't be written is tried again for ever.
 * One that is too large is written without what can be left out; if that is too large as well, `tooLarge` is called.
 */
export function writeDeadLetter(
  partition: Partition,
  sender: Sender,
  item: Item,
  note: DeadLetterNote,
  tooLarge: (error: PublishError, item: Item) => void,
  lost: PublishFailed,
  later: (effect: Effect.Effect<void>) => void,
): Effect.Effect<void> | null {
  const { segment, index } = item;
  const source = recordAt(segment.records, partition.topic, partition.partition, index);
  const topic = partition.actor.settings.deadLetterTopic(partition.topic);
  partition.settle(item);
  let bare = false;
  let keepPartition = true;
  let waiting = false;
  const offer = (): Effect.Effect<void> | null => {
    const letter = deadLetterOf(source, topic, note, bare);
    return offerAll(sender, partition, [keepPartition ? letter : { ...letter, partition: undefined }], { settled });
  };
  const stopWaiting = () => {
    if (waiting) partition.counters.deadLettersWaiting--;
    waiting = false;
  };
  const settled = (error: PublishError | LeaseLost | null): void => {
    if (error === null) {
      stopWaiting();
      partition.counters.deadLetters[note.reason]++;
      partition.acknowledge(item);
      return;
    }
    const give = (end: () => void) => {
      stopWaiting();
      partition.reopen(item);
      end();
    };
    if (error instanceof LeaseLost) return give(() => lost(error, item));
    if (isTooLarge(error)) {
      if (bare) return give(() => tooLarge(error, item));
      bare = true;
    } else if (error.type === "UNKNOWN_PARTITION") {
      keepPartition = false;
    } else if (error.type === "STOPPED") {
      return give(() => lost(error, item));
    } else if (!waiting) {
      waiting = true;
      partition.counters.deadLettersWaiting++;
    }
    // Not from within the sender's own call: and a refusal that comes at once must not be a busy loop.
    later(Effect.flatMap(Effect.sleep(waiting ? 1_000 : 0), () => offer() ?? Effect.void));
  };
  return offer();
}

function isTooLarge(error: PublishError): boolean {
  return error.type === "RECORD_TOO_LARGE" || error.type === "MESSAGE_TOO_LARGE" ||
    error.type === "RECORD_LIST_TOO_LARGE";
}
