/**
 * Contracts: what an event looks like on its topic.
 * @module
 */
import type { z } from "zod";
import { ConfigError } from "./errors.ts";
import { isTopicName } from "./topic_name.ts";

/** A record's key as an event gives it. */
export type EventKey = string | Uint8Array | null;

/** What {@linkcode event} takes. */
export interface EventOptions<Name extends string, Message> {
  /** The type name: in the past tense, as in `OrderCreated`. Travels in the record header `type`. */
  readonly name: Name;
  /** The topic the event stands on. A topic may hold several events. */
  readonly topic: string;
  /** What a message must be. Left out: the message is the record's value as bytes. Unknown fields are the schema's affair. */
  readonly schema?: z.ZodType<Message>;
  /** The key: events of one key stay in order. Left out: no key, spread over the partitions. */
  readonly key?: (message: Message) => EventKey;
}

/** An event's contract; made by {@linkcode event}, received by actors, published by anyone. */
export interface EventDefinition<Name extends string = string, Message = unknown> {
  /** Tells definitions apart. */
  readonly kind: "event";
  /** The type name. */
  readonly name: Name;
  /** The topic. */
  readonly topic: string;
  /** The schema, or undefined where the message is bytes. */
  readonly schema: z.ZodType<Message> | undefined;
  /** Whether the event declares a key. */
  readonly keyed: boolean;
  /** A message's key; null where the event declares none. */
  keyOf(message: Message): EventKey;
  /** A message as the record's value. */
  encode(message: Message): string | Uint8Array | null;
}

/** The message type of an event. */
export type MessageOf<Event> = Event extends EventDefinition<string, infer Message> ? Message : never;

/** An event with a schema, which is there to check what comes from outside before it is published. */
export interface SchemaEvent<Name extends string, Message> extends EventDefinition<Name, Message> {
  /** The schema. */
  readonly schema: z.ZodType<Message>;
}

/**
 * Defines an event.
 *
 * Publishing takes the type's word for a message and checks nothing: what comes from outside is checked before, with
 * `schema.safeParse`. What is received is checked always. It was JSON in between, so a schema that transforms must also
 * take what `JSON.stringify` makes of its own output: `z.coerce.date()` does, `z.string().transform(Number)` doesn't.
 *
 * Fails with {@linkcode ConfigError} where the name is empty, the topic's name is not one Kafka takes, or schema or key
 * are something else.
 *
 * @example
 * ```ts
 * import { event } from "@troupe/troupe";
 * import { z } from "zod";
 *
 * const OrderCreated = event({
 *   name: "OrderCreated",
 *   topic: "orders",
 *   schema: z.object({ id: z.string(), amount: z.number() }),
 *   key: (order) => order.id,
 * });
 * console.log(OrderCreated.keyOf({ id: "a-1", amount: 5 })); // a-1
 * ```
 */
export function event<const Name extends string, Message>(
  options: EventOptions<Name, Message> & { readonly schema: z.ZodType<Message> },
): SchemaEvent<Name, Message>;
/** An event without a schema: its messages are bytes. */
export function event<const Name extends string, Message = Uint8Array>(
  options: EventOptions<Name, Message>,
): EventDefinition<Name, Message>;
export function event<const Name extends string, Message>(
  options: EventOptions<Name, Message>,
): EventDefinition<Name, Message> {
  const { name, topic, schema, key } = options;
  if (typeof name !== "string" || name === "") throw new ConfigError("event.name", "expected a type name, got nothing");
  if (!isTopicName(topic)) {
    throw new ConfigError(
      `event ${name}.topic`,
      `expected 1 to 249 of the characters a-z A-Z 0-9 . _ -, got ${JSON.stringify(topic)}`,
    );
  }
  if (schema !== undefined && typeof schema?.safeParse !== "function") {
    throw new ConfigError(`event ${name}.schema`, "expected a zod schema, such as z.object({ … })");
  }
  if (key !== undefined && typeof key !== "function") {
    throw new ConfigError(`event ${name}.key`, "expected a function from a message to its key");
  }
  return {
    kind: "event",
    name,
    topic,
    schema,
    keyed: key !== undefined,
    keyOf: (message) => key === undefined ? null : key(message),
    encode: schema === undefined
      ? (message) => message as Uint8Array | null // without a schema the message type is bytes
      : (message) => JSON.stringify(message),
  };
}
