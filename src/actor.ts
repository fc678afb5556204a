/**
 * Actors: what to do with one message.
 * @module
 */
import { type Effect, Schedule, type Scope } from "effect";
import { z } from "zod";
import type { ActorContext, Envelope, Incarnation } from "./context.ts";
import { ConfigError } from "./errors.ts";
import type { EventDefinition, MessageOf } from "./event.ts";
import { parseOptions } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import { type RestartOptions, restartOptions, type RetryOptions, retryOptions, retrySchedule } from "./supervision.ts";
import { isTopicName } from "./topic_name.ts";

/** The events an actor receives. */
export type Events = readonly [EventDefinition, ...EventDefinition[]];

/** Receives the messages of an actor's only event. */
export type Receive<E extends Events, Resources, Out> = (
  message: MessageOf<E[number]>,
  context: ActorContext<Resources>,
) => Out;

/** A function per event, by type name: exhaustive. `Outs` are their results. */
export type ReceiveMap<E extends Events, Resources, Outs> =
  & {
    readonly [Name in keyof Outs]: (
      message: MessageOf<Extract<E[number], { readonly name: Name }>>,
      context: ActorContext<Resources>,
    ) => Outs[Name];
  }
  & { readonly [Name in E[number]["name"]]: unknown };

/** What `receiveBatch` answers: nothing (all done), or one outcome (or nothing) per message, in order. */
export type BatchOutcome = void | ReadonlyArray<Outcome | undefined | void>;

/** A value, a Promise of it, or an Effect that gives it. */
export type Answer<A> = A | PromiseLike<A> | Effect.Effect<A, unknown, unknown>;

/** The errors the Effects in a result may fail with; never for promises and plain values. */
export type ErrorOf<Out> = Out extends Effect.Effect<infer _A, infer E, infer _R> ? E : never;
/** The services the Effects in a result require. */
export type ServicesOf<Out> = Out extends Effect.Effect<infer _A, infer _E, infer R> ? Exclude<R, Scope.Scope> : never;
/** What an acquisition gives: awaited, or the Effect's value. */
export type Acquired<Out> = Out extends Effect.Effect<infer A, infer _E, infer _R> ? A : Awaited<Out>;

/** When messages of one partition may overtake one another. */
export type Order = "key" | "partition" | "none";

/** What becomes of a message whose retries are used up. */
export type OnFailure = "dead-letter" | "skip" | "stop";

/** The settings of an actor, apart from what it does. Each has a default. */
export interface ActorSettings {
  /** The consumer group. Default: the actor's name. */
  readonly group?: string;
  /** What keeps its order. Default: "key" where every event declares a key, else "partition". */
  readonly order?: Order;
  /** Messages in flight per partition, at most; one per key. Default 64. */
  readonly concurrency?: number;
  /** Records held per partition (waiting, in flight, or waiting for a retry) before fetching pauses. Default 5,000. */
  readonly mailboxCapacity?: number;
  /** The same in bytes. Default 8 MiB. */
  readonly mailboxBytes?: number;
  /** Milliseconds after which a `receive` counts as failed. Default 300,000. */
  readonly receiveTimeout?: number;
  /** When a failed message is received again: plain options, or any Schedule. */
  readonly retry?: RetryOptions | Schedule.Schedule<unknown>;
  /** How often a partition's actor may be restarted after a defect. */
  readonly restart?: RestartOptions;
  /** What becomes of a message whose retries are used up. Default "dead-letter". */
  readonly onFailure?: OnFailure;
  /** The dead-letter topic for records of `topic`. Default `<topic>.dlt`. */
  readonly deadLetterTopic?: (topic: string) => string;
  /**
   * Whether a key whose message became a dead letter is put into quarantine: its later messages become dead letters, too
   * (`quarantined`), in order, until its letters came back (`DeadLetters.redrive`) and were received. So no message of a
   * key overtakes another. For actors that receive message by message, in the order of keys; up to 128 keys per partition
   * at a time, then the system ends with the reason. Default false.
   */
  readonly quarantine?: boolean;
  /**
   * Where a group without a committed offset begins. Default "earliest". Partitions that are added, and topics that are
   * created again, after the group began are received from their beginning in either case.
   */
  readonly startFrom?: "earliest" | "latest";
  /**
   * What happens when the position is not in the log, most often because records were deleted below it: "fail" ends the
   * system with exit code 1, "earliest" and "latest" go on there with a warning that names what is skipped. Where the
   * cluster has lost the end of a log both go on at what is left. Default "fail": never skip in silence.
   */
  readonly outOfRange?: "fail" | "earliest" | "latest";
  /** Records per call of `receiveBatch`, at most. Default 500. */
  readonly batchSize?: number;
}

/** What every kind of actor has, apart from its `receive` or `receiveBatch`. */
export interface ActorOptions<E extends Events, Out> extends ActorSettings {
  /** The actor's name, unique in its system; the group's name unless `group` is set. */
  readonly name: string;
  /** The events it receives. All other events of their topics that the system knows are passed over. */
  readonly receives: E;
  /** Events it publishes: their topics are created at the start, and their types are known to be no poison. */
  readonly publishes?: ReadonlyArray<EventDefinition>;
  /**
   * What each incarnation works with: a value, a Promise or a scoped Effect. Released when the incarnation ends: an
   * Effect's finalizers, or the value's `Symbol.asyncDispose` or `Symbol.dispose`.
   */
  readonly resources?: (incarnation: Incarnation) => Out;
}

/** Receives many messages of one partition at once, in offset order. */
export type ReceiveBatch<E extends Events, Resources, Out> = (
  batch: ReadonlyArray<Envelope<MessageOf<E[number]>>>,
  context: BatchContext<Resources>,
) => Out;

/** What `receiveBatch` is given beside the batch. */
export type BatchContext<Resources> = Pick<
  ActorContext<Resources>,
  "actor" | "topic" | "partition" | "resources" | "signal" | "log" | "lease"
>;

/** A function that receives a message; its result is looked at when it comes. */
export type ReceiveFunction = (message: unknown, context: ActorContext<unknown>) => unknown;
/** The same for batches. */
export type ReceiveBatchFunction = (batch: ReadonlyArray<Envelope<unknown>>, context: never) => unknown;

/** An actor as the runtime sees it; made by {@linkcode actor}. `Failure` and `Services` are inferred from its functions. */
export interface ActorDefinition<Failure = unknown, Services = unknown> {
  /** Tells definitions apart. */
  readonly kind: "actor";
  /** The actor's name. */
  readonly name: string;
  /** The consumer group. */
  readonly group: string;
  /** The events it receives. */
  readonly receives: Events;
  /** The events it publishes. */
  readonly publishes: ReadonlyArray<EventDefinition>;
  /** A function per type name, or undefined for a batch actor. */
  readonly receive: ReadonlyMap<string, ReceiveFunction> | undefined;
  /** The batch function, or undefined. */
  readonly receiveBatch: ReceiveBatchFunction | undefined;
  /** Acquires an incarnation's resources. */
  readonly resources: ((incarnation: Incarnation) => unknown) | undefined;
  /** When to retry. */
  readonly retry: Schedule.Schedule<unknown>;
  /** How often to restart. */
  readonly restart: Required<RestartOptions>;
  /** The remaining settings, with their defaults. */
  readonly settings: Required<Omit<ActorSettings, "group" | "retry" | "restart">>;
  /** Only in the type: the errors its Effects fail with. */
  readonly "~failure"?: Failure;
  /** Only in the type: the services its Effects require. */
  readonly "~services"?: Services;
}

/** The services a tuple or array of actors requires. */
export type ServicesOfActors<Actors extends ReadonlyArray<ActorDefinition>> = Actors[number] extends infer A
  ? A extends ActorDefinition<infer _F, infer S> ? S : never
  : never;

const positive = z.int().min(1);

/** The default of `receiveTimeout`, in milliseconds. */
export const defaultReceiveTimeout = 300_000;

const settingsSchema = z.strictObject({
  order: z.enum(["key", "partition", "none"]),
  concurrency: positive.max(100_000).default(64),
  mailboxCapacity: positive.default(5_000),
  mailboxBytes: positive.default(8 * 1024 * 1024),
  receiveTimeout: positive.max(2 ** 31 - 1).default(defaultReceiveTimeout),
  onFailure: z.enum(["dead-letter", "skip", "stop"]).default("dead-letter"),
  deadLetterTopic: z.custom<(topic: string) => string>((f) => typeof f === "function", "expected a function")
    .default(() => (topic: string) => `${topic}.dlt`),
  quarantine: z.boolean("expected true or false").default(false),
  startFrom: z.enum(["earliest", "latest"]).default("earliest"),
  outOfRange: z.enum(["fail", "earliest", "latest"]).default("fail"),
  batchSize: positive.default(500),
});

/**
 * Defines an actor. Nothing runs until an `ActorSystem` is given it.
 *
 * What `receive` returns is the message's outcome: nothing, or any value, is done; `skip`, `retryAfter`, `deadLetter`
 * and `stop` are the other answers; a throw, a rejection or a failed Effect is a failure, retried by `retry`. It is called
 * as a plain function: bind a method that uses `this`. A Promise that never settles is a failure after `receiveTimeout`.
 *
 * Fails with {@linkcode ConfigError}, naming the field, where the definition can't work.
 *
 * @example
 * ```ts
 * import { actor, event } from "@troupe/troupe";
 * import { z } from "zod";
 *
 * const Paid = event({ name: "Paid", topic: "payments", schema: z.object({ id: z.string() }), key: (paid) => paid.id });
 *
 * const mailer = actor({
 *   name: "mailer",
 *   receives: [Paid],
 *   receive: async (paid, context) => {
 *     await Promise.resolve();
 *     context.log.info(`thank-you letter for ${paid.id}`);
 *   },
 * });
 * console.log(mailer.group); // mailer
 * ```
 */
export function actor<const Only extends EventDefinition, Out, Resources = undefined>(
  options: ActorOptions<readonly [Only], Resources> & {
    readonly receive: Receive<readonly [Only], Acquired<Resources>, Out>;
  },
): ActorDefinition<ErrorOf<Out> | ErrorOf<Resources>, ServicesOf<Out> | ServicesOf<Resources>>;
/** An actor that receives batches. */
export function actor<const E extends Events, Out extends Answer<BatchOutcome>, Resources = undefined>(
  options: ActorOptions<E, Resources> & { readonly receiveBatch: ReceiveBatch<E, Acquired<Resources>, Out> },
): ActorDefinition<ErrorOf<Out> | ErrorOf<Resources>, ServicesOf<Out> | ServicesOf<Resources>>;
/** An actor of several events: `receive` has a function for each, by its name. */
export function actor<const E extends Events, Outs, Resources = undefined>(
  options: ActorOptions<E, Resources> & { readonly receive: ReceiveMap<E, Acquired<Resources>, Outs> },
): ActorDefinition<
  ErrorOf<Outs[keyof Outs]> | ErrorOf<Resources>,
  ServicesOf<Outs[keyof Outs]> | ServicesOf<Resources>
>;
export function actor(options: AnyOptions): ActorDefinition {
  const { name, receives, publishes = [], receive, receiveBatch, resources, group, retry, restart, ...rest } = options;
  const field = (part: string) =>
    `actor ${typeof name === "string" && name !== "" ? name : "(without a name)"}.${part}`;
  if (typeof name !== "string" || name === "") throw new ConfigError(field("name"), "expected a name");
  if (!Array.isArray(receives) || receives.length === 0) {
    throw new ConfigError(field("receives"), "expected a list of at least one event");
  }
  for (const [list, events] of [["receives", receives], ["publishes", publishes]] as const) {
    const stray = events.findIndex((event: unknown) => !isEvent(event));
    if (stray >= 0) {
      // What a module imports in a circle is undefined for a while.
      throw new ConfigError(field(`${list}.${stray}`), `expected an event, got ${String(events[stray])}`);
    }
  }
  const names = receives.map((event) => event.name);
  const twice = names.find((each, at) => names.indexOf(each) !== at);
  if (twice !== undefined) throw new ConfigError(field("receives"), `${twice} is there twice`);
  if ((receive === undefined) === (receiveBatch === undefined)) {
    throw new ConfigError(field("receive"), "expected either receive or receiveBatch");
  }
  for (const [part, given] of [["receiveBatch", receiveBatch], ["resources", resources]] as const) {
    if (given !== undefined && typeof given !== "function") throw new ConfigError(field(part), "expected a function");
  }
  if (group !== undefined && (typeof group !== "string" || group === "")) {
    throw new ConfigError(field("group"), "expected a group id");
  }
  const keyed = receives.every((event) => event.keyed);
  const keyless = receives.find((event) => !event.keyed);
  if (rest.order === "key" && keyless !== undefined) {
    throw new ConfigError(field("order"), `order by key was asked for, but ${keyless.name} declares no key`);
  }
  const settings = parseOptions(
    settingsSchema,
    { order: keyed ? "key" : "partition", ...defined(rest) },
    `actor ${name}`,
  );
  if (settings.quarantine && (settings.order !== "key" || receiveBatch !== undefined)) {
    throw new ConfigError(field("quarantine"), 'it needs `receive`, and order by "key"');
  }
  for (const { topic } of receives) {
    const letters = settings.deadLetterTopic(topic);
    if (!isTopicName(letters) || letters === topic) {
      const expected = "expected a function to a topic other than the one it is given";
      throw new ConfigError(field("deadLetterTopic"), `${expected}, got ${JSON.stringify(letters)} for ${topic}`);
    }
  }
  return {
    kind: "actor",
    name,
    group: group ?? name,
    receives,
    publishes,
    receive: receive === undefined ? undefined : receiveByName(receive, names, field("receive")),
    receiveBatch,
    resources,
    retry: Schedule.isSchedule(retry)
      ? retry as Schedule.Schedule<unknown>
      : retrySchedule(parseOptions(retryOptions, retry ?? {}, field("retry"))),
    restart: parseOptions(restartOptions, restart ?? {}, field("restart")),
    settings,
  };
}

/** The overloads' common ground. */
type AnyOptions = Omit<ActorOptions<Events, unknown>, "receives"> & {
  readonly receives: Events;
  readonly receive?: unknown;
  readonly receiveBatch?: ReceiveBatchFunction;
};

function receiveByName(receive: unknown, names: ReadonlyArray<string>, field: string): Map<string, ReceiveFunction> {
  if (typeof receive === "function") {
    if (names.length > 1) {
      throw new ConfigError(field, `expected a function for each of ${names.join(", ")}, got one function`);
    }
    return new Map([[names[0], receive as ReceiveFunction]]);
  }
  if (typeof receive !== "object" || receive === null) throw new ConfigError(field, "expected functions by event name");
  const map = new Map(Object.entries(receive as Record<string, ReceiveFunction>));
  for (const name of names) {
    if (typeof map.get(name) !== "function") throw new ConfigError(`${field}.${name}`, "expected a function");
  }
  for (const name of map.keys()) {
    if (!names.includes(name)) {
      throw new ConfigError(`${field}.${name}`, `this actor receives ${names.join(", ")} only`);
    }
  }
  return map;
}

function isEvent(value: unknown): boolean {
  return typeof value === "object" && value !== null && (value as Partial<EventDefinition>).kind === "event";
}

/** An option given as undefined is an option left out. */
function defined(settings: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
