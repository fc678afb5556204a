/**
 * Actors that receive batches: one batch of a partition at a time. A record that fails gets a lane of its key, and is
 * received alone from then on; the later records of its key wait for it.
 * @module
 */
import { Cause, Effect } from "effect";
import type { Envelope } from "../context.ts";
import type { Outcome } from "../outcome.ts";
import { isOutcome } from "../outcome.ts";
import { type Answered, answered, failed, isPending } from "./answer.ts";
import type { Incarnation } from "./incarnation.ts";
import type { MessageContext } from "./message_context.ts";
import type { Item } from "./partition.ts";

/** Takes the next batch up; true if there may be more to do at once. */
export function takeBatch(incarnation: Incarnation): boolean {
  const { actor } = incarnation.partition;
  const items: Item[] = [];
  const batch: Array<Envelope<unknown> & { readonly context: MessageContext }> = [];
  while (items.length < actor.settings.batchSize) {
    const item = incarnation.next();
    if (item === null) break;
    if (incarnation.lanes.size > 0 && incarnation.park(item)) continue;
    const read = incarnation.read(item);
    if (read === null) continue;
    items.push(item);
    batch.push({ message: read.message, context: incarnation.contextOf(item) });
  }
  if (items.length === 0) return false;
  let result: unknown;
  let threw = false;
  const abort = new AbortController();
  try {
    result = actor.receiveBatch?.(
      batch,
      { ...incarnation.context, log: batch[0].context.log, signal: abort.signal } as never,
    );
  } catch (error) {
    result = error;
    threw = true;
  }
  const contexts = batch.map(({ context }) => context);
  if (threw || !isPending(result)) {
    settleBatch(incarnation, items, contexts, threw ? failed(result) : answered(result));
    return true;
  }
  incarnation.batching = true;
  incarnation.fork(
    incarnation.wait(items[0], result, () => abort.abort()).pipe(
      Effect.map((answer) => settleBatch(incarnation, items, contexts, answer)),
      Effect.ensuring(Effect.sync(() => {
        incarnation.batching = false;
        incarnation.wake();
      })),
    ),
  );
  return false;
}

function settleBatch(incarnation: Incarnation, items: Item[], contexts: MessageContext[], answer: Answered): void {
  const { counters } = incarnation.partition;
  if (answer._tag === "Defect") return incarnation.crash(answer.cause, items[0]);
  if (answer._tag === "Failed") {
    counters.failed++;
    items.forEach((item, i) => {
      contexts[i].abort();
      incarnation.partition.setAttempts(item.segment.records.offset(item.index), contexts[i].attempt);
      if (!incarnation.park(item)) incarnation.openLane(item, {});
    });
    return;
  }
  const outcomes = outcomesOf(answer, items.length);
  if (outcomes === null) {
    const detail = "receiveBatch must answer nothing, or one outcome (or undefined) per message";
    return incarnation.crash(Cause.die(new TypeError(`${incarnation.partition.actor.name}: ${detail}`)), items[0]);
  }
  items.forEach((item, i) => {
    const call = { context: contexts[i], result: undefined, threw: false };
    const outcome = outcomes[i];
    if (incarnation.lanes.size > 0 && incarnation.park(item)) return contexts[i].abort(); // received again, after the one that failed
    if (outcome === undefined) {
      const rest = incarnation.succeed(item, call);
      if (rest !== null) incarnation.openLane(item, { rest });
    } else {
      incarnation.openLane(item, { call, answer: { _tag: "Outcome", outcome } });
    }
  });
}

/** One outcome per message, or null where the answer fits nothing. */
function outcomesOf(answer: Answered, count: number): ReadonlyArray<Outcome | undefined> | null {
  if (answer._tag === "Outcome") return Array.from({ length: count }, () => answer.outcome);
  if (answer._tag !== "Done" || !Array.isArray(answer.value)) return Array.from({ length: count }, () => undefined);
  const { value } = answer;
  const fits = value.length === count && value.every((each) => each === undefined || isOutcome(each));
  return fits ? value : null;
}
