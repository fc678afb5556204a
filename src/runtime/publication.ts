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

/** The record of `message`, with its type in a header. */
export function recordOf<Message>(
  event: EventDefinition<string, Message>,
  message: Message,
  options: PublishOptions | undefined,
  traceparent: string | undefined,
): ProducerRecord {
  const headers: Array<readonly [string, Uint8Array | null]> = [typeHeader(event.name)];
  if (traceparent !== undefined && options?.headers?.[TRACEPARENT_HEADER] === undefined) {
    headers.push([TRACEPARENT_HEADER, text.encode(traceparent)]);
  }
  for (const [name, value] of Object.entries(options?.headers ?? {})) {
    headers.push([name, typeof value === "string" ? text.encode(value) : value]);
  }
  return {
    topic: event.topic,
    partition: options?.partition,
    key: options?.key === undefined ? event.keyOf(message) : options.key,
    value: event.encode(message),
    headers,
    timestamp: options?.timestamp,
  };
}
