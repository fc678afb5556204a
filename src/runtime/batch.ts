/**
 * Actors that receive batches: one batch of a partition at a time. When a batch fails its records are received again,
 * each alone, so that the one to blame is found; where one record's outcome is to be received again, the later ones
 * of its key are received again after it.
 * @module
 */
import { Effect } from "effect";
import type { Envelope } from "../context.ts";
import type { Outcome } from "../outcome.ts";
import { type Answered, answered, failed, isPending } from "./answer.ts";
import type { Incarnation } from "./incarnation.ts";
import { type Call, misfit, outcomesIn } from "./invoke.ts";
import type { MessageContext } from "./message_context.ts";
import type { Item } from "./partition.ts";
import { placeOf } from "./reports.ts";
import { messageOf, noteAttempt } from "./settlement.ts";

/** A batch that was received. */
interface Batch {
  /** Its records. */
  readonly items: ReadonlyArray<Item>;
  /** Their contexts. */
  readonly contexts: ReadonlyArray<MessageContext>;
}

const done: Answered = { _tag: "Done", value: undefined };

/** Takes the next batch up; true if there may be more to do at once. */
export function takeBatch(incarnation: Incarnation): boolean {
  const { actor } = incarnation.partition;
  const items: Item[] = [];
  const envelopes: Array<Envelope<unknown> & { readonly context: MessageContext }> = [];
  while (items.length < actor.settings.batchSize) {
    const item = incarnation.next();
    if (item === null) break;
    if (incarnation.lanes.park(item)) continue;
    const read = incarnation.read(item);
    if (read === null) continue;
    items.push(item);
    envelopes.push({ message: read.message, context: incarnation.contextOf(item) });
  }
  if (items.length === 0) return false;
  const batch: Batch = { items, contexts: envelopes.map(({ context }) => context) };
  const abort = new AbortController();
  const context = { ...incarnation.context, log: envelopes[0].context.log, signal: abort.signal };
  let result: unknown;
  try {
    result = actor.receiveBatch?.(envelopes, context as never);
  } catch (error) {
    settleBatch(incarnation, batch, failed(error));
    return true;
  }
  if (!isPending(result)) {
    settleBatch(incarnation, batch, answered(result));
    return true;
  }
  const giveUp = () => {
    abort.abort();
    for (const context of batch.contexts) context.abort();
  };
  noteAttempts(incarnation, batch);
  incarnation.batching = true;
  incarnation.fork(
    incarnation.waitFor(items[0], result, giveUp).pipe(
      Effect.map((answer) => settleBatch(incarnation, batch, answer)),
      Effect.ensuring(Effect.sync(() => {
        incarnation.batching = false;
        incarnation.wake();
      })),
    ),
  );
  return false;
}

function noteAttempts(incarnation: Incarnation, { items, contexts }: Batch): void {
  items.forEach((item, i) => noteAttempt(incarnation, item, contexts[i]));
}

function settleBatch(incarnation: Incarnation, batch: Batch, answer: Answered): void {
  const { items, contexts } = batch;
  const abort = () => contexts.forEach((context) => context.abort());
  if (incarnation.over) return abort();
  if (answer._tag === "Failed") {
    abort();
    incarnation.partition.counters.failed++;
    noteAttempts(incarnation, batch);
    const { error } = answer;
    const text = () => `receiveBatch failed, its messages come again one by one: ${messageOf(error)}${placeOf(error)}`;
    incarnation.reports.warn("batch", contexts[0].offset, text);
    return incarnation.receiveAlone(items);
  }
  const outcomes = outcomesOf(answer, items.length);
  if (outcomes === null) {
    abort();
    noteAttempts(incarnation, batch);
    const cause = answer._tag === "Defect" ? answer.cause : misfit(incarnation.partition.actor.name).cause;
    // Which record it was is not known yet, unless there is but one: the next incarnation receives them alone.
    return incarnation.crash(cause, items.length === 1 ? items[0] : undefined);
  }
  for (let i = 0; i < items.length; i++) {
    if (incarnation.over) return abort();
    settleOne(incarnation, items[i], { context: contexts[i], result: undefined, threw: false }, outcomes[i]);
  }
}

function settleOne(incarnation: Incarnation, item: Item, call: Call, outcome: Outcome | undefined): void {
  const answer: Answered = outcome === undefined ? done : { _tag: "Outcome", outcome };
  const lane = incarnation.lanes.of(item);
  if (lane === undefined) return incarnation.settle(item, call, answer);
  if (lane.retries) {
    noteAttempt(incarnation, item, call.context);
    call.context.abort();
    lane.parked.push({ item, start: {} });
    return;
  }
  // The lane only waits for room in the sender: this one's outcome stands, and follows.
  lane.parked.push({ item, start: { call, answer } });
  if (outcome?._tag === "RetryAfter") lane.retries = true;
}

/** One outcome per message, or null where there are none. */
function outcomesOf(answer: Answered, count: number): ReadonlyArray<Outcome | undefined> | null {
  if (answer._tag === "Outcome") return Array.from({ length: count }, () => answer.outcome);
  if (answer._tag !== "Done") return null;
  return Array.isArray(answer.value) ? outcomesIn(answer.value, count) : Array.from({ length: count }, () => undefined);
}
