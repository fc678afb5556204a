/**
 * What a test looks for among the records that were written.
 * @module
 */
import type { EventDefinition } from "../event.ts";
import { type ConsumerRecord, headerText } from "../record.ts";
import type { LogReader } from "./log_reader.ts";

/** A message and the record that carries it. */
export interface Received<Message> {
  /** The decoded message. */
  readonly message: Message;
  /** Its record. */
  readonly record: ConsumerRecord;
}

/** A dead letter. */
export interface ReceivedDeadLetter {
  /** The letter as it stands in the dead-letter topic. */
  readonly record: ConsumerRecord;
  /** Why: "decode", "retries-exhausted", "killed-actor", "rejected" or "quarantined". */
  readonly reason: string;
  /** The error in words. */
  readonly error: string;
  /** How often `receive` was called with it. */
  readonly attempts: number;
}

/** What a test expected did not come, or what it did not expect came. */
export class ExpectationError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "ExpectationError";
  /** Printed in stack traces. */
  override readonly name = "ExpectationError";
}

const text = new TextDecoder();

/** All records, in the order they were written, and how far each event was looked at. */
export class WrittenRecords {
  readonly #records: ConsumerRecord[] = [];
  readonly #seen = new Map<EventDefinition, number>();

  /** Reads these logs. */
  constructor(private readonly reader: LogReader) {}

  /** The records of a topic. */
  records(topic: string): ReadonlyArray<ConsumerRecord> {
    this.#read();
    return this.#records.filter((record) => record.topic === topic);
  }

  /** Records of this event that no earlier `take` gave. */
  waiting(event: EventDefinition): number {
    this.#read();
    const from = this.#seen.get(event) ?? 0;
    return this.#records.slice(from).filter((record) => carries(record, event)).length;
  }

  /** The next `count` messages of this event. */
  take<Message>(event: EventDefinition<string, Message>, count: number): ReadonlyArray<Received<Message>> {
    const taken: Array<Received<Message>> = [];
    let at = this.#seen.get(event) ?? 0;
    for (; at < this.#records.length && taken.length < count; at++) {
      const record = this.#records[at];
      if (carries(record, event)) taken.push({ message: decode(event, record), record });
    }
    this.#seen.set(event, at);
    return taken;
  }

  /** What was written, in words. */
  summary(): string {
    this.#read();
    const counts = new Map<string, number>();
    for (const record of this.#records) {
      const { topic, headers } = record;
      const reason = headerText(headers, "dlt-reason");
      const letter = reason === undefined ? "" : ` (dead letter, ${reason}: ${headerText(headers, "dlt-error")})`;
      const line = `${topic}: ${headerText(headers, "type") ?? "no type"}${letter}`;
      counts.set(line, (counts.get(line) ?? 0) + 1);
    }
    if (counts.size === 0) return "nothing was written at all";
    return `written so far:\n${Array.from(counts, ([line, count]) => `  ${count} × ${line}`).join("\n")}`;
  }

  #read(): void {
    this.#records.push(...this.reader.read());
  }
}

/** Whether a record is one of this event. */
export function carries(record: ConsumerRecord, event: EventDefinition): boolean {
  if (record.topic !== event.topic) return false;
  const type = headerText(record.headers, "type");
  return type === undefined || type === event.name;
}

/** A record's message. Throws {@linkcode ExpectationError} where it is none. */
export function decode<Message>(event: EventDefinition<string, Message>, record: ConsumerRecord): Message {
  const { topic, partition, offset, value } = record;
  if (event.schema === undefined) return value as Message; // without a schema the message type is bytes
  try {
    return event.schema.parse(JSON.parse(text.decode(value ?? undefined)));
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new ExpectationError(`${topic}/${partition}@${offset} is no ${event.name}: ${detail}`, { cause });
  }
}

/** A record of a dead-letter topic, read. */
export function letterOf(record: ConsumerRecord): ReceivedDeadLetter {
  const { headers } = record;
  return {
    record,
    reason: headerText(headers, "dlt-reason") ?? "",
    error: headerText(headers, "dlt-error") ?? "",
    attempts: Number(headerText(headers, "dlt-attempts") ?? 0),
  };
}
