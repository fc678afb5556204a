/**
 * The way of a dead letter: it is written until it is acknowledged, whatever becomes of the incarnation that gave the
 * record up.
 * @module
 */
import { Cause, Effect } from "effect";
import type { DeliveryObserver, Sender } from "../client/port.ts";
import { type DeadLetterNote, deadLetterOf } from "../dead_letter/dead_letter.ts";
import type { Records } from "../codec/batch_decoder.ts";
import type { RecordHeaders } from "../record.ts";
import { ActorFailed, CorruptRecordError, LeaseLost, type PublishError } from "../errors.ts";
import { publishFailed } from "./delivery.ts";
import { recordAt } from "./message_context.ts";
import type { Item, Partition } from "./partition.ts";

// Milliseconds before a letter that was refused is tried again.
const RETRY = 1_000;

/**
 * Sends a record to its dead-letter topic. The record is resolved only by the letter's acknowledgement: a letter that
 * can't be written is tried again for ever, and left to the next owner when the partition is drained. One that is too
 * large is written without what can be left out; if that is too large as well the system ends.
 */
export function writeDeadLetter(partition: Partition, sender: Sender, item: Item, note: DeadLetterNote): void {
  new Letter(partition, sender, item, note).offer();
}

class Letter implements DeliveryObserver {
  #bare = false;
  #keepsPartition = true;
  #waiting = false;
  readonly #round: number;

  constructor(
    private readonly partition: Partition,
    private readonly sender: Sender,
    private readonly item: Item,
    private readonly note: DeadLetterNote,
  ) {
    this.#round = partition.condemn(item);
  }

  /** Puts the letter into the sender. Its record is open again where that throws. */
  offer(): void {
    try {
      this.#offer();
    } catch (defect) {
      this.#giveBack();
      throw defect;
    }
  }

  #offer(): void {
    const { partition, sender, item: { segment: { records }, index } } = this;
    const source = recordAt(records, partition.topic, partition.partition, index, headersOf(records, index));
    const topic = partition.actor.settings.deadLetterTopic(partition.topic);
    const letter = deadLetterOf(source, topic, this.note, this.#bare);
    const record = this.#keepsPartition ? letter : { ...letter, partition: undefined };
    if (sender.offer(record, this, partition.lease)) return;
    partition.fork(Effect.flatMap(sender.room, () => this.#again));
  }

  settled(error: PublishError | LeaseLost | null): void {
    const { partition, item } = this;
    if (error === null) {
      this.#wait(false);
      if (partition.acknowledge(item, this.#round)) partition.counters.deadLetters[this.note.reason]++;
      return;
    }
    if (error instanceof LeaseLost || error.type === "STOPPED") {
      this.#giveBack();
      return publishFailed(partition, item, error);
    }
    if (isTooLarge(error)) {
      if (this.#bare) return this.#tooLarge(error);
      this.#bare = true;
    } else if (error.type === "UNKNOWN_PARTITION" && this.#keepsPartition) {
      this.#keepsPartition = false;
    } else {
      this.#wait(true);
      return partition.fork(Effect.flatMap(partition.pause(RETRY), () => this.#again));
    }
    // Not from within the sender's own call.
    partition.fork(Effect.flatMap(Effect.yieldNow, () => this.#again));
  }

  readonly #again: Effect.Effect<void> = Effect.suspend(() => {
    // What waits when the partition is drained is left to the next owner.
    if (this.#waiting && this.partition.draining) this.#giveBack();
    else {
      try {
        this.offer();
      } catch (defect) {
        this.partition.crash(Cause.die(defect), this.item); // nobody else would hear of it
      }
    }
    return Effect.void;
  });

  #tooLarge(error: PublishError): void {
    const { partition, item: { segment, index } } = this;
    const { actor, topic, partition: number } = partition;
    this.#giveBack();
    const detail = `its dead letter is too large: ${error.message}; raise max.message.bytes of the dead-letter topic`;
    const failure = new ActorFailed(actor.name, topic, number, segment.records.offset(index), detail, { cause: error });
    partition.crash(Cause.fail(failure));
  }

  #giveBack(): void {
    this.#wait(false);
    this.partition.reopen(this.item, this.#round);
  }

  #wait(waiting: boolean): void {
    if (this.#waiting !== waiting) this.partition.letterWaits(waiting);
    this.#waiting = waiting;
  }
}

/** The headers; none where they can't be read, which may be why the record is given up. */
function headersOf(records: Records, index: number): RecordHeaders {
  try {
    return records.headers(index);
  } catch (error) {
    if (error instanceof CorruptRecordError) return [];
    throw error;
  }
}

function isTooLarge(error: PublishError): boolean {
  return error.type === "RECORD_TOO_LARGE" || error.type === "MESSAGE_TOO_LARGE" ||
    error.type === "RECORD_LIST_TOO_LARGE";
}
