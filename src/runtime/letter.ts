/**
 * The way of a dead letter: it is written until it is acknowledged, whatever becomes of the incarnation that gave the
 * record up.
 * @module
 */
import { Cause, Effect } from "effect";
import type { DeliveryObserver, Sender } from "../client/port.ts";
import { type DeadLetterNote, deadLetterOf } from "../dead_letter/dead_letter.ts";
import { type LetterTurn, turnText } from "../dead_letter/turn.ts";
import type { Records } from "../codec/batch_decoder.ts";
import type { RecordHeaders } from "../record.ts";
import { ActorFailed, CorruptRecordError, LeaseLost, type PublishError } from "../errors.ts";
import { publishFailed } from "./delivery.ts";
import { recordAt } from "./message_context.ts";
import type { Item, Partition } from "./partition.ts";
import type { LetterLine, QueuedLetter } from "./letter_line.ts";

// Milliseconds before a letter that was refused is tried again.
const RETRY = 1_000;

/**
 * Sends a record to its dead-letter topic. The record is resolved only by the letter's acknowledgement: a letter that
 * can't be written is tried again for ever, and left to the next owner when the partition is drained. One that is too
 * large is written without what can be left out; if that is too large as well the system ends.
 */
export function writeDeadLetter(partition: Partition, sender: Sender, item: Item, note: DeadLetterNote): void {
  const line = partition.quarantine?.line(item) ?? null;
  const letter = new Letter(partition, sender, item, note, line);
  if (line === null) letter.offer();
  else line.join(letter);
}

class Letter implements DeliveryObserver, QueuedLetter {
  turn: LetterTurn | null = null;
  readonly came: LetterTurn | null;
  #bare = false;
  #keepsPartition = true;
  #waiting = false;
  #gone = false;
  readonly #round: number;

  constructor(
    private readonly partition: Partition,
    private readonly sender: Sender,
    readonly item: Item,
    private readonly note: DeadLetterNote,
    /** Where its key is in quarantine: the letters of its key. */
    private readonly line: LetterLine | null,
  ) {
    this.came = line === null ? null : partition.quarantine?.came(item) ?? null;
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
    const turn = this.turn === null ? undefined : turnText(this.turn);
    const letter = deadLetterOf(source, topic, { ...this.note, turn }, this.#bare);
    const record = this.#keepsPartition ? letter : { ...letter, partition: undefined };
    if (sender.offer(record, this, partition.lease)) return;
    partition.fork(Effect.flatMap(sender.room, () => this.#again));
  }

  /** See {@linkcode QueuedLetter}. */
  get ready(): boolean {
    return !this.partition.settledBefore(this.item);
  }

  /** See {@linkcode QueuedLetter}. */
  later(go: () => void, ms: number): void {
    const { partition, item } = this;
    const guarded = Effect.sync(() => {
      try {
        go();
      } catch (defect) {
        partition.crash(Cause.die(defect), item); // nobody else would hear of it
      }
    });
    partition.fork(Effect.andThen(ms > 0 ? Effect.sleep(ms) : Effect.yieldNow, guarded));
  }

  /** See {@linkcode QueuedLetter}. */
  resolve(): void {
    const { partition, item } = this;
    if (partition.acknowledge(item, this.#round)) partition.counters.deadLetters[this.note.reason]++;
  }

  /** See {@linkcode QueuedLetter}. */
  giveBack(): void {
    this.#gone = true;
    this.#wait(false);
    this.partition.reopen(this.item, this.#round);
  }

  settled(error: PublishError | LeaseLost | null): void {
    if (this.#gone) return;
    const { partition, item } = this;
    if (error === null) {
      this.#wait(false);
      return this.line === null ? this.resolve() : this.line.written();
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
    if (this.#gone) return Effect.void;
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
    if (this.line === null) this.giveBack();
    else this.line.leave();
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
