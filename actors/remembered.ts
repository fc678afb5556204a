/**
 * A map with a bounded memory.
 * @module
 */

/**
 * Remembers at least the last `capacity` entries and at most twice as many. Two generations instead of one map with
 * evictions: looking for a map's oldest entry walks over the holes its predecessors left, which is quadratic in V8.
 */
export class Remembered<Key, Value> {
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  /** `capacity` counts entries. */
  constructor(readonly capacity: number) {}

  /** The value remembered for `key`. */
  get(key: Key): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** Remembers `value`, as the newest. */
  set(key: Key, value: Value): void {
    this.#young.set(key, value);
    if (this.#young.size < this.capacity) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** Forgets `key`. */
  delete(key: Key): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
