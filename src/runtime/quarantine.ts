/**
 * Keys whose message became a dead letter: their later messages follow it, in order, until the letters have come back and
 * were received. The rule is that of turns; here is who is where: what is served only until a publication fails, which
 * letters wait to be written, what the next owner has to know.
 * @module
 */
import { crc32c } from "../codec/crc32c.ts";
import { murmur2 } from "../codec/murmur2.ts";
import { type LetterTurn, readTurn, TURN_HEADER } from "../dead_letter/turn.ts";
import { CorruptRecordError } from "../errors.ts";
import { Open, Resolved } from "./frontier.ts";
import type { Item } from "./partition.ts";
import { isServed, type Served, servedAfter, turnOf } from "./turns.ts";

/** What is kept of a key, from owner to owner. */
export interface QuarantinedKey extends Served {
  /** 16 hex digits that stand for the key. */
  readonly key: string;
}

/** A letter among those of its key, which are written one by one: one that is refused is not overtaken. */
export interface QueuedLetter {
  /** Its record. */
  readonly item: Item;
  /** Whether it is on its way. */
  readonly sent: boolean;
  /** Its turn to be written has come; does so later, from a fiber. */
  readonly begin: () => void;
  /** It will not be written: its record is open again. */
  readonly giveBack: () => void;
}

/** Keys in quarantine per partition, at most: what is kept of them has to fit a commit's metadata. */
export const MOST_KEYS = 128;

/** The keys of one partition. */
export class Quarantine {
  readonly #keys = new Map<string, Line>();

  /** `group` is the actor's; `kept` is what the owner before has left. */
  constructor(private readonly group: string, kept: ReadonlyArray<QuarantinedKey> = []) {
    for (const { key, served, last } of kept) this.#keys.set(key, new Line(served, last));
  }

  /** Keys that are not free. */
  get size(): number {
    let size = 0;
    for (const line of this.#keys.values()) if (!line.free) size++;
    return size;
  }

  /**
   * The offset of the message a record has to follow; null where it may be received. One that is passed over otherwise is
   * no concern of it, unless it has come back: it has its turn.
   */
  follows(item: Item, received: boolean): number | null {
    const line = this.#lineOf(item);
    if (line === undefined || line.free) return null;
    const turn = this.#turn(item);
    if ((turn === null && !received) || isServed(line, offsetOf(item), turn)) return null;
    return turn?.after ?? Math.max(line.last, line.served);
  }

  /** Whether there is no room for the key of a record that is to become a letter. */
  full(item: Item): boolean {
    if (this.#keys.size < MOST_KEYS || keyOf(item) === null || this.#lineOf(item) !== undefined) return false;
    for (const [key, line] of this.#keys) if (line.over) this.#keys.delete(key);
    return this.#keys.size >= MOST_KEYS;
  }

  /** Whether a record's key is in quarantine. */
  has(item: Item): boolean {
    return this.#lineOf(item)?.free === false;
  }

  /** A record's outcome stands, and it is no letter. Answers whether that has set its key free. */
  done(item: Item): boolean {
    const line = this.#lineOf(item);
    if (line === undefined) return false;
    const before = line.free;
    line.serve(item, this.#turn(item));
    if (line.over) this.#keys.delete(keyOf(item) ?? "");
    return !before && line.free;
  }

  /** The line in which a record's letter stands; null for a record without a key. */
  line(item: Item): Line | null {
    const key = keyOf(item);
    if (key === null) return null;
    const known = this.#keys.get(key);
    if (known !== undefined && !known.over) return known;
    // All before it is done with, or is waited for: see `Letter`.
    const line = new Line(offsetOf(item) - 1, offsetOf(item) - 1);
    this.#keys.set(key, line);
    return line;
  }

  /** The turn with which a record's letter is written. */
  turnOf(item: Item, line: Line): LetterTurn {
    return turnOf(line.forGood, offsetOf(item), this.#turn(item));
  }

  /** A record is open again, whose publication has failed: the letters that wait behind it are given back. */
  reopened(item: Item): void {
    const line = this.#lineOf(item);
    if (line !== undefined) line.giveBack(offsetOf(item));
  }

  /** What the next owner has to know. */
  keys(): ReadonlyArray<QuarantinedKey> {
    const kept: QuarantinedKey[] = [];
    for (const [key, line] of this.#keys) {
      if (line.over) this.#keys.delete(key);
      const { served, last } = line.forGood;
      if (served < last) kept.push({ key, served, last });
    }
    return kept;
  }

  #lineOf(item: Item): Line | undefined {
    if (this.#keys.size === 0) return undefined;
    const key = keyOf(item);
    return key === null ? undefined : this.#keys.get(key);
  }

  /** The turn of a record that has come back; null for a fresh one, and for another group's. */
  #turn({ segment: { records }, index }: Item): LetterTurn | null {
    try {
      if (!records.hasHeaders(index) || records.headerText(index, "dlt-group") !== this.group) return null;
      return readTurn(records.headerText(index, TURN_HEADER));
    } catch (error) {
      if (error instanceof CorruptRecordError) return null; // which may be why it becomes a letter
      throw error;
    }
  }
}

/** One key. */
export class Line implements Served {
  readonly #letters: QueuedLetter[] = [];
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

  /** A letter joins; true where it is the first: it begins at once. */
  join(letter: QueuedLetter): boolean {
    return this.#letters.push(letter) === 1;
  }

  /** The first letter is written. */
  written({ at }: LetterTurn): void {
    this.#last = Math.max(this.#last, at);
    this.#letters.shift();
    this.#letters[0]?.begin();
  }

  /** The first letter will not be written, and so none behind it. */
  leave(): void {
    for (const letter of this.#letters.splice(0).slice(1)) letter.giveBack();
  }

  /** Gives back the letters behind an offset that are not on their way. */
  giveBack(offset: number): void {
    const stays = (letter: QueuedLetter) => letter.sent || offsetOf(letter.item) < offset;
    const all = this.#letters.splice(0);
    this.#letters.push(...all.filter(stays));
    for (const letter of all) if (!stays(letter)) letter.giveBack();
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

function keyOf({ segment: { records }, index }: Item): string | null {
  const key = records.key(index);
  return key === null ? null : quarantineKey(key);
}

/** What stands for a key: 16 hex digits. Two keys that share them share their quarantine. */
export function quarantineKey(key: Uint8Array): string {
  const halves = [crc32c(key, 0, key.length), murmur2(key)];
  return halves.map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
