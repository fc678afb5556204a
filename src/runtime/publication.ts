/**
 * From a message to the record that carries it.
 * @module
 */
import type { PublishOptions } from "../context.ts";
import type { EventDefinition } from "../event.ts";
import type { ProducerRecord } from "../record.ts";
import { TYPE_HEADER } from "./message_reader.ts";

/** The record header of W3C Trace Context; passed on from the record that is received to those it causes. */
export const TRACEPARENT_HEADER = "traceparent";

const text = new TextEncoder();
const typeHeaders = new Map<string, readonly [string, Uint8Array]>();

function typeHeader(name: string): readonly [string, Uint8Array] {
  let header = typeHeaders.get(name);
  if (header === undefined) typeHeaders.set(name, header = [TYPE_HEADER, text.encode(name)]);
  return header;
}

/**
 * The record of `message`, with its type in a header. Throws TypeError where that is no record: here it fails the
 * message that publishes it, later it would fail the whole partition.
 */
export function recordOf<Message>(
  event: EventDefinition<string, Message>,
  message: Message,
  options: PublishOptions | undefined,
  traceparent: string | undefined,
): ProducerRecord {
  if (event?.kind !== "event") throw new TypeError(`publish: expected an event, got ${String(event)}`);
  if (message === undefined) throw refused(event, "message", expectedOf(event), message);
  const key = options?.key === undefined ? event.keyOf(message) : options.key;
  const partition = options?.partition;
  const timestamp = options?.timestamp;
  const value = event.encode(message);
  if (!isContent(key)) throw refused(event, "key", "text, bytes or null", key);
  if (!isContent(value)) {
    throw refused(event, "message", expectedOf(event), message);
  }
  if (partition !== undefined && !isCount(partition)) {
    throw refused(event, "partition", "a partition's number", partition);
  }
  if (timestamp !== undefined && !isCount(timestamp)) {
    throw refused(event, "timestamp", "whole milliseconds since 1970", timestamp);
  }
  const headers: Array<readonly [string, Uint8Array | null]> = [typeHeader(event.name)];
  if (traceparent !== undefined && options?.headers?.[TRACEPARENT_HEADER] === undefined) {
    headers.push([TRACEPARENT_HEADER, text.encode(traceparent)]);
  }
  for (const [name, value] of Object.entries(options?.headers ?? {})) {
    if (name === TYPE_HEADER) throw refused(event, `header ${name}`, "none, as the event's name stands there", value);
    if (!isContent(value)) throw refused(event, `header ${name}`, "text, bytes or null", value);
    headers.push([name, typeof value === "string" ? text.encode(value) : value]);
  }
  return { topic: event.topic, partition, key, value, headers, timestamp };
}

function expectedOf(event: { readonly schema: unknown }): string {
  return event.schema === undefined ? "bytes" : "what JSON can say";
}

function refused(event: { readonly name: string }, field: string, expected: string, got: unknown): TypeError {
  return new TypeError(`publish ${event.name}: ${field}: expected ${expected}, got ${String(got)}`);
}

function isContent(value: unknown): boolean {
  return typeof value === "string" || value === null || value instanceof Uint8Array;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
