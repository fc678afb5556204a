/**
 * A partition's mailbox: fetched chunks that are not decoded yet, and the count of everything held for the partition,
 * by which fetching pauses and resumes.
 * @module
 */
import type { FetchedChunk } from "../client/port.ts";

/** The bounds of a mailbox. */
export interface MailboxLimits {
  /** Records held, at most, plus what one fetch brings. */
  readonly records: number;
  /** Bytes held, at most, plus what one fetch brings. */
  readonly bytes: number;
}

/**
 * Counts what is held: chunks in the mailbox, and records taken out that are not resolved (in a key lane, waiting for
 * a retry or for an acknowledgement). Fetching pauses at the limit and resumes at half of it, so that it doesn't
 * flicker between the two.
 */
export class Mailbox {
  #chunks: FetchedChunk[] = [];
  #first = 0;
  #records = 0;
  #bytes = 0;
  #paused = false;

  /** `flow` pauses and resumes fetching. */
  constructor(
    private readonly limits: MailboxLimits,
    private readonly flow: { readonly pause: () => void; readonly resume: () => void },
  ) {}

  /** Records held. */
  get records(): number {
    return this.#records;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether fetching is paused. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether no chunk waits. */
  get empty(): boolean {
    return this.#first === this.#chunks.length;
  }

  /** Puts a chunk at the end. */
  push(chunk: FetchedChunk): void {
    this.#chunks.push(chunk);
    this.#records += chunk.count;
    this.#bytes += chunk.bytes.length;
    if (!this.#paused && (this.#records >= this.limits.records || this.#bytes >= this.limits.bytes)) {
      this.#paused = true;
      this.flow.pause();
    }
  }

  /** The oldest chunk, which stays counted until {@linkcode release} is told that its records are resolved. */
  peek(): FetchedChunk | undefined {
    return this.#chunks[this.#first];
  }

  /** Takes the oldest chunk out. */
  shift(): void {
    this.#first++;
    if (this.#first === this.#chunks.length) {
      this.#chunks = [];
      this.#first = 0;
    }
  }

  /** Drops every chunk that waits. */
  clear(): void {
    for (; this.#first < this.#chunks.length; this.#first++) {
      const chunk = this.#chunks[this.#first];
      this.#records -= chunk.count;
      this.#bytes -= chunk.bytes.length;
    }
    this.#chunks = [];
    this.#first = 0;
    this.release(0, 0);
  }

  /** Notes that `records` and `bytes` are held no longer. */
  release(records: number, bytes: number): void {
    this.#records -= records;
    this.#bytes -= bytes;
    if (this.#paused && this.#records <= this.limits.records / 2 && this.#bytes <= this.limits.bytes / 2) {
      this.#paused = false;
      this.flow.resume();
    }
  }
}
