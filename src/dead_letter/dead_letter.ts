/**
 * Dead letters: a record that could not be handled, byte for byte, with headers that say where it stood and why.
 * @module
 */
import type { ConsumerRecord, ProducerRecord } from "../record.ts";
import { headerText } from "../record.ts";
import { TURN_HEADER } from "./turn.ts";

/** Why a record became a dead letter. */
export type DeadLetterReason = "decode" | "retries-exhausted" | "killed-actor" | "rejected" | "quarantined";

/** What a dead letter says beside the record. */
export interface DeadLetterNote {
  /** The consumer group. */
  readonly group: string;
  /** The actor's name. */
  readonly actor: string;
  /** Why. */
  readonly reason: DeadLetterReason;
  /** The error's message. */
  readonly error: string;
  /** How often `receive` was called with it. */
  readonly attempts: number;
  /** Where its key is in quarantine: its turn, as a header's text. */
  readonly turn?: string;
}

// The limit of `dlt-error` in bytes: an error that quotes its message must not make the letter larger than the topic takes.
const ERROR_BYTES = 1024;
const text = new TextEncoder();

/**
 * The letter for `record`. It keeps the source's partition number, so that order per key survives; `bare` leaves out
 * what can be left out, for a record that is too large with it.
 */
export function deadLetterOf(
  record: ConsumerRecord,
  topic: string,
  note: DeadLetterNote,
  bare = false,
): ProducerRecord {
  const redrives = headerText(record.headers, "dlt-redrives") ?? "0";
  // One that came back before its turn was not tried again.
  const again = note.reason === "quarantined" && /^[1-9]\d*$/.test(redrives) ? String(Number(redrives) - 1) : redrives;
  const own: Array<[string, string]> = [
    ["dlt-topic", record.topic],
    ["dlt-partition", String(record.partition)],
    ["dlt-offset", String(record.offset)],
    ["dlt-timestamp", String(record.timestamp)],
    ["dlt-group", note.group],
    ["dlt-actor", note.actor],
    ["dlt-reason", note.reason],
    ["dlt-error", bare ? "" : cut(note.error)],
    ["dlt-attempts", String(note.attempts)],
    ["dlt-redrives", again],
  ];
  if (note.turn !== undefined) own.push([TURN_HEADER, note.turn]);
  return {
    topic,
    partition: record.partition,
    key: record.key,
    value: record.value,
    headers: [
      ...record.headers.filter(([name]) => !name.startsWith("dlt-")),
      ...own.map(([name, value]): [string, Uint8Array] => [name, text.encode(value)]),
    ],
  };
}

/** The first 1,024 bytes of a text, not cutting a character in two. */
function cut(error: string): string {
  const bytes = text.encode(error);
  if (bytes.length <= ERROR_BYTES) return error;
  return new TextDecoder().decode(bytes.subarray(0, ERROR_BYTES)).replace(/\uFFFD+$/, "");
}
