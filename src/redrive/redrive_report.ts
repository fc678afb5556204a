/**
 * What a redrive has done.
 * @module
 */
import type { TopicPartition } from "../record.ts";

/** Letters of one reason. */
export interface ReasonCount {
  /** Letters that were looked at. */
  readonly read: number;
  /** Those that were sent back. */
  readonly redriven: number;
}

/** A letter that was meant and is left all the same. */
export interface LeftLetter extends TopicPartition {
  /** Its offset in the dead-letter topic. */
  readonly offset: number;
  /**
   * Why: it was redriven too often, it can't be sent, it is no dead letter of ours, or it is in quarantine behind a letter of
   * its key that stays.
   */
  readonly why: "redriven-too-often" | "not-sent" | "not-a-letter" | "behind";
  /** The same in words. */
  readonly detail: string;
}

/** What a redrive has done, or, on a dry run, what it would do. */
export interface RedriveReport {
  /** The dead-letter topic. */
  readonly topic: string;
  /** Whether nothing was sent. */
  readonly dryRun: boolean;
  /** Letters that were looked at: those that no earlier run has redriven. */
  readonly read: number;
  /** Letters that went back, each acknowledged by the brokers. */
  readonly redriven: number;
  /** Letters that were not meant, by the filter or the limit. */
  readonly skipped: number;
  /** Letters that were meant and are left: redriven too often, not to be sent, no letters. */
  readonly left: number;
  /** The first 100 of them. */
  readonly leftLetters: ReadonlyArray<LeftLetter>;
  /** By reason. */
  readonly reasons: Readonly<Record<string, ReasonCount>>;
  /** Partitions that were not read to their end, and why, in words. Most often empty. */
  readonly unfinished: ReadonlyArray<string>;
}

/** Left letters that are told one by one. */
const TOLD = 100;

/** Counts while letters are read. */
export class RedriveCount {
  read = 0;
  redriven = 0;
  skipped = 0;
  left = 0;
  readonly unfinished: string[] = [];
  readonly #left: LeftLetter[] = [];
  readonly #reasons = new Map<string, { read: number; redriven: number }>();

  /** A letter of this reason was looked at. */
  look(reason: string): void {
    this.read++;
    this.#of(reason).read++;
  }

  /** A letter of this reason went back. */
  sent(reason: string): void {
    this.redriven++;
    this.#of(reason).redriven++;
  }

  /** A letter is left. */
  leave(letter: LeftLetter): void {
    this.left++;
    if (this.#left.length < TOLD) this.#left.push(letter);
  }

  /** Takes over what went, and what had to be left, of letters that were looked at for nothing else. */
  add(later: RedriveCount): void {
    for (const [reason, { redriven }] of later.#reasons) {
      for (let i = 0; i < redriven; i++) {
        this.look(reason);
        this.sent(reason);
      }
    }
    for (const letter of later.#left) this.leave(letter);
    this.unfinished.push(...later.unfinished);
  }

  /** As a report. */
  report(topic: string, dryRun: boolean): RedriveReport {
    const { read, redriven, skipped, left, unfinished } = this;
    const reasons = Object.fromEntries([...this.#reasons].map(([reason, counts]) => [reason, { ...counts }]));
    return {
      topic,
      dryRun,
      read,
      redriven,
      skipped,
      left,
      leftLetters: this.#left.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset),
      reasons,
      unfinished: [...unfinished],
    };
  }

  #of(reason: string): { read: number; redriven: number } {
    let counts = this.#reasons.get(reason);
    if (counts === undefined) this.#reasons.set(reason, counts = { read: 0, redriven: 0 });
    return counts;
  }
}
