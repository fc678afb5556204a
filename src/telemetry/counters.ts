/**
 * Plain counters: added to on the hot path, read when somebody asks.
 * @module
 */
import type { DeadLetterReason } from "../dead_letter/dead_letter.ts";

/** What an actor has done since the start, in this process. */
export interface ActorCounters {
  /** Calls of `receive`, retries counted. */
  received: number;
  /** Messages done with. */
  done: number;
  /** Messages settled by `skip`. */
  skipped: number;
  /** Records passed over, as this actor does not receive their event. */
  ignored: number;
  /** Calls of `receive` that failed. */
  failed: number;
  /** Calls of `receive` beyond a message's first. */
  retried: number;
  /** Records published and acknowledged. */
  published: number;
  /** Incarnations started after a defect. */
  restarts: number;
  /** Those of them that the watchdog wanted, as the partition was stuck. */
  watchdogRestarts: number;
  /** How long the slowest `receive` that had to be waited for, and came to an end, took of late, in milliseconds. */
  slowest: number;
  /** Records handled whose commit had not come when their partition was let go: the next owner handles them again. */
  handedOverUncommitted: number;
  /** Records at work that did not end in time when their partition was let go: the next owner handles them again. */
  cutShort: number;
  /** Positions that were set anew, as the log was no longer there or was another one. */
  positionResets: number;
  /** Records not received since the previous owner's offset map named them resolved. */
  knownResolved: number;
  /** Dead letters acknowledged, by reason. */
  readonly deadLetters: Record<DeadLetterReason, number>;
  /** Dead letters that could not be written yet: not zero means trouble. */
  deadLettersWaiting: number;
}

/** All zero. */
export function makeActorCounters(): ActorCounters {
  return {
    received: 0,
    done: 0,
    skipped: 0,
    ignored: 0,
    failed: 0,
    retried: 0,
    published: 0,
    restarts: 0,
    watchdogRestarts: 0,
    slowest: 0,
    handedOverUncommitted: 0,
    cutShort: 0,
    positionResets: 0,
    knownResolved: 0,
    deadLetters: { decode: 0, "retries-exhausted": 0, "killed-actor": 0, rejected: 0, quarantined: 0 },
    deadLettersWaiting: 0,
  };
}
