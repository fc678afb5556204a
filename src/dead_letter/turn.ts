/**
 * The turn of a dead letter whose key is in quarantine: behind which letter of its key it has to be received.
 * @module
 */

/** A place among the messages of a key. Both are offsets in the partition the message stood in first. */
export interface LetterTurn {
  /** Where the message stood when its key's quarantine took it in: it keeps this for as long as it comes and goes. */
  readonly at: number;
  /** The one before it: once that is received, this one may be. -1: nothing is waited for. */
  readonly after: number;
}

/** The header that carries a turn, in a letter and in the record that comes back. */
export const TURN_HEADER = "dlt-turn";

/** A turn as a header's text. */
export function turnText({ at, after }: LetterTurn): string {
  return `${at}/${after}`;
}

/** Reads a header's text; null for anything else. */
export function readTurn(text: string | undefined): LetterTurn | null {
  const found = /^(\d{1,15})\/(-1|\d{1,15})$/.exec(text ?? "");
  if (found === null) return null;
  const [at, after] = [Number(found[1]), Number(found[2])];
  return after < at ? { at, after } : null;
}
