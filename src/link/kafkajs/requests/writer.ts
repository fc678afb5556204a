/**
 * Writes Kafka's primitive types into one growing buffer.
 * Source: "Protocol Primitive Types" of Apache Kafka's protocol guide.
 * @module
 */

const utf8 = new TextEncoder();
const high = 2 ** 32;

/** One message being written. Big-endian, as everything in Kafka's protocol. */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #at = 0;

  /** Begins with room for `capacity` bytes: a good guess saves the copies of growing. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was written, as a view; the writer is not to be used any more. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Makes room for `count` bytes and answers where they go. */
  #take(count: number): number {
    const at = this.#at;
    const end = at + count;
    if (end > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      bytes.set(this.#bytes.subarray(0, at));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    this.#at = end;
    return at;
  }

  /** One byte. */
  int8(value: number): void {
    const at = this.#take(1);
    this.#view.setInt8(at, value);
  }

  /** True as 1, false as 0. */
  boolean(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  /** Two bytes. */
  int16(value: number): void {
    const at = this.#take(2);
    this.#view.setInt16(at, value);
  }

  /** Four bytes. */
  int32(value: number): void {
    const at = this.#take(4);
    this.#view.setInt32(at, value);
  }

  /** Eight bytes of a safe integer: offsets and times. */
  int64(value: number): void {
    const at = this.#take(8);
    this.#view.setInt32(at, Math.floor(value / high));
    this.#view.setUint32(at + 4, value >>> 0);
  }

  /** Eight bytes of a bigint: producer ids. */
  bigint64(value: bigint): void {
    const at = this.#take(8);
    this.#view.setBigInt64(at, value);
  }

  /** An unsigned varint. */
  varint(value: number): void {
    while (value > 0x7f) {
      this.int8(value & 0x7f | 0x80);
      value >>>= 7;
    }
    this.int8(value);
  }

  /** A string after two bytes of length; null is length -1. */
  string(value: string | null): void {
    if (value === null) return this.int16(-1);
    const bytes = utf8.encode(value);
    if (bytes.length > 32_767) throw new RangeError(`a string of ${bytes.length} bytes in a Kafka request`);
    this.int16(bytes.length);
    this.raw(bytes);
  }

  /** A string of the flexible versions: its length plus 1 as a varint; null is 0. */
  compactString(value: string | null): void {
    if (value === null) return this.varint(0);
    const bytes = utf8.encode(value);
    this.varint(bytes.length + 1);
    this.raw(bytes);
  }

  /** Bytes after four bytes of length. */
  bytes(value: Uint8Array): void {
    this.int32(value.length);
    this.raw(value);
  }

  /** Bytes alone. */
  raw(value: Uint8Array): void {
    const at = this.#take(value.length);
    this.#bytes.set(value, at);
  }

  /** An id of 16 bytes, given as 32 hex digits. */
  uuid(digits: string): void {
    for (let at = 0; at < 32; at += 2) this.int8(Number.parseInt(digits.slice(at, at + 2), 16));
  }

  /** An array after four bytes of count; null is -1. */
  array<T>(items: ReadonlyArray<T> | null, write: (item: T) => void): void {
    if (items === null) return this.int32(-1);
    this.int32(items.length);
    for (const item of items) write(item);
  }

  /** An array of the flexible versions: its count plus 1 as a varint; null is 0. */
  compactArray<T>(items: ReadonlyArray<T> | null, write: (item: T) => void): void {
    if (items === null) return this.varint(0);
    this.varint(items.length + 1);
    for (const item of items) write(item);
  }

  /** The end of a structure in the flexible versions: no tagged fields. */
  noTags(): void {
    this.int8(0);
  }

  /** Writes four bytes at a place that was written before. */
  patch(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }
}
