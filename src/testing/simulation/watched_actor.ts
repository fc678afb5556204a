/**
 * An actor whose every call is told to a chronicle: what it is given, how the call ends, and which records come of it.
 * @module
 */
import { Effect, type Exit } from "effect";
import type { ActorDefinition, ReceiveBatchFunction, ReceiveFunction } from "../../actor.ts";
import type { ActorContext, Envelope, PublishOptions } from "../../context.ts";
import type { EventDefinition } from "../../event.ts";
import { isOutcome } from "../../outcome.ts";
import type { ConsumerRecord, RecordHeaders } from "../../record.ts";
import type { Call, End } from "./call.ts";
import type { Chronicle } from "./chronicle.ts";

/** The header that says which call has published a record, and as its how manieth: `7/0`. Actors don't see it. */
export const CALL_HEADER = "simulated-call";

/** The same actor, watched. */
export function watched(actor: ActorDefinition, process: string, chronicle: Chronicle): ActorDefinition {
  const { receive, receiveBatch } = actor;
  return {
    ...actor,
    receive: receive && new Map(
      Array.from(receive, ([type, call]) => [type, watchedReceive(actor, process, chronicle, call)] as const),
    ),
    receiveBatch: receiveBatch && watchedBatch(actor, process, chronicle, receiveBatch),
  };
}

function watchedReceive(
  actor: ActorDefinition,
  process: string,
  chronicle: Chronicle,
  receive: ReceiveFunction,
): ReceiveFunction {
  return (message, context) => {
    const call = chronicle.began(process, actor, context, null);
    const end = (end: End) => chronicle.ended(call, end);
    const stray = (goesOn: boolean) => void (call.stray = goesOn);
    return looked(() => receive(message, contextFor(call, context)), (value) => end(endOf(value)), end, stray, context);
  };
}

function watchedBatch(
  actor: ActorDefinition,
  process: string,
  chronicle: Chronicle,
  receive: ReceiveBatchFunction,
): ReceiveBatchFunction {
  return (batch, context: Pick<ActorContext, "signal">) => {
    const together = {};
    const calls = batch.map(({ context }) => chronicle.began(process, actor, context, together));
    const envelopes = batch.map(({ message, context }, at): Envelope<unknown> => ({
      message,
      context: contextFor(calls[at], context),
    }));
    const all = (end: End) => calls.forEach((call) => chronicle.ended(call, end));
    const done = (answer: unknown) =>
      calls.forEach((call, at) => chronicle.ended(call, endOf(Array.isArray(answer) ? answer[at] : undefined)));
    const stray = (goesOn: boolean) => calls.forEach((call) => call.stray = goesOn);
    return looked(() => receive(envelopes, context as never), done, all, stray, context);
  };
}

/** Calls, and tells how that ends: now, or when what it answers does. */
function looked(
  call: () => unknown,
  done: (value: unknown) => void,
  end: (end: End) => void,
  stray: (goesOn: boolean) => void,
  context: Pick<ActorContext, "signal">,
): unknown {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    end("failed");
    throw error;
  }
  if (Effect.isEffect(result)) {
    context.signal.addEventListener("abort", () => end("interrupted"));
    const effect = result as Effect.Effect<unknown, unknown>;
    return Effect.onExit(
      effect,
      (exit) => Effect.sync(() => exit._tag === "Success" ? done(exit.value) : end(why(exit))),
    );
  }
  if (isPromise(result)) {
    let pending = true;
    context.signal.addEventListener("abort", () => {
      end("interrupted");
      stray(pending);
    });
    return result.then((value) => {
      stray(pending = false);
      done(value);
      return value;
    }, (error) => {
      stray(pending = false);
      end("failed");
      throw error;
    });
  }
  done(result);
  return result;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as PromiseLike<unknown>).then === "function";
}

function why({ cause }: Exit.Failure<unknown, unknown>): End {
  const kinds = cause.reasons.map(({ _tag }) => _tag);
  return kinds.includes("Die") ? "died" : kinds.includes("Fail") ? "failed" : "interrupted";
}

function endOf(value: unknown): End {
  if (!isOutcome(value)) return "done";
  switch (value._tag) {
    case "Skip":
      return "skipped";
    case "DeadLetter":
      return "rejected";
    case "RetryAfter":
      return "later";
    case "Stop":
      return "stopped";
  }
}

/** The context, whose records carry the call's number; the number on what it was given is not shown. */
function contextFor<C extends Pick<ActorContext, "publish" | "headers" | "record">>(call: Call, context: C): C {
  const publish = <Message>(event: EventDefinition<string, Message>, message: Message, options?: PublishOptions) => {
    context.publish(event, message, {
      ...options,
      headers: { ...options?.headers, [CALL_HEADER]: `${call.id}/${call.outputs}` },
    });
    call.outputs++;
  };
  return new Proxy(context, {
    get: (target, name) => {
      if (name === "publish") return publish;
      if (name === "headers") return shown(target.headers);
      if (name === "record") {
        return { ...target.record, headers: shown(target.record.headers) } satisfies ConsumerRecord;
      }
      return Reflect.get(target, name, target);
    },
  });
}

/** Headers without ours. */
export function shown(headers: RecordHeaders): RecordHeaders {
  return headers.some(([name]) => name === CALL_HEADER) ? headers.filter(([name]) => name !== CALL_HEADER) : headers;
}
