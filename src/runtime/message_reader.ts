/**
 * From a record to a message: which event it is, and what its value says.
 * @module
 */
import type { ActorDefinition } from "../actor.ts";
import type { Records } from "../codec/batch_decoder.ts";
import { z } from "zod";
import { DecodeError } from "../errors.ts";
import type { EventDefinition } from "../event.ts";

/** The record header that names the event. */
export const TYPE_HEADER = "type";

/** A record's event, or that this actor does not receive it. */
export interface ReadMessage {
  /** The event's type name; null where the actor does not receive it: the record is passed over. */
  type: string | null;
  /** The decoded message. */
  message: unknown;
}

/** Reads the records of one topic for one actor. */
export class MessageReader {
  readonly #events = new Map<string, EventDefinition>();
  readonly #received = new Set<string>();
  readonly #only: EventDefinition | undefined;

  /** `known` are all events of the system; those of other topics don't matter. */
  constructor(readonly actor: ActorDefinition, readonly topic: string, known: Iterable<EventDefinition>) {
    for (const event of known) if (event.topic === topic) this.#events.set(event.name, event);
    for (const event of actor.receives) if (event.topic === topic) this.#received.add(event.name);
    this.#only = this.#events.size === 1 ? [...this.#events.values()][0] : undefined;
  }

  /**
   * Reads record `index` into `into` (reused from record to record). Throws {@linkcode DecodeError} for a poison
   * record: no event's type, no value, not JSON, not what the schema says, or headers that can't be read.
   */
  read(records: Records, partition: number, index: number, into: ReadMessage): void {
    let type: string | undefined;
    try {
      type = records.hasHeaders(index) ? records.headerText(index, TYPE_HEADER) : undefined;
    } catch (cause) {
      throw this.#poison(records, partition, index, `headers that can't be read: ${textOf(cause)}`, cause);
    }
    const event = type === undefined ? this.#only : this.#events.get(type);
    if (event === undefined) throw this.#poison(records, partition, index, this.#noEvent(type));
    if (!this.#received.has(event.name)) {
      into.type = null;
      return;
    }
    into.type = event.name;
    if (event.schema === undefined) {
      const value = records.value(index);
      if (value === null) throw this.#poison(records, partition, index, "no value");
      into.message = value;
      return;
    }
    const text = records.valueText(index);
    if (text === null) throw this.#poison(records, partition, index, "no value");
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw this.#poison(records, partition, index, `not JSON: ${textOf(cause)}`, cause);
    }
    let parsed: z.ZodSafeParseResult<unknown>;
    try {
      parsed = event.schema.safeParse(json);
    } catch (cause) {
      // That every message will meet with: no record's fault.
      if (cause instanceof z.core.$ZodAsyncError) throw new TypeError(`${event.name}: its schema waits; it must not`);
      throw this.#poison(records, partition, index, `not a ${event.name}: its schema threw: ${textOf(cause)}`, cause);
    }
    if (!parsed.success) {
      const issues = parsed.error.issues.map(({ path, message }) =>
        `${path.map(String).join(".") || "(message)"}: ${message}`
      );
      throw this.#poison(records, partition, index, `not a ${event.name}: ${issues.join("; ")}`);
    }
    into.message = parsed.data;
  }

  #noEvent(type: string | undefined): string {
    const names = [...this.#events.keys()].join(", ");
    return type === undefined
      ? `no header "type", which a topic with several events needs (${names})`
      : `its type is ${JSON.stringify(type)}; known here: ${names}`;
  }

  #poison(records: Records, partition: number, index: number, detail: string, cause?: unknown): DecodeError {
    return new DecodeError(this.topic, partition, records.offset(index), detail, { cause });
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
