/**
 * Sends the letters of one partition back, in their order, and commits how far it has come.
 * @module
 */
import { type Clock, Effect, Exit } from "effect";
import type { AdminError } from "../admin/refusals.ts";
import type { Membership, Offsets, Sender } from "../client/port.ts";
import { type DeadLetter, readDeadLetter, redrivenRecord } from "../dead_letter/read_letter.ts";
import { ConnectionError, GroupError, type LeaseLost, type PublishError } from "../errors.ts";
import { monotonicMs } from "../fiber/monotonic.ts";
import { Signal } from "../fiber/signal.ts";
import type { ProducerRecord } from "../record.ts";
import type { PartitionLease } from "../runtime/lease.ts";
import type { Origin } from "../runtime/offset_map.ts";
import { BEHIND_FAILED, LetterChoice, type LetterChoiceRules } from "./letter_choice.ts";
import { keyText } from "./letter_filter.ts";
import type { LetterReader } from "./letter_reader.ts";
import type { RedriveMarks } from "./redrive_marks.ts";
import { LAST_COMMIT } from "./redrive_membership.ts";
import type { RedrivePace } from "./redrive_pace.ts";
import type { LeftLetter, RedriveCount } from "./redrive_report.ts";

/** All that a redrive may fail with. */
export type RedriveError = AdminError | PublishError;

/** How letters are sent and remembered; a dry run has none of it. */
export interface RedriveOutlet {
  readonly sender: Sender;
  readonly offsets: Offsets;
  readonly membership: Membership;
  readonly lease: PartitionLease;
  readonly origin: Origin | undefined;
}

/** What the partitions of a redrive share. */
export interface RedriveRun extends LetterChoiceRules {
  readonly count: RedriveCount;
  readonly pace: RedrivePace;
  readonly clock: Clock.Clock;
  /** Milliseconds without progress after which it fails. */
  readonly timeout: number;
  /** Told now and then. */
  readonly progress: (offset: number) => Effect.Effect<void>;
  /** Told of each letter that went back. */
  readonly returned: (letter: DeadLetter) => void;
  /** Told of each one that stays. */
  readonly stayed: (letter: DeadLetter) => void;
  /** How many more letters may be sent. */
  budget: number;
}

/** A letter since the last commit; in flight until it is `back`, or until there is an `error`. */
interface Entry {
  readonly offset: number;
  readonly letter: DeadLetter | null;
  /** Whether it is done with. */
  back: boolean;
  error: PublishError | null;
}

// A run that is killed sends what it had not committed again: so many letters, or what went out in so many milliseconds.
const BATCH = 100;
const BATCH_TIME = 100;
// Letters that are passed over between two commits, at most: they wait for those in flight.
const HELD = 10_000;

/** A letter that can't be sent says nothing of the others. */
const ownFault: ReadonlySet<string> = new Set([
  "RECORD_TOO_LARGE",
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_RECORD",
  "UNKNOWN_PARTITION",
]);

/** For one reading. */
export class PartitionRedrive {
  readonly #entries: Entry[] = [];
  /** Letters in flight by key: the next one of a key waits for its acknowledgement. */
  readonly #keys = new Set<string>();
  readonly #choice: LetterChoice;
  readonly #settled = new Signal();
  #inFlight = 0;
  #sent = 0;
  #since = 0;
  #fatal: RedriveError | null = null;
  #committed: { readonly offset: number; readonly metadata: string };

  /** `outlet` null: a dry run. `first`: see {@linkcode LetterChoice}. */
  constructor(
    private readonly reader: LetterReader,
    private readonly marks: RedriveMarks,
    private readonly run: RedriveRun,
    private readonly outlet: RedriveOutlet | null,
    first: ReadonlyMap<string, number> = new Map(),
  ) {
    this.#choice = new LetterChoice(run, first);
    this.#committed = marks.commit(outlet?.origin);
  }

  /**
   * Reads to the end; false where it does not come so far, by the limit or as there is too much to remember. However it ends,
   * what was acknowledged is committed.
   */
  readonly toEnd: Effect.Effect<boolean, RedriveError> = Effect.suspend(() =>
    Effect.onExit(this.#loop(), (exit) => {
      this.reader.close();
      if (Exit.isSuccess(exit)) return Effect.void;
      return Effect.ignore(Effect.timeoutOption(this.#flush(LAST_COMMIT / 2), LAST_COMMIT));
    })
  );

  readonly #loop = Effect.fnUntraced(function* (this: PartitionRedrive): Effect.fn.Return<boolean, RedriveError> {
    const { reader, marks, run } = this;
    let end = false;
    while (run.budget > 0) {
      const record = yield* reader.next;
      end = record === null;
      if (record === null) break;
      const { offset } = record;
      if (marks.redriven(offset)) {
        this.#note(offset, true);
        continue;
      }
      const letter = readDeadLetter(record);
      run.count.look(letter?.reason ?? "unknown");
      if (letter === null || letter.source.topic === reader.topic) {
        this.#stay(offset, "not-a-letter", "it has not the headers of a dead letter of another topic's record");
        this.#note(offset, false);
      } else {
        const choice = yield* this.#choice.of(letter);
        if (choice.goes === null) {
          if (choice.why === null) run.count.skipped++;
          else this.#stay(offset, choice.why, choice.detail);
          run.stayed(letter);
          this.#note(offset, false);
        } else if (!(yield* this.#send(choice.goes, choice.partition))) {
          run.count.unfinished.push(
            `${reader.topic}/${reader.partition}@${offset}: letters that were redriven alternate with others too often to ` +
              "be remembered; redrive those before this one, or set the group on behind them (Admin.resetOffsets)",
          );
          return false;
        }
      }
      if (this.#entries.length >= HELD) yield* this.#flush();
    }
    yield* this.#flush();
    marks.passed(reader.position);
    yield* this.#flush();
    return end;
  });

  /** Sends a letter; false where that could not be remembered. */
  readonly #send = Effect.fnUntraced(
    function* (this: PartitionRedrive, letter: DeadLetter, partition: number): Effect.fn.Return<boolean, RedriveError> {
      const { run, outlet, marks } = this;
      const { offset } = letter;
      if (!marks.room) {
        yield* this.#flush();
        if (!marks.room) return false;
      }
      if (outlet === null) {
        run.count.sent(letter.reason);
        run.budget--;
        this.#note(offset, true);
        return true;
      }
      if (run.pace.wait > BATCH_TIME / 2) yield* this.#flush();
      yield* run.pace.turn;
      const key = letter.key === null ? null : keyText(letter.key);
      if (key !== null) { while (this.#keys.has(key)) yield* this.#wait(); }
      if (this.#choice.isBehindFailed(letter)) {
        this.#stay(offset, "not-sent", BEHIND_FAILED.detail);
        run.stayed(letter);
        this.#note(offset, false);
        return true;
      }
      const entry: Entry = { offset, letter, back: false, error: null };
      const record = redrivenRecord(letter, partition);
      while (!this.#offer(outlet, record, entry, key)) yield* outlet.sender.room;
      run.budget--;
      const now = monotonicMs(run.clock);
      if (this.#sent++ === 0) this.#since = now;
      if (this.#sent >= BATCH || now - this.#since >= BATCH_TIME) yield* this.#flush();
      return true;
    },
  );

  #offer({ sender, lease }: RedriveOutlet, record: ProducerRecord, entry: Entry, key: string | null): boolean {
    // First, as the answer may come within the call.
    this.#entries.push(entry);
    this.#inFlight++;
    if (key !== null) this.#keys.add(key);
    const settled = (error: PublishError | LeaseLost | null) => this.#answered(entry, key, error);
    if (sender.offer(record, { settled }, lease)) return true;
    this.#entries.pop();
    this.#inFlight--;
    if (key !== null) this.#keys.delete(key);
    return false;
  }

  #answered(entry: Entry, key: string | null, error: PublishError | LeaseLost | null): void {
    this.#inFlight--;
    if (key !== null) this.#keys.delete(key);
    if (error === null) {
      entry.back = true;
    } else if (error._tag === "PublishError" && ownFault.has(error.type)) {
      entry.error = error;
      if (entry.letter !== null) this.#choice.failed(entry.letter);
    } else {
      this.#fatal ??= error._tag === "PublishError" ? error : leaseLost(this.outlet, error);
    }
    this.#settled.raise();
  }

  /** Waits until something in flight is answered. The sender sees to it that everything is, in the end. */
  #wait(): Effect.Effect<void, RedriveError> {
    return Effect.andThen(
      this.#settled.wait,
      Effect.suspend(() => this.#fatal === null ? Effect.void : Effect.fail(this.#fatal)),
    );
  }

  /** Waits until nothing is in flight, or for so many milliseconds, and commits. */
  readonly #flush = Effect.fnUntraced(
    function* (this: PartitionRedrive, within = Infinity): Effect.fn.Return<void, RedriveError> {
      const { run, outlet, reader, marks } = this;
      const deadline = monotonicMs(run.clock) + within;
      while (this.#inFlight > 0 && monotonicMs(run.clock) < deadline) {
        yield* this.#settled.waitAtMost(deadline - monotonicMs(run.clock));
      }
      this.#sent = 0;
      for (const { offset, letter, back, error } of this.#entries.splice(0)) {
        if (back) marks.done(offset);
        else marks.leave(offset);
        if (back && letter !== null) {
          run.count.sent(letter.reason);
          run.returned(letter);
        }
        if (error !== null) this.#stay(offset, "not-sent", error.message);
        if (error !== null && letter !== null) run.stayed(letter);
      }
      const commit = marks.commit(outlet?.origin);
      if (
        outlet !== null && (commit.offset !== this.#committed.offset || commit.metadata !== this.#committed.metadata)
      ) {
        const { membership, offsets } = outlet;
        const { topic, partition } = reader;
        const late = () =>
          Effect.fail(
            new ConnectionError(`group ${membership.groupId}`, "timeout", `no commit within ${run.timeout} ms`),
          );
        yield* offsets.commit(membership, [{ topic, partition, ...commit }]).pipe(
          Effect.mapError(({ type, message }) => new GroupError(membership.groupId, type, `${message}; begin again`)),
          Effect.timeoutOrElse({ duration: run.timeout, orElse: late }),
        );
        this.#committed = commit;
      }
      if (this.#fatal !== null) return yield* Effect.fail(this.#fatal);
      yield* run.progress(reader.position);
    },
  );

  /** A letter is done with, or left, without being sent. */
  #note(offset: number, back: boolean): void {
    if (this.#entries.length > 0) this.#entries.push({ offset, letter: null, back, error: null });
    else if (back) this.marks.done(offset);
    else this.marks.leave(offset);
  }

  #stay(offset: number, why: LeftLetter["why"], detail: string): void {
    const { topic, partition } = this.reader;
    this.run.count.leave({ topic, partition, offset, why, detail });
  }
}

function leaseLost(outlet: RedriveOutlet | null, { message }: LeaseLost): GroupError {
  const detail = `the group has not heard of this run for too long; begin again (${message})`;
  return new GroupError(outlet?.membership.groupId ?? "", "UNKNOWN_MEMBER_ID", detail);
}
