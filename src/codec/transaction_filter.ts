/**
 * Which transactional batches of a fetched range were aborted. The broker's list of them lies outside every CRC, so it is
 * held against what the batches and markers say, which lie inside.
 * Source: KIP-98, "Consumer": the broker names aborted transactions, the client follows them by their markers.
 * @module
 */
import { CorruptRecordError } from "../errors.ts";
import type { AbortedTransaction } from "../link/protocol.ts";
import { COMPRESSION_MASK, CONTROL, HEADER_SIZE, readInt64, TRANSACTIONAL } from "./batch_header.ts";
import { Malformed, readVarint, readVarlong, varintEnd } from "./varint.ts";

/** The marker types; others are no end of a transaction. */
const ABORT = 0;
const COMMIT = 1;

/** Follows the batches of one chunk, in order. */
export class TransactionFilter {
  readonly #aborted: ReadonlyArray<AbortedTransaction>;
  /** Producers in an aborted transaction, and its entry. */
  readonly #open = new Map<bigint, AbortedTransaction>();
  /** Producers with records in a transaction that is not known to be aborted. */
  readonly #given = new Set<bigint>();
  #next = 0;

  /**
   * `aborted` may come in any order. `from` is the position fetched from; with `committed` the list must be complete.
   * Throws CorruptRecordError on entries that can't be.
   */
  constructor(aborted: ReadonlyArray<AbortedTransaction>, readonly from: number, readonly committed: boolean) {
    for (const { producerId, firstOffset } of aborted) {
      if (producerId >= 0n && firstOffset >= 0) continue;
      throw new CorruptRecordError(`aborted transaction of producer ${producerId} at offset ${firstOffset}`, 0);
    }
    this.#aborted = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  }

  /**
   * Whether the batch from `start` to `end` belongs to an aborted transaction; `last` is its last offset. A marker is no
   * part of it, but ends it. Throws CorruptRecordError on a malformed marker, and where list and batches contradict
   * each other.
   */
  isAborted(bytes: Uint8Array, view: DataView, start: number, end: number, last: number): boolean {
    const producerId = view.getBigInt64(start + 43);
    const attributes = view.getInt16(start + 21);
    const transactional = (attributes & TRANSACTIONAL) !== 0;
    for (; this.#next < this.#aborted.length && this.#aborted[this.#next].firstOffset <= last; this.#next++) {
      const entry = this.#aborted[this.#next];
      // Compaction may have removed the batch with that offset; one that is there is the transaction's own.
      if (entry.firstOffset >= readInt64(view, start) && !(transactional && entry.producerId === producerId)) {
        throw contradiction(`of producer ${entry.producerId} begins in a batch that is not its own`, start);
      }
      this.#open.set(entry.producerId, entry);
    }
    if (!transactional) return false;
    if ((attributes & CONTROL) !== 0) {
      this.#end(producerId, markerType(bytes, view, start, end), start);
      return false;
    }
    if (this.#open.has(producerId)) return true;
    // One that ends below the position need not be named.
    if (last >= this.from && view.getInt32(start + 57) > 0) this.#given.add(producerId);
    return false;
  }

  /** The entries that matter for the batches to come. */
  rest(): ReadonlyArray<AbortedTransaction> {
    return [...this.#open.values(), ...this.#aborted.slice(this.#next)];
  }

  #end(producerId: bigint, type: number, start: number): void {
    if (type === ABORT) {
      const named = this.#open.delete(producerId);
      if (this.committed && !named && this.#given.has(producerId)) {
        throw contradiction(`of producer ${producerId} is not among those the broker named`, start);
      }
    } else if (type === COMMIT && this.#open.has(producerId)) {
      throw contradiction(`of producer ${producerId} was committed`, start);
    }
    if (type >= 0) this.#given.delete(producerId);
  }
}

function contradiction(detail: string, at: number): CorruptRecordError {
  return new CorruptRecordError(`the aborted transaction ${detail}`, at);
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
