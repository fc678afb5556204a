/**
 * A partition's mailbox: fetched chunks that are not decoded yet, and the count of everything held for the partition,
 * by which fetching pauses and resumes.
 * @module
 */
import type { Records } from "../codec/batch_decoder.ts";
import { scanBatches } from "../codec/batch_header.ts";
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
    return this.#chunks.length === 0;
  }

  /** Puts a chunk at the end. */
  push(chunk: FetchedChunk): void {
    this.#chunks.push(chunk);
    this.hold(chunk.count, chunk.bytes.length);
  }

  /** The oldest chunk, which stays counted until {@linkcode release} is told that its records are resolved. */
  peek(): FetchedChunk | undefined {
    return this.#chunks[0];
  }

  /** Takes the oldest chunk out, or puts what is left of it in its place. */
  shift(rest: FetchedChunk | null = null): void {
    if (rest === null) this.#chunks.shift();
    else this.#chunks[0] = rest;
  }

  /** Drops every chunk that waits. */
  clear(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.release(chunks.reduce((sum, { count }) => sum + count, 0), chunks.reduce((sum, c) => sum + c.bytes.length, 0));
  }

  /** Notes that `records` and `bytes` more are held. */
  hold(records: number, bytes: number): void {
    this.#records += records;
    this.#bytes += bytes;
    if (!this.#paused && (this.#records >= this.limits.records || this.#bytes >= this.limits.bytes)) {
      this.#paused = true;
      this.flow.pause();
    }
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

/** What of a chunk is left to be decoded later: what is decompressed already takes enough memory. */
export function restOf(chunk: FetchedChunk, { rest, next: from }: Records): FetchedChunk | null {
  return rest === null ? null : { ...chunk, ...rest, from, count: scanBatches(rest.bytes, from).count };
}
