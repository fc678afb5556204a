/**
 * What processes publish beside their actors: each acknowledged note stands where the acknowledgement says, none stands
 * twice, and those of one process and key stand in the order they were published.
 * @module
 */
import type { ConsumerRecord, RecordMetadata } from "../../src/record.ts";

const decoder = new TextDecoder();

/** See the module. */
export class Notes {
  /** Who published a note, and where it stands. */
  readonly #notes: Array<{ readonly process: string; at: string | null }> = [];
  /** By process, key and partition, the last note that stands in the log. */
  readonly #last = new Map<string, number>();

  constructor(private readonly violation: (text: string) => void) {}

  /** A process publishes a note; answers its number. */
  begun(process: string): number {
    return this.#notes.push({ process, at: null }) - 1;
  }

  /** The note was acknowledged. */
  acknowledged(number: number, { partition, offset }: RecordMetadata): void {
    const { at } = this.#notes[number];
    // An offset of -1: the broker has the record and has forgotten where.
    if (at !== null && (offset < 0 || at === `${partition}@${offset}`)) return;
    this.violation(`note ${number} is acknowledged at ${partition}@${offset}, but stands at ${at}`);
  }

  /** The note stands in the log. */
  stored({ partition, offset, value }: ConsumerRecord): void {
    const { number } = JSON.parse(decoder.decode(value ?? undefined)) as { readonly number: number };
    const note = this.#notes[number];
    if (note.at !== null) this.violation(`note ${number} is stored twice, at ${note.at} and ${partition}@${offset}`);
    note.at = `${partition}@${offset}`;
    const line = `${note.process} ${number % 3} ${partition}`;
    const last = this.#last.get(line) ?? -1;
    if (number < last) this.violation(`note ${number} of ${note.process} stands behind its note ${last}`);
    this.#last.set(line, number);
  }
}
