/**
 * What is known of a record as an actor has to see to it, and of each call of `receive`.
 * @module
 */
import type { ActorDefinition } from "../../actor.ts";
import type { ConsumerRecord } from "../../record.ts";

/** How a call of `receive` ended. "crashed": its process was killed. */
export type End =
  | "done"
  | "skipped"
  | "rejected"
  | "later"
  | "stopped"
  | "failed"
  | "died"
  | "interrupted"
  | "crashed";

/** One call of `receive`. */
export interface Call {
  /** Of all calls of the schedule, in the order they began. */
  readonly id: number;
  readonly known: Known;
  readonly process: string;
  /** One lease: one process's time with the partition. */
  readonly owner: object;
  /** What it was received together with, or null. */
  readonly batch: object | null;
  readonly attempt: number;
  readonly began: number;
  end: End | null;
  ended: number;
  /** How many calls had begun when it ended. */
  endedBefore: number;
  /** Whether its Promise goes on although it was given up. */
  stray: boolean;
  /** Records it has published. */
  outputs: number;
  /** Those of them that stand in the log. */
  readonly stored: Set<string>;
}

/** A record as an actor has to see to it. */
export interface Known {
  readonly actor: ActorDefinition;
  readonly record: ConsumerRecord;
  readonly calls: Call[];
  letters: number;
}

const text = new TextDecoder();

/** A record's key as text. */
export function keyOf({ key }: ConsumerRecord): string | null {
  return key === null ? null : text.decode(key);
}

/** The partition as this actor sees to it, in words. */
export function placeOf({ actor, record: { topic, partition } }: Known): string {
  return `${actor.name} ${topic}/${partition}`;
}

/** A record's place, in words. */
export function nameOf(known: Known): string {
  const key = keyOf(known.record);
  return `${placeOf(known)}@${known.record.offset}${key === null ? "" : ` (key ${key})`}`;
}

/** A record's place and what became of it, in words. */
export function stateOf(known: Known): string {
  const last = known.calls.at(-1);
  if (last === undefined) return `${nameOf(known)}, which was never received`;
  if (last.end === null) return `${nameOf(known)}, which ${last.process} is at since ${last.began} ms`;
  if (last.end === "done") return `${nameOf(known)}, whose ${last.outputs - last.stored.size} records are not stored`;
  return `${nameOf(known)}, received ${known.calls.length} times, last by ${last.process}: ${last.end}`;
}
