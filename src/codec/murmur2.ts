/**
 * The hash that chooses a partition from a key, the same as Java's client, so that writers in any language agree.
 * Source: Austin Appleby's MurmurHash2 with Kafka's seed.
 * @module
 */

const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/** MurmurHash2 of `bytes` as a signed 32-bit number. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const rest = length - at;
  if (rest > 2) hash ^= bytes[at + 2] << 16;
  if (rest > 1) hash ^= bytes[at + 1] << 8;
  if (rest > 0) hash = Math.imul(hash ^ bytes[at], MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/** The partition of a key's bytes, from 0 to `partitions` - 1. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
