/**
 * The partitions of a redrive, one after another; then, where that is asked for, what becomes a letter meanwhile.
 * @module
 */
import { Effect } from "effect";
import type { OffsetAdmin } from "../admin/offset_admin.ts";
import { type AdminError, groupError } from "../admin/refusals.ts";
import type { Fetcher, Offsets } from "../client/port.ts";
import { readDeadLetter } from "../dead_letter/read_letter.ts";
import { ConnectionError } from "../errors.ts";
import type { AwaitedKeys } from "./awaited_keys.ts";
import { lineText } from "./letter_choice.ts";
import { LetterReader } from "./letter_reader.ts";
import { PartitionRedrive, type RedriveError, type RedriveOutlet, type RedriveRun } from "./partition_redrive.ts";
import { RedriveMarks } from "./redrive_marks.ts";
import type { LetterPlace } from "./redrive_positions.ts";
import { RedriveCount } from "./redrive_report.ts";
import { untilFree } from "./until_free.ts";

/** All that the passes work with. */
export interface RedrivePasses {
  readonly fetcher: Fetcher;
  readonly offsets: Offsets;
  readonly logs: OffsetAdmin;
  readonly run: RedriveRun;
  /** Null for a dry run. */
  readonly outletOf: (place: LetterPlace) => RedriveOutlet | null;
  /** Keys that are to be free in the end; null where that is not waited for. */
  readonly awaited: AwaitedKeys | null;
}

/** Sends what is meant of these partitions. */
export const redrivePasses: (
  passes: RedrivePasses,
  topic: string,
  places: ReadonlyArray<LetterPlace>,
) => Effect.Effect<void, RedriveError> = Effect.fnUntraced(function* (passes, topic, places) {
  const { fetcher, offsets, logs, run, outletOf, awaited } = passes;
  /** Where the next pass begins; a partition that was not read to its end has none. */
  const ends = new Map<number, number>();
  const marks = places.map(({ from, redriven }) => new RedriveMarks(from, redriven));
  const pass = Effect.fnUntraced(function* (at: number, place: LetterPlace, run: RedriveRun) {
    const first = run.release ? yield* firstTurns(passes, place, run) : undefined;
    const reader = new LetterReader(fetcher, place, run.timeout);
    if (yield* new PartitionRedrive(reader, marks[at], run, outletOf(place), first).toEnd) {
      ends.set(place.partition, place.end);
    } else ends.delete(place.partition);
  });
  for (const [at, place] of places.entries()) yield* pass(at, place, run);
  if (awaited === null) return;

  const sendNew = Effect.gen(function* () {
    const count = new RedriveCount();
    const later: RedriveRun = { ...run, count, meant: awaited.meant, release: false };
    const now = new Map((yield* logs.list([topic], "latest")).map(({ partition, offset }) => [partition, offset]));
    for (const [at, place] of places.entries()) {
      const [from, end] = [ends.get(place.partition), now.get(place.partition) ?? 0];
      if (from !== undefined && end > from) yield* pass(at, { ...place, from, end }, later);
    }
    run.budget = later.budget;
    run.count.add(count);
    return count.redriven;
  });
  const ask = Effect.gen(function* () {
    let freed = false;
    for (const [group, partitions] of awaited.places) {
      const late = () =>
        Effect.fail<AdminError>(new ConnectionError(`group ${group}`, "timeout", `no answer within ${run.timeout} ms`));
      const committed = yield* offsets.committed(group, partitions).pipe(
        Effect.mapError(({ code, message }) => groupError(group, code, message)),
        Effect.timeoutOrElse({ duration: run.timeout, orElse: late }),
      );
      if (awaited.committed(group, committed)) freed = true;
    }
    return freed;
  });
  const left = yield* untilFree({
    clock: run.clock,
    awaited,
    timeout: run.timeout,
    sendNew,
    ask,
    more: () => run.budget > 0,
  });
  if (left !== null) run.count.unfinished.push(left);
});

/** The least turn of each key among the letters that are meant: theirs is the first to go. */
const firstTurns = Effect.fnUntraced(function* (
  { fetcher }: RedrivePasses,
  place: LetterPlace,
  run: RedriveRun,
): Effect.fn.Return<ReadonlyMap<string, number>, RedriveError> {
  const first = new Map<string, number>();
  const marks = new RedriveMarks(place.from, place.redriven);
  const reader = new LetterReader(fetcher, place, run.timeout);
  const read = Effect.gen(function* () {
    for (;;) {
      const record = yield* reader.next;
      if (record === null) return first;
      const letter = marks.redriven(record.offset) ? null : readDeadLetter(record);
      if (letter === null || letter.turn === null || letter.redrives >= run.maxRedrives || !run.meant(letter)) continue;
      const line = lineText(letter);
      first.set(line, Math.min(letter.turn.at, first.get(line) ?? Infinity));
    }
  });
  return yield* Effect.ensuring(read, Effect.sync(() => reader.close()));
});
