/**
 * Calling an actor's function with one message.
 * @module
 */
import { Effect, Exit } from "effect";
import type { ActorDefinition } from "../actor.ts";
import type { Envelope } from "../context.ts";
import { isOutcome, type Outcome } from "../outcome.ts";
import { type IncarnationContext, MessageContext } from "./message_context.ts";
import type { Item } from "./partition.ts";

/** One call of `receive`. */
export interface Call {
  /** The message's context, with what it published. */
  readonly context: MessageContext;
  /** What the function returned, or threw. */
  readonly result: unknown;
  /** Whether it threw. */
  readonly threw: boolean;
}

/** Calls an actor's function with one message. */
export type Invoke = (item: Item, type: string, message: unknown, attempt: number) => Call;

/** How messages are given to an actor: to `receive`, or to `receiveBatch` as a batch of one. */
export function makeInvoke(actor: ActorDefinition, incarnation: IncarnationContext): Invoke {
  const { receive, receiveBatch } = actor;
  return ({ segment, index }, type, message, attempt) => {
    const context = new MessageContext(incarnation, segment.records, index, attempt);
    try {
      const result = receive !== undefined
        ? receive.get(type)?.(message, context)
        : first(actor.name, receiveBatch?.([{ message, context } as Envelope<unknown>], context as never));
      return { context, result, threw: false };
    } catch (error) {
      return { context, result: error, threw: true };
    }
  };
}

/** The only outcome of a batch of one, however it is answered. */
function first(actor: string, answer: unknown): unknown {
  if (Array.isArray(answer)) {
    const outcomes = outcomesIn(answer, 1);
    return outcomes === null ? misfit(actor) : outcomes[0];
  }
  if (typeof answer === "object" && answer !== null) {
    if (Effect.isEffect(answer)) {
      return Effect.map(answer as Effect.Effect<unknown>, (value) => first(actor, value));
    }
    if (typeof (answer as PromiseLike<unknown>).then === "function") {
      return (answer as PromiseLike<unknown>).then((value) => first(actor, value));
    }
  }
  return answer;
}

/** A batch's outcomes, one per message; null where the answer doesn't fit. */
export function outcomesIn(
  answer: ReadonlyArray<unknown>,
  count: number,
): ReadonlyArray<Outcome | undefined> | null {
  const fits = answer.length === count && answer.every((each) => each === undefined || isOutcome(each));
  return fits ? answer as ReadonlyArray<Outcome | undefined> : null;
}

/** The defect of an answer that doesn't fit. */
export function misfit(actor: string): Exit.Failure<never, never> {
  const detail = "receiveBatch must answer nothing, or an array with one outcome (or undefined) per message";
  return Exit.die(new TypeError(`${actor}: ${detail}`)) as Exit.Failure<never, never>;
}
