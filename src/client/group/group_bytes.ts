/**
 * Big-endian bytes as Kafka's classic encoding has them: what group members say to each other through the coordinator.
 * @module
 */

/** Partitions by topic. */
export type PartitionsByTopic = ReadonlyMap<string, ReadonlyArray<number>>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes fields one after the other. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** 16 bits, signed. */
  int16(value: number): this {
    const at = this.#take(2);
    this.#view.setInt16(at, value);
    return this;
  }

  /** 32 bits, signed. */
  int32(value: number): this {
    const at = this.#take(4);
    this.#view.setInt32(at, value);
    return this;
  }

  /** A length of 16 bits and UTF-8; null is length -1. */
  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const bytes = encoder.encode(value);
    return this.int16(bytes.length).#append(bytes);
  }

  /** A length of 32 bits and the bytes; null is length -1. */
  bytes(value: Uint8Array | null): this {
    return value === null ? this.int32(-1) : this.int32(value.length).#append(value);
  }

  /** Topics with their partitions, both sorted; topics without any are left out. */
  partitions(byTopic: PartitionsByTopic): this {
    const topics = [...byTopic].filter(([, partitions]) => partitions.length > 0).sort(([a], [b]) => a < b ? -1 : 1);
    this.int32(topics.length);
    for (const [topic, partitions] of topics) {
      this.string(topic).int32(partitions.length);
      for (const partition of [...partitions].sort((a, b) => a - b)) this.int32(partition);
    }
    return this;
  }

  /** What was written. */
  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #append(bytes: Uint8Array): this {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  #take(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** Reads fields one after the other; throws a RangeError where the bytes end too soon. */
export class ByteReader {
  readonly #view: DataView;
  #at = 0;

  /** Begins at the first byte. */
  constructor(readonly source: Uint8Array) {
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  /** Bytes not read yet. */
  left(): number {
    return this.source.length - this.#at;
  }

  /** 16 bits, signed. */
  int16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  /** 32 bits, signed. */
  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  /** A string; null reads as an empty one. */
  string(): string {
    const length = this.int16();
    return length <= 0 ? "" : decoder.decode(this.#slice(length));
  }

  /** Bytes, or null. */
  bytes(): Uint8Array | null {
    const length = this.int32();
    return length < 0 ? null : this.#slice(length);
  }

  /** How many elements follow, each of at least `size` bytes. */
  count(size: number): number {
    const count = this.int32();
    if (count * size > this.left()) throw new RangeError(`${count} elements can't stand in ${this.left()} bytes`);
    return Math.max(0, count);
  }

  /** Topics with their partitions. A topic may be named more than once: librdkafka does so as leader. */
  partitions(): Map<string, Array<number>> {
    const byTopic = new Map<string, Array<number>>();
    for (let topics = this.count(6); topics > 0; topics--) {
      const topic = this.string();
      let partitions = byTopic.get(topic);
      if (partitions === undefined) byTopic.set(topic, partitions = []);
      for (let count = this.count(4); count > 0; count--) partitions.push(this.int32());
    }
    return byTopic;
  }

  #slice(length: number): Uint8Array {
    const at = this.#take(length);
    return this.source.subarray(at, at + length);
  }

  #take(length: number): number {
    if (length > this.left()) throw new RangeError(`${length} bytes wanted, ${this.left()} left`);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
