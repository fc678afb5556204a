/**
 * A stretch of a partition's log: whole record batches one behind the other in one buffer, so that a fetch answers with
 * a view of it and copies nothing.
 * @module
 */

/** Where batches stand. Bytes once written never change: views of them stay right. */
export class LogSegment {
  /** The first offset of each batch. */
  readonly bases: Array<number> = [];
  /** Where each batch starts in `bytes`. */
  readonly starts: Array<number> = [];
  /** The latest timestamp of each batch. */
  readonly maxTimestamps: Array<number> = [];
  readonly bytes: Uint8Array;
  /** Bytes in use. */
  size = 0;

  /** `position`: bytes of the log in front of it. */
  constructor(readonly position: number, capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Whether so many bytes more have room. */
  fits(length: number): boolean {
    return this.size + length <= this.bytes.length;
  }

  /** Writes a batch behind the last one, where it does not count yet; gives the copy. */
  write(batch: Uint8Array): Uint8Array {
    this.bytes.set(batch, this.size);
    return this.bytes.subarray(this.size, this.size + batch.length);
  }

  /** Makes what was written last count. */
  commit(length: number, base: number, maxTimestamp: number): void {
    this.bases.push(base);
    this.starts.push(this.size);
    this.maxTimestamps.push(maxTimestamp);
    this.size += length;
  }

  /** Where the batch with this index ends. */
  end(index: number): number {
    return index + 1 < this.starts.length ? this.starts[index + 1] : this.size;
  }

  /** The batch with this index. */
  batch(index: number): Uint8Array {
    return this.bytes.subarray(this.starts[index], this.end(index));
  }

  /** Whole batches from `index` on, at most `maxBytes` of them, but one at least where `atLeastOne`. */
  read(index: number, maxBytes: number, atLeastOne: boolean): Uint8Array {
    const start = this.starts[index];
    const room = start + maxBytes;
    if (this.size <= room) return this.bytes.subarray(start, this.size);
    const fitting = lastAtMost(this.starts, room);
    // The batch that starts there at the latest is the first that is not whole.
    if (fitting > index) return this.bytes.subarray(start, this.starts[fitting]);
    return this.bytes.subarray(start, atLeastOne ? this.end(index) : start);
  }

  /** Whether a part of it that was read goes up to its end. */
  endsWith(part: Uint8Array): boolean {
    return part.byteOffset - this.bytes.byteOffset + part.length === this.size;
  }
}

/** The index of the last number that is not above `limit`, or -1; `sorted` ascends. */
export function lastAtMost(sorted: ArrayLike<number>, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
