/**
 * Whose turn it is among the messages of a key in quarantine: the rule alone, of numbers. It holds whatever order, and
 * however often, letters come back in.
 *
 * A message keeps the offset at which its key's quarantine took it in, and the offset of the one before it (its
 * {@linkcode LetterTurn}). One is received only if the one before it was. So "served up to an offset" means that every message
 * of the key at or below it was received to its end, here or by an owner before: by induction, as whatever stood between
 * the two was done with when the letter was written.
 * @module
 */
import type { LetterTurn } from "../dead_letter/turn.ts";

/** What is known of a key in quarantine. */
export interface Served {
  /** Every message of the key up to this offset was received to its end. */
  readonly served: number;
  /** The last one whose letter is written; the key is free once it is served. */
  readonly last: number;
}

/** Whether a record is received, or becomes a letter behind the others. `turn` is null for one that has not come back. */
export function isServed({ served }: Served, offset: number, turn: LetterTurn | null): boolean {
  if (turn === null) return offset <= served; // it comes again after a commit that was lost
  return turn.at <= served || turn.after <= served;
}

/** Up to where a key is served once this record is received to its end. */
export function servedAfter(state: Served, turn: LetterTurn | null): number {
  return turn !== null && turn.at > state.served && turn.after <= state.served ? turn.at : state.served;
}

/**
 * The turn of a record that becomes a letter: one that has come back keeps its own. `state` is what holds for good: what
 * is served by a record that may be opened again does not count.
 */
export function turnOf({ served, last }: Served, offset: number, turn: LetterTurn | null): LetterTurn {
  if (turn !== null && turn.at > served) {
    // One from before a crash may come after a letter that was never stored. All that was before it is resolved here.
    return turn.after > last ? { at: turn.at, after: last } : turn;
  }
  if (served >= last) return { at: offset, after: -1 };
  // Where it has a letter already (a commit was lost) that one has the right turn, and this one comes after it.
  return { at: offset, after: last < offset ? last : offset - 1 };
}
