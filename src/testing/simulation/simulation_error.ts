/**
 * What a simulation has found.
 * @module
 */
import type { Course } from "./course.ts";
import { CALM, type Happening, inWords } from "./script.ts";

/** A schedule in which a promise was broken: what, what it takes, and how to see it again. */
export class SimulationError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "SimulationError";
  /** Printed in stack traces. */
  override readonly name = "SimulationError";
  /** `script` is what has to happen, in words; `trace` is all that did. */
  constructor(
    readonly seed: number,
    readonly violations: ReadonlyArray<string>,
    readonly script: ReadonlyArray<string>,
    readonly trace: ReadonlyArray<string>,
    headline: string,
  ) {
    super([
      headline,
      ...violations.slice(0, MOST).map((text) => `  ${text}`),
      ...more(violations, "violations"),
      "what it takes:",
      ...script.slice(0, MOST).map((line) => `  ${line}`),
      ...more(script, "lines"),
      `to see it again, with its trace: simulate({ …, seed: ${seed}, schedules: 1 })`,
    ].join("\n"));
  }
}

// Lines of each kind in a message.
const MOST = 20;

function more(list: ReadonlyArray<string>, what: string): ReadonlyArray<string> {
  return list.length > MOST ? [`  … and ${list.length - MOST} more ${what}`] : [];
}

/** A course's script, in words. */
export function scriptInWords({ script, messages, saved }: Course): ReadonlyArray<string> {
  const shown = (number: number) => {
    const { event, message } = messages[number];
    const text = message instanceof Uint8Array ? `${message.length} bytes` : JSON.stringify(message);
    return `${event.name} ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`;
  };
  const inTurmoil = (happening: Happening) => happening._tag !== "HandOver" && happening._tag !== "WriteInCalm";
  const inOrder = [
    ...script.filter(inTurmoil),
    ...saved ? [`at ${CALM} ms p0 starts`] : [],
    ...script.filter((happening) => !inTurmoil(happening)),
  ];
  return inOrder.map((line) => typeof line === "string" ? line : inWords(line, shown));
}
