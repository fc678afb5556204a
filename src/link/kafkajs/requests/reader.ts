/**
 * Reads Kafka's primitive types. Every length is checked against what is there before anything is made of it.
 * @module
 */

const utf8 = new TextDecoder();
const high = 2 ** 32;

/** Bytes that are not the answer they should be. */
export class Malformed extends Error {
  /** Printed in stack traces. */
  override readonly name = "Malformed";
}

/** One answer being read. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** Reads from the beginning of `bytes`. */
  constructor(bytes: Uint8Array) {
    // A plain Uint8Array: views of a node Buffer cost more to make.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Passes `count` bytes and answers where they began. */
  #take(count: number): number {
    const at = this.#at;
    if (count < 0 || count > this.#bytes.length - at) {
      throw new Malformed(`${count} bytes wanted at byte ${at} of ${this.#bytes.length}`);
    }
    this.#at = at + count;
    return at;
  }

  /** One byte. */
  int8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  /** One byte: 0 is false. */
  boolean(): boolean {
    return this.int8() !== 0;
  }

  /** Two bytes. */
  int16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  /** Four bytes. */
  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  /** Eight bytes as an offset; beyond 2^53 it is malformed. */
  offset(): number {
    const value = this.time();
    if (!Number.isSafeInteger(value)) throw new Malformed(`offset ${value} at byte ${this.#at - 8}`);
    return value;
  }

  /** Eight bytes as milliseconds: anyone may write any time into a record, so a huge one only loses precision. */
  time(): number {
    const at = this.#take(8);
    return this.#view.getInt32(at) * high + this.#view.getUint32(at + 4);
  }

  /** Eight bytes as a bigint. */
  bigint64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  /** An unsigned varint of at most 31 bits. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.int8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte >= 0) {
        if (value > 0x7fff_ffff) break;
        return value;
      }
    }
    throw new Malformed(`a varint of more than 31 bits before byte ${this.#at}`);
  }

  /** A string that must be there. */
  string(): string {
    return this.#required(this.nullableString());
  }

  /** A string or null. */
  nullableString(): string | null {
    return this.#text(this.int16());
  }

  /** A string of the flexible versions that must be there. */
  compactString(): string {
    return this.#required(this.nullableCompactString());
  }

  /** A string of the flexible versions, or null. */
  nullableCompactString(): string | null {
    return this.#text(this.varint() - 1);
  }

  #required(text: string | null): string {
    if (text === null) throw new Malformed(`null in place of a string before byte ${this.#at}`);
    return text;
  }

  #text(length: number): string | null {
    if (length === -1) return null;
    const at = this.#take(length);
    return utf8.decode(this.#bytes.subarray(at, this.#at));
  }

  /** Bytes as a view into the answer; null is empty. */
  bytes(): Uint8Array {
    const length = this.int32();
    return this.raw(length === -1 ? 0 : length);
  }

  /** Bytes of the flexible versions as a view into the answer; null is empty. */
  compactBytes(): Uint8Array {
    const length = this.varint() - 1;
    return this.raw(length === -1 ? 0 : length);
  }

  /** `length` bytes as a view into the answer. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, this.#at);
  }

  /** An id of 16 bytes, as 32 hex digits. */
  uuid(): string {
    let text = "";
    for (const byte of this.raw(16)) text += byte.toString(16).padStart(2, "0");
    return text;
  }

  /** An array; null is empty. */
  array<T>(read: () => T): Array<T> {
    return this.#items(this.int32(), read);
  }

  /** An array of the flexible versions; null is empty. */
  compactArray<T>(read: () => T): Array<T> {
    return this.#items(this.varint() - 1, read);
  }

  #items<T>(count: number, read: () => T): Array<T> {
    // Every element takes at least one byte: a count beyond what is left is refused before anything is made for it.
    if (count < -1 || count > this.#bytes.length - this.#at) {
      throw new Malformed(`${count} elements with ${this.#bytes.length - this.#at} bytes left at byte ${this.#at}`);
    }
    const items: Array<T> = [];
    for (let i = 0; i < count; i++) items.push(read());
    return items;
  }

  /** Passes the tagged fields at the end of a structure of the flexible versions; `read` is given each one's number. */
  tags(read?: (tag: number) => void): void {
    for (let left = this.varint(); left > 0; left--) {
      const tag = this.varint();
      const length = this.varint();
      const at = this.#take(length);
      if (read === undefined) continue;
      this.#at = at;
      read(tag);
      if (this.#at > at + length) throw new Malformed(`tagged field ${tag} at byte ${at} is longer than it says`);
      this.#at = at + length;
    }
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }
}
