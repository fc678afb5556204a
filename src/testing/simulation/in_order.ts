/**
 * Whether a record may be received now: the order of its key.
 * @module
 */
import type { ActorDefinition } from "../../actor.ts";
import type { ConsumerRecord } from "../../record.ts";
import { type Call, keyOf, type Known, nameOf } from "./call.ts";

/**
 * What stands against this call, in words; `peers` are the records of its partition that were received. While one lease
 * lasts, records of a key are begun in the order of their offsets, each after the outcome of the last. After a publish that
 * failed for good those that succeeded come again.
 */
export function outOfOrder({ known, owner, batch }: Call, peers: Iterable<Known>): ReadonlyArray<string> {
  const { actor, record } = known;
  const found: string[] = [];
  const mine = (other: Known) => other.calls.findLast((call) => call.owner === owner);
  const last = mine(known);
  if (last !== undefined && last.end === null) found.push(`${nameOf(known)} is received twice at once`);
  const since = last?.endedBefore ?? 0;
  const unfinished = last === undefined || !["done", "skipped", "rejected"].includes(last.end ?? "");
  for (const other of peers) {
    const before = mine(other);
    if (other === known || before === undefined || !inLine(actor, other.record, record)) continue;
    const { offset } = other.record;
    if (offset < record.offset && before.end === null && (batch === null || before.batch !== batch)) {
      found.push(`${nameOf(known)} is received while ${nameOf(other)}, which is before it, is not done with`);
    }
    if (offset > record.offset && unfinished && before.id >= since) {
      found.push(`${nameOf(other)} was received before ${nameOf(known)} was done with (${last?.end ?? "not begun"})`);
    }
  }
  return found;
}

/** Whether the order of these two is kept. */
function inLine(actor: ActorDefinition, one: ConsumerRecord, other: ConsumerRecord): boolean {
  const { order } = actor.settings;
  if (order !== "key") return order === "partition";
  return one.key !== null && other.key !== null && keyOf(one) === keyOf(other);
}
