/**
 * A key in quarantine: how far it is served, and the letters that wait to be written.
 * @module
 */
import type { LetterTurn } from "../dead_letter/turn.ts";
import { Open, Resolved } from "./frontier.ts";
import type { Item } from "./partition.ts";
import { type Served, servedAfter, turnOf } from "./turns.ts";

/** A letter in a line. */
export interface QueuedLetter {
  /** Its record. */
  readonly item: Item;
  /** The turn its record came back with, if it did. */
  readonly came: LetterTurn | null;
  /** Its turn, once it may be written. */
  turn: LetterTurn | null;
  /** Whether all that came before it of its key is done with. */
  readonly ready: boolean;
  /** Puts it into the sender. */
  readonly offer: () => void;
  /** Its group is written: its record is resolved. */
  readonly resolve: () => void;
  /** It will not be written, or not be waited for: its record is open again. */
  readonly giveBack: () => void;
  /** Calls back soon, from a fiber. */
  readonly later: (go: () => void, ms: number) => void;
}

// Letters that are on their way together: one by one a busy key would hold up its partition.
const TOGETHER = 100;
// Milliseconds between two looks whether what came before a letter is acknowledged.
const LOOK = 20;

/**
 * See the module. Letters go in groups. A group's records are resolved together, and only then the next one goes: so what
 * is resolved ends at a letter that is written, with none before it that is not.
 */
export class LetterLine implements Served {
  readonly #letters: QueuedLetter[] = [];
  /** How many of them are on their way: the first so many. */
  #group = 0;
  /** How many of these are not acknowledged. */
  #left = 0;
  #looking = false;
  /** Those that have served it and are not resolved yet, with what was served before: they may be opened again. */
  readonly #recent: Array<{ readonly item: Item; readonly before: number }> = [];
  #served: number;
  #last: number;

  constructor(served: number, last: number) {
    this.#served = served;
    this.#last = last;
  }

  /** See {@linkcode Served}: as it looks now. */
  get served(): number {
    this.#look();
    return this.#served;
  }

  /** See {@linkcode Served}. */
  get last(): number {
    return this.#last;
  }

  /** The same without what may be opened again. */
  get forGood(): Served {
    this.#look();
    return { served: this.#recent[0]?.before ?? this.#served, last: this.#last };
  }

  /** Whether its messages are received as any other's. */
  get free(): boolean {
    return this.#letters.length === 0 && this.served >= this.#last;
  }

  /** Whether nothing has to be known of it any more. */
  get over(): boolean {
    return this.free && this.#recent.length === 0;
  }

  /** A record with this turn is received to its end. */
  serve(item: Item, turn: LetterTurn | null): void {
    const before = this.served;
    this.#served = servedAfter({ served: before, last: this.#last }, turn);
    if (this.#served > before) this.#recent.push({ item, before });
  }

  /** A letter joins; the first one goes at once. */
  join(letter: QueuedLetter): void {
    this.#letters.push(letter);
    this.#begin();
  }

  /** A letter is acknowledged. */
  written(): void {
    if (--this.#left > 0) return;
    const group = this.#letters.splice(0, this.#group);
    this.#group = 0;
    // First: who commits the records' offsets has to know of their key.
    for (const { turn } of group) this.#last = Math.max(this.#last, turn?.at ?? -1);
    for (const letter of group) letter.resolve();
    this.#letters[0]?.later(() => this.#begin(), 0); // not from within the sender's own call
  }

  /** A letter will not be written, and so none with or behind it. */
  leave(): void {
    this.#group = this.#left = 0;
    for (const letter of this.#letters.splice(0)) letter.giveBack();
  }

  /** Gives back the letters behind an offset that are not on their way. */
  giveBack(offset: number): void {
    const waiting = this.#letters.splice(this.#group);
    const stays = (letter: QueuedLetter) => offsetOf(letter.item) < offset;
    this.#letters.push(...waiting.filter(stays));
    for (const letter of waiting) if (!stays(letter)) letter.giveBack();
  }

  /** The next group goes, if none is on its way. */
  #begin(): void {
    if (this.#group > 0 || this.#letters.length === 0) return;
    let state = this.forGood;
    for (const letter of this.#letters) {
      // If what a message before it has published fails, that one is to be received again, and then this one.
      if (this.#group === TOGETHER || !letter.ready) break;
      letter.turn = turnOf(state, offsetOf(letter.item), letter.came);
      state = { ...state, last: Math.max(state.last, letter.turn.at) };
      this.#group++;
    }
    if (this.#group === 0) return this.#wait();
    this.#left = this.#group;
    // One that can't be sent gives back all of them.
    for (const letter of this.#letters.slice(0, this.#group)) if (this.#group > 0) letter.offer();
  }

  #wait(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#letters[0].later(() => {
      this.#looking = false;
      this.#begin();
    }, LOOK);
  }

  /** Looks what has become of those that have served it. */
  #look(): void {
    while (this.#recent.length > 0 && stateOf(this.#recent[0].item) === Resolved) this.#recent.shift();
    const open = this.#recent.findIndex(({ item }) => stateOf(item) === Open);
    if (open < 0) return;
    this.#served = this.#recent[open].before;
    this.#recent.length = open;
  }
}

function stateOf({ segment, index }: Item): number {
  return segment.state(index);
}

function offsetOf({ segment, index }: Item): number {
  return segment.records.offset(index);
}
