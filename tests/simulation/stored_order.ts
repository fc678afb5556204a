/**
 * The order in which results stand in the log at the end. A task's results may be stored before those of an earlier one of
 * its key whose publish has failed for good; then they are stored once more, behind them.
 * @module
 */
import { inLine } from "./in_order.ts";
import { isGivenUp, type Known, name } from "./known.ts";
import type { Order } from "../../src/actor.ts";

/** See the module. */
export class StoredOrder {
  #count = 0;
  readonly #first = new Map<Known, number>();
  readonly #last = new Map<Known, number>();

  /** A result of this task stands in the log. */
  stored(known: Known): void {
    const at = ++this.#count;
    if (!this.#first.has(known)) this.#first.set(known, at);
    this.#last.set(known, at);
  }

  /** What stands before an earlier one for good, in words; `log` are the tasks of a partition. */
  misplaced(log: ReadonlyArray<Known>, order: Order): ReadonlyArray<string> {
    const found: string[] = [];
    for (const [at, earlier] of log.entries()) {
      const first = this.#first.get(earlier);
      if (first === undefined || isGivenUp(earlier)) continue;
      for (const later of log.slice(at + 1)) {
        const last = this.#last.get(later);
        if (last === undefined || last > first || !inLine(order, earlier.task, later.task)) continue;
        found.push(`the results of ${name(earlier)} stand behind all those of ${name(later)}`);
      }
    }
    return found;
  }
}
