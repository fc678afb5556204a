/**
 * From a schedule that breaks a promise to the shortest that still breaks one.
 * @module
 */
import { shrink } from "../../src/testing/simulation/shrink.ts";
import { type Report, simulateOnly } from "./world.ts";

/** How many shorter ones are tried, at most. */
const TRIES = 600;

/** The numbers of the pieces that are enough, and what is violated then. */
export function shortest(
  { seed, script, pieces, violations }: Report,
): { readonly keep: ReadonlyArray<number>; readonly violations: ReadonlyArray<string> } {
  if (script === null) return { keep: pieces.map((_, number) => number), violations };
  const ran = (keep: ReadonlyArray<number>): ReadonlyArray<string> => {
    try {
      return simulateOnly(seed, script, keep.map((number) => pieces[number]), false).violations;
    } catch (error) {
      return [`thrown: ${error instanceof Error ? error.message : error}`];
    }
  };
  const all = pieces.map((_, number) => number);
  // Its requests go wrong by plan now, and no more by chance: the turns of fibers are others, and it may go well.
  if (ran(all).length === 0) return { keep: all, violations };
  const keep = shrink(all, (keep) => ran(keep).length > 0, { tries: TRIES });
  return { keep, violations: ran(keep) };
}
