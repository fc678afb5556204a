/**
 * Which dead letters are meant.
 * @module
 */
import { z } from "zod";
import type { DeadLetterReason } from "../dead_letter/dead_letter.ts";
import type { DeadLetter } from "../dead_letter/read_letter.ts";
import { oneOf } from "../options.ts";

/** Which dead letters: those for which all that is given holds. Default: all. */
export interface LetterFilter {
  /** Why they were given up; one of several. */
  readonly reason?: DeadLetterReason | ReadonlyArray<DeadLetterReason>;
  /** The record's key, as text or bytes; one of several. */
  readonly key?: string | Uint8Array | ReadonlyArray<string | Uint8Array>;
  /** The name of the actor that gave them up. */
  readonly actor?: string;
  /** Letters written at this time or later. */
  readonly since?: Date;
  /** Letters written before this time. */
  readonly until?: Date;
}

const reason = oneOf("decode", "retries-exhausted", "killed-actor", "rejected", "quarantined");
const key = z.union([z.string(), z.instanceof(Uint8Array)], "expected a text or bytes");

/** Checks a filter's fields. */
export const filterShape = {
  reason: z.union([reason, z.array(reason).min(1)], "expected a reason, or a list of them").optional(),
  key: z.union([key, z.array(key).min(1)], "expected a key, or a list of them").optional(),
  actor: z.string("expected an actor's name").min(1, "expected an actor's name").optional(),
  since: z.date("expected a Date").optional(),
  until: z.date("expected a Date").optional(),
} as const;

const encoder = new TextEncoder();

/** A key as a text that differs when the bytes differ. */
export function keyText(key: Uint8Array): string {
  let text = "";
  for (const byte of key) text += String.fromCharCode(byte);
  return text;
}

/** Tells whether a letter is meant. */
export function letterFilter({ reason, key, actor, since, until }: LetterFilter): (letter: DeadLetter) => boolean {
  const reasons = reason === undefined ? null : new Set<string>([reason].flat());
  const given = typeof key === "string" || key instanceof Uint8Array ? [key] : key;
  const bytesOf = (key: string | Uint8Array) => typeof key === "string" ? encoder.encode(key) : key;
  const keys = given === undefined ? null : new Set(given.map((each) => keyText(bytesOf(each))));
  return (letter) =>
    (reasons === null || reasons.has(letter.reason)) &&
    (actor === undefined || letter.actor === actor) &&
    (since === undefined || letter.timestamp >= since.getTime()) &&
    (until === undefined || letter.timestamp < until.getTime()) &&
    (keys === null || (letter.key !== null && keys.has(keyText(letter.key))));
}
