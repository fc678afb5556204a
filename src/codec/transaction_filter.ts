/**
 * Which transactional batches of a fetched range were aborted.
 * Source: KIP-98, "Consumer": the broker names aborted transactions, the client follows them by their markers.
 * @module
 */
import { CorruptRecordError } from "../errors.ts";
import type { AbortedTransaction } from "../link/protocol.ts";
import { COMPRESSION_MASK, CONTROL, HEADER_SIZE } from "./batch_header.ts";
import { Malformed, readVarint, readVarlong, varintEnd } from "./varint.ts";

/** The marker type of an abort; 1 is a commit. */
const ABORT = 0;

/** Follows the batches of one chunk, in order. */
export class TransactionFilter {
  readonly #aborted: ReadonlyArray<AbortedTransaction>;
  readonly #open = new Set<bigint>();
  #next = 0;

  /** `aborted` may come in any order. */
  constructor(aborted: ReadonlyArray<AbortedTransaction>) {
    this.#aborted = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  }

  /**
   * Whether the transactional batch from `start` to `end` belongs to an aborted transaction; `last` is its last offset.
   * A marker is no part of it, but ends it. Throws CorruptRecordError on a malformed marker.
   */
  isAborted(bytes: Uint8Array, view: DataView, start: number, end: number, last: number): boolean {
    while (this.#next < this.#aborted.length && this.#aborted[this.#next].firstOffset <= last) {
      this.#open.add(this.#aborted[this.#next++].producerId);
    }
    if (this.#open.size === 0) return false;
    const producerId = view.getBigInt64(start + 43);
    if ((view.getInt16(start + 21) & CONTROL) === 0) return this.#open.has(producerId);
    if (markerType(bytes, view, start, end) === ABORT) this.#open.delete(producerId);
    return false;
  }
}

/** The type in the key of a control batch's only record, or -1 for an empty batch: compaction has removed the marker. */
function markerType(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  const count = view.getInt32(start + 57);
  if (count === 0) return -1;
  if (count !== 1 || (view.getInt16(start + 21) & COMPRESSION_MASK) !== 0) {
    throw new CorruptRecordError("control batch", start);
  }
  try {
    readVarint(bytes, start + HEADER_SIZE, end); // the record's length
    readVarlong(bytes, varintEnd() + 1, end); // behind the attributes: the timestamp delta
    readVarint(bytes, varintEnd(), end); // the offset delta
    const length = readVarint(bytes, varintEnd(), end);
    const at = varintEnd();
    if (length < 4 || length > end - at) throw new Malformed("control record's key", at);
    return view.getInt16(at + 2);
  } catch (error) {
    if (error instanceof Malformed) throw new CorruptRecordError(error.detail, error.at);
    throw error;
  }
}
