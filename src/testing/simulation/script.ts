/**
 * What happens in a schedule of a simulation: a list of happenings, each of which can be left out.
 * @module
 */
import { errorName } from "../../link/error_code.ts";
import type { Fault } from "../../link/embedded/faults.ts";
import type { ApiName } from "../../link/protocol.ts";
import type { Chance } from "./chance.ts";

/** What may go wrong, or change, while messages are handled. */
export type SimulatedFault = "crash" | "leave" | "broker" | "request";

/** Something that happens; times are virtual milliseconds. */
export type Happening =
  | { readonly _tag: "Start" | "Stop" | "Crash"; readonly at: number; readonly process: string }
  /** Killed right after a commit: the first from this time on. */
  | { readonly _tag: "CrashAfterCommit"; readonly at: number; readonly process: string }
  | { readonly _tag: "BrokerAway"; readonly at: number; readonly until: number }
  | { readonly _tag: "Write"; readonly at: number; readonly message: number }
  | {
    readonly _tag: "Fault";
    readonly process: string;
    readonly api: ApiName;
    /** Of the process's requests of this API, from 1. */
    readonly number: number;
    readonly fault: Fault;
  }
  /** When all is well again: one more process, and then the eldest leaves. */
  | { readonly _tag: "HandOver"; readonly process: string; readonly pauses: readonly [number, number, number] }
  /** A message that is written in the course of the hand-over. */
  | { readonly _tag: "WriteInCalm"; readonly message: number };

/** From here on nothing goes wrong any more, in virtual milliseconds. */
export const CALM = 3_000;

/** Bounds of what is drawn. */
export interface ScriptBounds {
  /** How many messages there are. */
  readonly messages: number;
  /** Processes that run at once. */
  readonly processes: readonly [least: number, most: number];
  /** What may go wrong. */
  readonly faults: ReadonlySet<SimulatedFault>;
}

/** Draws all but the faults of requests. */
export function drawScript(chance: Chance, { messages, processes: [least, most], faults }: ScriptBounds): Happening[] {
  const { between, oneOf } = chance;
  const inCalm = messages < 3 ? 0 : Math.floor(messages / 3);
  // Much at once, and then nothing for a while: work is under way whenever something else happens soon after.
  const bursts = Array.from({ length: between(1, 4) }, () => between(0, CALM - 1_000));
  const times = Array.from({ length: messages - inCalm }, () => oneOf(bursts) + between(0, 60)).sort((a, b) => a - b);
  const script: Happening[] = times.map((at, message) => ({ _tag: "Write", at, message }));

  const busy = () => Math.min(CALM - 1, oneOf(bursts) + between(0, oneOf([80, 400])));
  let names = 0;
  const alive: string[] = [];
  const start = (at: number) => {
    const process = `p${++names}`;
    alive.push(process);
    script.push({ _tag: "Start", at, process });
  };
  start(0);
  while (names < least) start(between(0, 1_000));
  const few = [0, 1, 1, 2, 3];
  const ends = [
    ...Array.from(
      { length: faults.has("crash") ? oneOf(few) : 0 },
      () => oneOf(["Crash", "CrashAfterCommit"] as const),
    ),
    ...Array.from({ length: faults.has("leave") ? oneOf(few) : 0 }, () => "Stop" as const),
  ].map((_tag) => ({
    _tag,
    at: _tag === "CrashAfterCommit"
      ? oneOf(bursts) + between(0, 40)
      : chance.next() < 0.3
      ? between(300, CALM - 1)
      : busy(),
  }));
  // Where one has ended another soon takes its place, most often.
  const starts = ends.filter(() => chance.next() < 0.7).map(({ at }) => at + between(20, 600));
  if (chance.next() < 0.5) starts.push(between(300, CALM - 1));
  const moves = [...ends, ...starts.filter((at) => at < CALM).map((at) => ({ _tag: "Start" as const, at }))];
  for (const { _tag, at } of moves.sort((a, b) => a.at - b.at)) {
    if (_tag === "Start") {
      if (alive.length < most) start(at);
    } else if (alive.length > 0) {
      const [process] = alive.splice(between(0, alive.length - 1), 1);
      script.push({ _tag, at, process });
    }
  }
  if (faults.has("broker") && chance.next() < 0.3) {
    const at = between(300, CALM - 100);
    script.push({ _tag: "BrokerAway", at, until: Math.min(CALM, at + between(50, 2_500)) });
  }
  script.sort((a, b) => timeOf(a) - timeOf(b));
  script.push({
    _tag: "HandOver",
    process: `p${++names}`,
    pauses: [between(0, 300), between(0, 800), between(0, 50)],
  });
  for (let message = times.length; message < messages; message++) script.push({ _tag: "WriteInCalm", message });
  return script;
}

function timeOf(happening: Happening): number {
  return "at" in happening ? happening.at : CALM;
}

/** A happening in words; `messages` says what a message is. */
export function inWords(happening: Happening, messages: (message: number) => string): string {
  switch (happening._tag) {
    case "Start":
      return `at ${happening.at} ms ${happening.process} starts`;
    case "Stop":
      return `at ${happening.at} ms ${happening.process} is told to stop`;
    case "Crash":
      return `at ${happening.at} ms ${happening.process} is killed`;
    case "CrashAfterCommit":
      return `${happening.process} is killed right after its first commit from ${happening.at} ms on`;
    case "BrokerAway":
      return `from ${happening.at} to ${happening.until} ms the broker is away`;
    case "Write":
      return `at ${happening.at} ms message ${happening.message} is published: ${messages(happening.message)}`;
    case "WriteInCalm":
      return `meanwhile message ${happening.message} is published: ${messages(happening.message)}`;
    case "HandOver":
      return `when all that is done, ${happening.process} starts, and then the eldest process is told to stop`;
    case "Fault": {
      const { process, api, number, fault } = happening;
      return `${api} request ${number} of ${process} ${fateOf(fault)}`;
    }
  }
}

function fateOf(fault: Fault): string {
  switch (fault._tag) {
    case "Refuse":
      return "meets a connection that ends";
    case "LoseAnswer":
      return "is applied, and its answer lost";
    case "Delay":
      return `is applied ${fault.ms} ms later`;
    case "Late":
      return `is answered ${fault.ms} ms late`;
    case "ErrorAnswer":
      return `is answered ${errorName(fault.code)}`;
    case "Never":
      return "is never answered";
  }
}
