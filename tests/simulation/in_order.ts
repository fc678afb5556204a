/**
 * Whether a task may be received: all earlier ones of its key are settled there, or resolved, whoever did that.
 * @module
 */
import type { Order } from "../../src/actor.ts";
import { type Call, type Known, name, type Owner } from "./known.ts";
import { KILLED_AFTER, RETRIES, type Task } from "./workload.ts";

/** What stands against receiving it now, in words; `log` is its partition's, `resolved` those nothing is left to do for. */
export function overtaken(
  { task, offset }: Known,
  owner: Owner,
  log: ReadonlyArray<Known>,
  order: Order,
  resolved: (known: Known) => boolean,
): ReadonlyArray<string> {
  const found: string[] = [];
  for (const earlier of log) {
    if (earlier.offset >= offset) break;
    const { behaviour } = earlier.task;
    if (!inLine(order, earlier.task, task) || behaviour === "poison" || resolved(earlier)) continue;
    // It is given up without being received once more, whoever counted that.
    if (earlier.deaths >= KILLED_AFTER) continue;
    const last = owner.calls.get(earlier.task.id);
    if (last !== undefined && isFinal(last, earlier)) continue;
    const state = last === undefined ? "was not received here" : last.end ?? "is being received";
    found.push(`${name({ task, offset })} is received, but ${name(earlier)} of the same key ${state}`);
  }
  return found;
}

/** Whether the order of these two is kept. */
export function inLine(order: Order, one: Task, other: Task): boolean {
  return order === "partition" ? one.partition === other.partition : order === "key" && one.key === other.key;
}

/** Whether that call was the last. */
function isFinal({ end }: Call, { failures }: Known): boolean {
  switch (end) {
    case "succeeded":
    case "skipped":
    case "rejected":
      return true;
    case "failed":
    case "interrupted":
      return failures > RETRIES;
    default:
      return false;
  }
}
