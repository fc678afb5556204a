/**
 * Which letters of a partition go back, and which stay, and why.
 * @module
 */
import { Effect } from "effect";
import type { AdminError } from "../admin/refusals.ts";
import type { DeadLetter } from "../dead_letter/read_letter.ts";
import type { TopicError } from "../errors.ts";
import { keyText } from "./letter_filter.ts";
import type { LeftLetter } from "./redrive_report.ts";
import { returnPartition } from "./return_address.ts";

/** What is asked of a redrive. */
export interface LetterChoiceRules {
  readonly meant: (letter: DeadLetter) => boolean;
  readonly maxRedrives: number;
  /** Whether letters in quarantine go although an earlier one of their key stays, or is lost. */
  readonly release: boolean;
  /** Partitions of the dead-letter topic. */
  readonly lettersCount: number;
  /** Partitions of a topic that letters go back to. */
  readonly partitionsOf: (topic: string) => Effect.Effect<number | TopicError, AdminError>;
}

/** A letter goes to this partition; or it was not meant; or it was, and stays. */
export type Choice =
  | { readonly goes: DeadLetter; readonly partition: number }
  | { readonly goes: null; readonly why: LeftLetter["why"] | null; readonly detail: string };

const NOT_MEANT: Choice = { goes: null, why: null, detail: "" };

/** For one reading, in its order. */
export class LetterChoice {
  /** Keys of which a letter could not be sent: the later ones stay behind it. */
  readonly #stuck = new Set<string>();
  /** Keys in quarantine of which a letter stays: the later ones would only become letters again. */
  readonly #kept = new Set<string>();

  /** `first` has the least turn of each key whose letters go, where they are to be released. */
  constructor(private readonly rules: LetterChoiceRules, private readonly first: ReadonlyMap<string, number>) {}

  /** What becomes of a letter. */
  readonly of: (letter: DeadLetter) => Effect.Effect<Choice, AdminError> = Effect.fnUntraced(
    function* (this: LetterChoice, letter: DeadLetter) {
      const choice = yield* this.#of(letter);
      if (choice.goes === null && letter.turn !== null) this.#kept.add(lineText(letter));
      return choice;
    },
  );

  /** A letter could not be sent. */
  failed({ key }: DeadLetter): void {
    if (key !== null) this.#stuck.add(keyText(key));
  }

  /** Whether an earlier letter of its key could not be sent. */
  isBehindFailed({ key }: DeadLetter): boolean {
    return key !== null && this.#stuck.has(keyText(key));
  }

  readonly #of = Effect.fnUntraced(
    function* (this: LetterChoice, letter: DeadLetter): Effect.fn.Return<Choice, AdminError> {
      const { rules } = this;
      const { source, redrives, turn } = letter;
      if (!rules.meant(letter)) return NOT_MEANT;
      if (redrives >= rules.maxRedrives) {
        const times = redrives === 1 ? "once" : `${redrives} times`;
        return stays("redriven-too-often", `it was redriven ${times}, and became a dead letter each time`);
      }
      if (this.isBehindFailed(letter)) return BEHIND_FAILED;
      if (turn !== null && !rules.release && this.#kept.has(lineText(letter))) {
        return stays("behind", "its key is in quarantine, and an earlier letter of it stays");
      }
      const count = yield* rules.partitionsOf(source.topic);
      if (typeof count !== "number") return stays("not-sent", count.message);
      const released = turn !== null && this.first.get(lineText(letter)) === turn.at;
      const goes = released ? { ...letter, turn: { at: turn.at, after: -1 } } : letter;
      return { goes, partition: returnPartition(letter, rules.lettersCount, count) };
    },
  );
}

/** A text for all letters of one key, and of one group: each group has its own quarantine. */
export function lineText({ group, key, source }: DeadLetter): string {
  return `${group}\n${source.topic}/${source.partition}\n${key === null ? "" : keyText(key)}`;
}

/** Why the letters of a key stay behind one that could not be sent. */
export const BEHIND_FAILED: Choice & { readonly goes: null } = {
  goes: null,
  why: "not-sent",
  detail: "an earlier letter of its key could not be sent",
};

function stays(why: LeftLetter["why"], detail: string): Choice {
  return { goes: null, why, detail };
}
