/**
 * Counts what a worker that was away did with what was another's by then.
 * @module
 */
import type { Begun } from "./worker.ts";

/** A time in which a worker was away: `grant` was its last assignment before. Milliseconds since 1970. */
export interface Round {
  readonly worker: string;
  readonly grant: number;
  readonly from: number;
  readonly to: number;
}

/** A record that a worker has written, as it stands on a log. */
export interface Written extends Begun {
  readonly worker: string;
}

/** What came late. */
export interface Late {
  /** Records on the log behind the new owner's first one for the same partition. */
  readonly published: number;
  /** Of these, those of which the new owner's own stands before it. */
  readonly again: number;
  /** Dead letters, likewise. */
  readonly letters: number;
  /** Records the worker began after it was back, under its old assignment. */
  readonly begun: number;
  /** Records it had begun, and another after it: those since its last commit, and those begun late. */
  readonly twice: number;
}

/** Counts over all rounds. */
export function count(
  rounds: ReadonlyArray<Round>,
  echoes: ReadonlyArray<Written>,
  letters: ReadonlyArray<Written>,
  begun: ReadonlyMap<string, ReadonlyArray<Begun>>,
): Late {
  const sum = { published: 0, again: 0, letters: 0, begun: 0, twice: 0 };
  for (const round of rounds) {
    const late = behind(round, echoes);
    sum.published += late.published;
    sum.again += late.again;
    sum.letters += behind(round, letters).published;
    const old = (begun.get(round.worker) ?? []).filter(({ grant }) => grant === round.grant);
    sum.begun += old.filter(({ at }) => at >= round.to).length;
    const ours = new Set(old.map(keyOf));
    for (const [worker, all] of begun) {
      if (worker === round.worker) continue;
      const theirs = new Set(all.filter(({ at }) => at >= round.from).map(keyOf));
      for (const key of theirs) if (ours.has(key)) sum.twice++;
    }
  }
  return sum;
}

/** What the worker wrote under its old assignment behind the first record that another wrote since it was away. */
function behind({ worker, grant, from }: Round, log: ReadonlyArray<Written>): Pick<Late, "published" | "again"> {
  const others = new Map<number, Set<number>>();
  let published = 0;
  let again = 0;
  for (const written of log) {
    const theirs = others.get(written.partition);
    if (written.worker === worker && written.grant === grant) {
      if (theirs === undefined) continue;
      published++;
      if (theirs.has(written.offset)) again++;
    } else if (written.worker !== worker && written.at >= from) {
      if (theirs === undefined) others.set(written.partition, new Set([written.offset]));
      else theirs.add(written.offset);
    }
  }
  return { published, again };
}

function keyOf({ partition, offset }: Begun): string {
  return `${partition}/${offset}`;
}
