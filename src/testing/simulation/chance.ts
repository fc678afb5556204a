/**
 * What a schedule draws from its seed.
 * @module
 */

/** Draws from a seed: the same in every run of a schedule. */
export interface Chance {
  /** A number in [0, 1). */
  readonly next: () => number;
  /** A whole number, both ends included. */
  readonly between: (from: number, to: number) => number;
  /** One of a list, each as likely as the others. */
  readonly oneOf: <A>(choices: ReadonlyArray<A>) => A;
}

/** Draws by these numbers in [0, 1). */
export function chanceOf(next: () => number): Chance {
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return { next, between, oneOf: (choices) => choices[between(0, choices.length - 1)] };
}
