/**
 * Damages recorded answers and looks at what the client makes of them.
 * @module
 */
import { decodeAssignment, decodeSubscription } from "../../src/client/group/subscription.ts";
import { Malformed } from "../../src/link/kafkajs/requests/reader.ts";
import type { Answer } from "../../src/link/protocol.ts";
import { readAnswer, readAnswers, type RecordedAnswer } from "./answers.ts";
import { type FetchCase, fetchCase, judge, type Verdict } from "./fetch_outcome.ts";
import { mutate, randomOf } from "./mutations.ts";

/** What to do. */
export interface FuzzOptions {
  readonly mutations: number;
  readonly seed: number;
  /** Whether each batch's CRC is checked. */
  readonly checkCrc: boolean;
  /** The index of the first mutation, to repeat one. Default: 0. */
  readonly first?: number;
}

/** What came of it. */
export interface Tally {
  /** Fetch answers by verdict. */
  readonly fetch: Record<Verdict, number>;
  /** Answers of the other APIs. There is no CRC in them: what can be read is either the same or another answer. */
  readonly others: { refused: number; same: number; another: number };
  /** Which mutations made a record that nobody has written. */
  readonly wrong: Array<number>;
  /** The longest time that one took, in ms, and which that was. */
  slowest: { ms: number; index: number };
}

/** Damages and reads. Throws whatever is neither an answer nor a refusal, with the mutation that led to it. */
export function fuzz({ mutations, seed, checkCrc, first = 0 }: FuzzOptions): Tally {
  const answers = readAnswers();
  const known = new Set<string>();
  const fetches = answers.filter(({ api }) => api === "Fetch").map((recorded) => fetchCase(recorded, known));
  const others = answers.filter(({ api }) => api !== "Fetch");
  const tally: Tally = {
    fetch: { same: 0, prefix: 0, refused: 0, error: 0, fewer: 0, more: 0, moved: 0, wrong: 0 },
    others: { refused: 0, same: 0, another: 0 },
    wrong: [],
    slowest: { ms: 0, index: -1 },
  };
  for (let index = first; index < first + mutations; index++) {
    const random = randomOf(seed, index);
    const splice = answers[random(answers.length)].payload;
    const start = performance.now();
    try {
      if (random(5) > 0) {
        const sent: FetchCase = fetches[random(fetches.length)];
        const verdict = judge(sent, mutate(sent.recorded.payload, sent.fields, splice, random), checkCrc, known);
        tally.fetch[verdict]++;
        if (verdict === "wrong") tally.wrong.push(index);
      } else {
        const recorded = others[random(others.length)];
        tally.others[reread(recorded, mutate(recorded.payload, [], splice, random))]++;
      }
    } catch (cause) {
      throw new Error(`mutation ${index} of seed ${seed}: ${cause}`, { cause });
    }
    const ms = performance.now() - start;
    if (ms > tally.slowest.ms) tally.slowest = { ms, index };
  }
  return tally;
}

function reread(recorded: RecordedAnswer, payload: Uint8Array): "refused" | "same" | "another" {
  let answer: unknown;
  try {
    answer = readAnswer(recorded, payload);
  } catch (error) {
    if (error instanceof Malformed) return "refused";
    throw error;
  }
  try {
    readInside(recorded, answer);
  } catch (error) {
    if (error instanceof RangeError) return "refused";
    throw error;
  }
  return text(answer) === text(readAnswer(recorded, recorded.payload)) ? "same" : "another";
}

/** What members tell each other inside of answers. Throws RangeError where it is none of that. */
function readInside({ api }: RecordedAnswer, answer: unknown): void {
  if (api === "JoinGroup") {
    (answer as Answer<"JoinGroup">).members.forEach(({ metadata }) => decodeSubscription(metadata));
  }
  if (api === "SyncGroup") decodeAssignment((answer as Answer<"SyncGroup">).assignment);
}

function text(answer: unknown): string {
  return JSON.stringify(
    answer,
    (_, value) => value instanceof Map ? [...value] : typeof value === "bigint" ? `${value}n` : value,
  );
}
