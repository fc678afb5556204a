/**
 * Calling an actor's function with one message.
 * @module
 */
import { Effect } from "effect";
import type { ActorDefinition } from "../actor.ts";
import type { Envelope } from "../context.ts";
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
        : first(receiveBatch?.([{ message, context } as Envelope<unknown>], context as never));
      return { context, result, threw: false };
    } catch (error) {
      return { context, result: error, threw: true };
    }
  };
}

/** The only outcome of a batch of one, however it is answered. */
function first(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer[0];
  if (typeof answer === "object" && answer !== null) {
    if (Effect.isEffect(answer)) return Effect.map(answer as Effect.Effect<unknown>, first);
    if (typeof (answer as PromiseLike<unknown>).then === "function") {
      return (answer as PromiseLike<unknown>).then(first);
    }
  }
  return answer;
}
