/**
 * Dead letters read back: what their headers say, and the record they were.
 * @module
 */
import {
  type ConsumerRecord,
  headerText,
  type ProducerRecord,
  type RecordHeaders,
  type TopicPartition,
} from "../record.ts";
import { type LetterTurn, readTurn, TURN_HEADER, turnText } from "./turn.ts";

/** A record as it stood where it could not be handled. */
export interface LetterSource extends TopicPartition {
  /** Its offset. */
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
}

/** A dead letter, and where it stands. */
export interface DeadLetter extends TopicPartition {
  /** The letter's offset in the dead-letter topic. */
  readonly offset: number;
  /** When it was written: milliseconds since 1970. */
  readonly timestamp: number;
  /** The record's key. */
  readonly key: Uint8Array | null;
  /** The record's value, byte for byte. */
  readonly value: Uint8Array | null;
  /** The record's own headers. */
  readonly headers: RecordHeaders;
  /** Where the record stood. */
  readonly source: LetterSource;
  /** The consumer group that gave it up. */
  readonly group: string;
  /** The actor that gave it up. */
  readonly actor: string;
  /** Why: "decode", "retries-exhausted", "killed-actor", "rejected" or "quarantined". */
  readonly reason: string;
  /** The error in words; may be cut, or missing. */
  readonly error: string;
  /** How often `receive` was called with it. */
  readonly attempts: number;
  /** How often it was redriven before. */
  readonly redrives: number;
  /** Its place among the letters of its key; null unless its actor has `quarantine`. */
  readonly turn: LetterTurn | null;
}

/** All our headers begin so; no other header of a record is touched. */
const OWN = "dlt-";
const encoder = new TextEncoder();

/** Reads a letter; null for a record that is none of ours. Its bytes are views, as the record's. */
export function readDeadLetter(record: ConsumerRecord): DeadLetter | null {
  const { headers } = record;
  const text = (name: string) => headerText(headers, `${OWN}${name}`);
  const number = (name: string, fallback?: string) => {
    const digits = text(name) ?? fallback ?? "";
    return /^-?\d{1,15}$/.test(digits) ? Number(digits) : NaN;
  };
  const [topic, reason] = [text("topic"), text("reason")];
  const [partition, offset, timestamp] = [number("partition"), number("offset"), number("timestamp")];
  const [attempts, redrives] = [number("attempts", "0"), number("redrives", "0")];
  const numbers = [partition, offset, attempts, redrives];
  if (!topic || !reason || Number.isNaN(timestamp) || !numbers.every((each) => each >= 0)) return null;
  return {
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    key: record.key,
    value: record.value,
    headers: headers.filter(([name]) => !name.startsWith(OWN)),
    source: { topic, partition, offset, timestamp },
    group: text("group") ?? "",
    actor: text("actor") ?? "",
    reason,
    error: text("error") ?? "",
    attempts,
    redrives,
    turn: readTurn(headerText(headers, TURN_HEADER)),
  };
}

/**
 * The record that goes back: key, value and headers as they were, and `dlt-redrives` one higher, which a letter it may
 * become again will carry on; of a key in quarantine also whose letter it was, and its turn. Its time is the time of its
 * return: brokers delete what is old.
 */
export function redrivenRecord(
  { key, value, headers, source, group, redrives, turn }: DeadLetter,
  partition: number,
): ProducerRecord {
  const own = [[`${OWN}redrives`, String(redrives + 1)]];
  if (turn !== null) own.push([`${OWN}group`, group], [TURN_HEADER, turnText(turn)]);
  return {
    topic: source.topic,
    partition,
    key,
    value,
    headers: [...headers, ...own.map(([name, value]) => [name, encoder.encode(value)] as const)],
  };
}
