/**
 * Keys whose message became a dead letter: their later messages follow it, in order, until the letters have come back and
 * were received. The rule is that of turns.
 * @module
 */
import { crc32c } from "../codec/crc32c.ts";
import { murmur2 } from "../codec/murmur2.ts";
import { type LetterTurn, readTurn, TURN_HEADER } from "../dead_letter/turn.ts";
import { CorruptRecordError } from "../errors.ts";
import { LetterLine } from "./letter_line.ts";
import type { Item } from "./partition.ts";
import { isServed, type Served } from "./turns.ts";

/** What is kept of a key, from owner to owner. */
export interface QuarantinedKey extends Served {
  /** 16 hex digits that stand for the key. */
  readonly key: string;
}

/** Keys in quarantine per partition, at most: what is kept of them has to fit a commit's metadata. */
export const MOST_KEYS = 128;

/** The keys of one partition. */
export class Quarantine {
  readonly #keys = new Map<string, LetterLine>();

  /** `group` is the actor's; `kept` is what the owner before has left. */
  constructor(private readonly group: string, kept: ReadonlyArray<QuarantinedKey> = []) {
    for (const { key, served, last } of kept) this.#keys.set(key, new LetterLine(served, last));
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
    const turn = this.came(item);
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
    line.serve(item, this.came(item));
    if (line.over) this.#keys.delete(keyOf(item) ?? "");
    return !before && line.free;
  }

  /** The line in which a record's letter stands; null for a record without a key. */
  line(item: Item): LetterLine | null {
    const key = keyOf(item);
    if (key === null) return null;
    const known = this.#keys.get(key);
    if (known !== undefined && !known.over) return known;
    // All before it is done with, or is waited for: see `Letter`.
    const line = new LetterLine(offsetOf(item) - 1, offsetOf(item) - 1);
    this.#keys.set(key, line);
    return line;
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

  #lineOf(item: Item): LetterLine | undefined {
    if (this.#keys.size === 0) return undefined;
    const key = keyOf(item);
    return key === null ? undefined : this.#keys.get(key);
  }

  /** The turn of a record that has come back; null for a fresh one, and for another group's. */
  came({ segment: { records }, index }: Item): LetterTurn | null {
    try {
      if (!records.hasHeaders(index) || records.headerText(index, "dlt-group") !== this.group) return null;
      return readTurn(records.headerText(index, TURN_HEADER));
    } catch (error) {
      if (error instanceof CorruptRecordError) return null; // which may be why it becomes a letter
      throw error;
    }
  }
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
