/**
 * A planted bug: the simulation is tested by what it finds.
 * @module
 */

/** One replacement. */
export interface Edit {
  /** From the root of the project. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly old: string;
  /** What takes its place. */
  readonly new: string;
}

/** A bug, as a change of the product's text. */
export interface Plant {
  /** What is wrong, in words. */
  readonly name: string;
  /** The seed of a schedule that catches it; 0 where none is known yet. */
  readonly seed: number;
  /** What makes it. */
  readonly edits: ReadonlyArray<Edit>;
}

/** A bug of a single change. */
export function plant(name: string, seed: number, file: string, old: string, changed: string): Plant {
  return { name, seed, edits: [{ file, old, new: changed }] };
}
