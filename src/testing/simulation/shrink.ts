/**
 * From a list that fails to a short one that still does: the delta debugging of A. Zeller and R. Hildebrandt,
 * "Simplifying and Isolating Failure-Inducing Input", IEEE Transactions on Software Engineering 28(2), 2002 (ddmin).
 * @module
 */

/** Settings of {@linkcode shrink}. */
export interface ShrinkOptions {
  /** How often `fails` is asked, at most. Default 500. */
  readonly tries?: number;
}

/**
 * Leaves pieces out as long as what remains still fails. `pieces` must fail and are not tried themselves. Where the tries
 * suffice, leaving out any single one of the result no longer fails.
 */
export function shrink<Piece>(
  pieces: ReadonlyArray<Piece>,
  fails: (pieces: ReadonlyArray<Piece>) => boolean,
  { tries = 500 }: ShrinkOptions = {},
): ReadonlyArray<Piece> {
  let smallest = pieces;
  const candidates = shorter(pieces);
  let next = candidates.next();
  for (let tried = 0; tried < tries && !next.done; tried++) {
    const failed = fails(next.value);
    if (failed) smallest = next.value;
    next = candidates.next(failed);
  }
  return smallest;
}

/**
 * The lists to try, one after the other: it wants to be told of each whether it fails. For whoever has to wait for that.
 */
export function* shorter<Piece>(
  pieces: ReadonlyArray<Piece>,
): Generator<ReadonlyArray<Piece>, void, boolean> {
  if (pieces.length > 1 && (yield [])) return;
  let parts = 2;
  while (pieces.length > 0) {
    const size = Math.ceil(pieces.length / parts);
    let shrunk = false;
    // From the end: what happens late is needed the least.
    for (let to = pieces.length; to > 0; to -= size) {
      const rest = [...pieces.slice(0, Math.max(0, to - size)), ...pieces.slice(to)];
      if (!(yield rest)) continue;
      pieces = rest;
      shrunk = true;
    }
    if (shrunk) parts = Math.max(2, Math.ceil(pieces.length / size));
    else if (size === 1) return;
    else parts = Math.min(pieces.length, 2 * parts);
  }
}
