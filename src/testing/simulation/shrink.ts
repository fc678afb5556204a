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
 * The lists to try, one after the other, none twice: it wants to be told of each whether it fails. For whoever has to wait
 * for that.
 */
export function* shorter<Piece>(
  pieces: ReadonlyArray<Piece>,
): Generator<ReadonlyArray<Piece>, void, boolean> {
  const tried = new Set<string>();
  let left = pieces.map((_, at) => at);
  const isNew = (places: ReadonlyArray<number>) => tried.size < tried.add(places.join()).size;
  if (left.length > 1 && isNew([]) && (yield [])) return;
  let parts = 2;
  while (left.length > 0) {
    const size = Math.ceil(left.length / parts);
    let shrunk = false;
    // From the end: what happens late is needed the least.
    for (let to = left.length; to > 0; to -= size) {
      const rest = [...left.slice(0, Math.max(0, to - size)), ...left.slice(to)];
      if (!isNew(rest) || !(yield rest.map((at) => pieces[at]))) continue;
      left = rest;
      shrunk = true;
    }
    if (shrunk) parts = Math.max(2, Math.ceil(left.length / size));
    else if (size === 1) return;
    else parts = Math.min(left.length, 2 * parts);
  }
}
