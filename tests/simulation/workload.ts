/**
 * What the processes of a simulation have to do: tasks, and how receiving each of them goes.
 * @module
 */
import { Effect } from "effect";
import type { ActorContext, Envelope } from "../../src/context.ts";
import { event } from "../../src/event.ts";
import { deadLetter, isOutcome, retryAfter, skip } from "../../src/outcome.ts";
import { z } from "zod";
import type { Call } from "./known.ts";
import type { Observer } from "./observer.ts";

/** How receiving a task goes. `times` says how often it goes wrong first. */
export type Behaviour =
  | "plain" // succeeds at once, publishes nothing
  | "publish" // succeeds at once and publishes
  | "slow" // takes a while, then publishes
  | "flaky" // throws at first
  | "faint" // an Effect that fails at first, after a while
  | "hopeless" // fails always
  | "stuck" // does not end at first
  | "deadly" // dies at first
  | "skip"
  | "reject"
  | "later" // asks for itself again at first
  | "poison" // can't be decoded
  | "foreign"; // an event this actor does not receive

/** A record of the topic `work`. */
export interface Task {
  readonly id: number;
  readonly key: string;
  readonly partition: number;
  readonly behaviour: Behaviour;
  /** How often it goes wrong before it goes well. */
  readonly times: number;
  /** Records it publishes. */
  readonly outputs: number;
  /** Milliseconds that receiving it takes, where it takes any. */
  readonly pause: number;
}

/** The topic that is read. */
export const TASKS = "work";
/** The topic that is written. */
export const RESULTS = "out";
/** The topic of notes. */
export const NOTES = "notes";
/** The topic of dead letters. */
export const LETTERS = "work.dlt";
/** The group that all processes share. */
export const GROUP = "workers";
/** Partitions of each. */
export const PARTITIONS = 2;

/** How many times a message is received again after a failure. */
export const RETRIES = 2;
/** How many incarnations a record may end. */
export const KILLED_AFTER = 3;
/** After how long without a heartbeat a member is expelled. */
export const SESSION_TIMEOUT = 1_500;
/** How long a receive may take. */
export const RECEIVE_TIMEOUT = 500;
/** How many tasks are received at once, where they are received in batches, and how long that may take. */
export const BATCH = { size: 3, timeout: 1_100 };

/** A task as a message. */
export const Tasked = event({
  name: "Tasked",
  topic: TASKS,
  schema: z.object({ id: z.int(), key: z.string() }),
  key: (task) => task.key,
});
/** Something else on the same topic. */
export const Foreign = event({ name: "Foreign", topic: TASKS });
/** A result: which call of `receive` published it, and the how manieth of that call it is. */
export const Worked = event({
  name: "Worked",
  topic: RESULTS,
  schema: z.object({ id: z.int(), key: z.string(), call: z.int(), part: z.int() }),
  key: (result) => result.key,
});

/** What processes publish beside their actors, numbered in the order they do. */
export const Noted = event({
  name: "Noted",
  topic: NOTES,
  schema: z.object({ number: z.int() }),
  key: ({ number }) => `n${number % 3}`,
});

const encoder = new TextEncoder();

/** What a batch is received by: one task after the other, until one fails, which fails the batch. */
export function receiveBatch(
  observer: Observer,
  process: string,
  batch: ReadonlyArray<Envelope<{ readonly id: number }>>,
): unknown {
  const received = Effect.forEach(batch, ({ message, context }) =>
    Effect.flatMap(
      Effect.try({ try: () => receive(observer, process, message.id, context), catch: (error) => error }),
      (answer) => Effect.isEffect(answer) ? answer as Effect.Effect<unknown, unknown> : Effect.succeed(answer),
    ));
  return Effect.map(received, (answers) => answers.map((answer) => isOutcome(answer) ? answer : undefined));
}

/** A task's record: its type and its value. */
export function recordOf({ id, key, behaviour }: Task): { readonly type: string; readonly value: Uint8Array } {
  if (behaviour === "poison") return { type: "Tasked", value: encoder.encode(`{"id":${id}`) };
  return {
    type: behaviour === "foreign" ? "Foreign" : "Tasked",
    value: encoder.encode(JSON.stringify({ id, key })),
  };
}

/** Receives a task. The observer is told when that begins and how it ends. */
export function receive(
  observer: Observer,
  process: string,
  id: number,
  context: Omit<ActorContext<never>, "resources">,
): unknown {
  const call = observer.began(process, id, context);
  const { task, number } = call;
  const done = () => succeed(observer, call, context);
  const atFirst = number <= task.times;
  switch (task.behaviour) {
    case "slow":
      return watched(observer, call, Effect.andThen(Effect.sleep(task.pause), Effect.sync(done)));
    case "hopeless":
    case "flaky":
      if (task.behaviour === "flaky" && !atFirst) return done();
      observer.ended(call, "failed");
      throw new Error("not this time");
    case "faint":
      return watched(
        observer,
        call,
        Effect.andThen(Effect.sleep(task.pause), atFirst ? Effect.fail("faint") : Effect.sync(done)),
      );
    case "stuck":
      return atFirst ? watched(observer, call, Effect.never) : done();
    case "deadly":
      return atFirst ? watched(observer, call, Effect.andThen(Effect.yieldNow, Effect.die("deadly"))) : done();
    case "skip":
      observer.ended(call, "skipped");
      return skip();
    case "reject":
      observer.ended(call, "rejected");
      return deadLetter("rejected");
    case "later":
      // In a batch those behind it could not be left for later.
      if (!atFirst || observer.habits.batches) return done();
      observer.ended(call, "later");
      return retryAfter(task.pause);
    default:
      return done();
  }
}

function succeed(observer: Observer, call: Call, context: Pick<ActorContext<never>, "publish">): void {
  const { id, key, outputs } = call.task;
  for (let part = 0; part < outputs; part++) {
    context.publish(Worked, { id, key, call: call.id, part }, { partition: call.task.partition });
  }
  observer.ended(call, "succeeded");
}

/** Tells of the beginning, and of an end that is not a success. */
function watched<A, E>(observer: Observer, call: Call, effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
  const begun = Effect.suspend(() => {
    call.begun = true;
    return effect;
  });
  return Effect.onExit(begun, (exit) =>
    Effect.sync(() => {
      if (exit._tag === "Success") return;
      const died = exit.cause.reasons.some(({ _tag }) => _tag === "Die");
      const failed = exit.cause.reasons.some(({ _tag }) => _tag === "Fail");
      observer.ended(call, died ? "died" : failed ? "failed" : "interrupted");
    }));
}
