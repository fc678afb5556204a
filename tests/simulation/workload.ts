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
import { Later } from "./later.ts";
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
  | "deaf" // at first it takes long, and goes on when it is told to end
  | "deadly" // dies at first
  | "skip"
  | "reject"
  | "later" // asks for itself again at first
  | "poison" // can't be decoded
  | "foreign"; // an event this actor does not receive

/** How a task is received: by a plain function, by an asynchronous one, or by one that returns an Effect. */
export type Style = "sync" | "async" | "effect";

/** A record of the topic `work`. */
export interface Task {
  readonly id: number;
  readonly key: string;
  readonly partition: number;
  readonly behaviour: Behaviour;
  /** What takes a while is an Effect where it would be "sync". */
  readonly style: Style;
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
/** Partitions of each, at first. */
export const PARTITIONS = 2;
/** Partitions of {@linkcode TASKS} when it has grown. */
export const GROWN = 3;

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

/** The process whose actor receives. */
export interface Host {
  readonly name: string;
  /** Runs something in it, in a while, unless it is killed. */
  readonly after: (ms: number, run: () => void) => void;
}

/** What a batch is received by: one task after the other, until one fails, which fails the batch. */
export function receiveBatch(
  observer: Observer,
  host: Host,
  batch: ReadonlyArray<Envelope<{ readonly id: number }>>,
): unknown {
  const received = Effect.forEach(batch, ({ message, context }) =>
    Effect.flatMap(
      Effect.try({ try: () => receive(observer, host, message.id, context), catch: (error) => error }),
      (answer) => {
        if (Effect.isEffect(answer)) return answer as Effect.Effect<unknown, unknown>;
        if (!(answer instanceof Later)) return Effect.succeed(answer);
        return Effect.callback<unknown, unknown>((resume) =>
          void answer.then((value) => resume(Effect.succeed(value)), (error) => resume(Effect.fail(error)))
        );
      },
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
  host: Host,
  id: number,
  context: Omit<ActorContext<never>, "resources">,
): unknown {
  const call = observer.began(host.name, id, context);
  const { task, number } = call;
  const { behaviour, pause, style } = task;
  const done = () => succeed(observer, call, context);
  const answer = (end: "skipped" | "rejected" | "later", outcome: unknown) => {
    observer.ended(call, end);
    return outcome;
  };
  const fail = () => {
    observer.ended(call, "failed");
    throw new Error("not this time");
  };
  const atFirst = number <= task.times;
  const now = (run: () => unknown) => {
    if (style === "sync") return run();
    return style === "async" ? whenDue(0, run) : watched(observer, call, attempt(run));
  };
  const afterwards = (run: () => unknown) =>
    style === "async"
      ? whenDue(pause, run)
      : watched(observer, call, Effect.andThen(Effect.sleep(pause), attempt(run)));
  /** As an asynchronous function does it, which nobody can interrupt: it is merely told. */
  const whenDue = (ms: number, run: () => unknown) => {
    told(observer, call, context);
    return new Later((resolve, reject) =>
      host.after(ms, () => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      })
    );
  };
  switch (behaviour) {
    case "slow":
      return afterwards(done);
    case "hopeless":
      return now(fail);
    case "flaky":
      return now(atFirst ? fail : done);
    case "faint":
      if (style === "async") return afterwards(atFirst ? fail : done);
      return watched(
        observer,
        call,
        Effect.andThen(Effect.sleep(pause), atFirst ? Effect.fail("faint") : Effect.sync(done)),
      );
    case "stuck":
      if (!atFirst) return now(done);
      if (style !== "async") return watched(observer, call, Effect.never);
      told(observer, call, context);
      return new Later(() => {});
    case "deaf":
      if (!atFirst) return now(done);
      if (style === "async") return whenDue(pause, done);
      return Effect.uninterruptible(Effect.suspend(() => {
        told(observer, call, context);
        observer.busy(pause);
        return Effect.andThen(Effect.sleep(pause), attempt(done));
      }));
    case "deadly":
      return atFirst ? watched(observer, call, Effect.andThen(Effect.yieldNow, Effect.die("deadly"))) : now(done);
    case "skip":
      return now(() => answer("skipped", skip()));
    case "reject":
      return now(() => answer("rejected", deadLetter("rejected")));
    case "later":
      // In a batch those behind it could not be left for later.
      return now(atFirst && !observer.habits.batches ? () => answer("later", retryAfter(pause)) : done);
    default:
      return now(done);
  }
}

/** As an Effect: what is thrown is a failure, and no defect. */
function attempt(run: () => unknown): Effect.Effect<unknown, unknown> {
  return Effect.try({ try: run, catch: (error) => error });
}

/** Late, this throws: what was given up publishes nothing. */
function succeed(observer: Observer, call: Call, context: Pick<ActorContext, "publish">): void {
  const { id, key, outputs, partition } = call.task;
  for (let part = 0; part < outputs; part++) {
    context.publish(Worked, { id, key, call: call.id, part }, { partition: partition % PARTITIONS });
  }
  observer.ended(call, "succeeded");
}

/** What goes on whatever becomes of it ends for the observer when it is given up. */
function told(observer: Observer, call: Call, { signal }: Pick<ActorContext, "signal">): void {
  call.begun = true;
  const interrupted = () => observer.ended(call, "interrupted");
  // An Effect that can't be interrupted may begin after that.
  if (signal.aborted) interrupted();
  else signal.addEventListener("abort", interrupted);
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
