/**
 * Damage to bytes, by a seed.
 * @module
 */

/** Whole numbers from 0 up to, not including, a bound. */
export type Random = (bound: number) => number;

/** The numbers of one mutation: the same for the same seed and index. */
export function randomOf(seed: number, index: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77)) >>> 0;
  const next = () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return (bound) => next() % bound;
}

/** Values that lie about a length or a count. */
const lies = [0, 1, -1, -2, 0x7fff_ffff, -0x8000_0000, 0x0100_0000, 0x7fff];

/** A damaged copy. `fields` are positions where numbers stand that others rely on; `other` is another answer. */
export function mutate(
  bytes: Uint8Array,
  fields: ReadonlyArray<number>,
  other: Uint8Array,
  random: Random,
): Uint8Array {
  const at = random(bytes.length);
  const field = fields.length === 0 || random(3) === 0 ? at : fields[random(fields.length)];
  const copy = bytes.slice();
  switch (random(12)) {
    case 0: // cut off
      return bytes.slice(0, at);
    case 1: // one bit, anywhere
      copy[at] ^= 1 << random(8);
      return copy;
    case 2: // some bits
      for (let flips = 2 + random(7); flips > 0; flips--) copy[random(copy.length)] ^= 1 << random(8);
      return copy;
    case 3: // one bit of a field
      copy[Math.min(field + random(4), copy.length - 1)] ^= 1 << random(8);
      return copy;
    case 4: // a field that lies
      return write(copy, field, lies[random(lies.length)]);
    case 5: // a field that is a little wrong
      return write(copy, field, read(copy, field) + random(5) - 2);
    case 6: // a varint that goes on
      copy.fill(0x80 + random(128), field, field + 1 + random(12));
      return copy;
    case 7: // bytes put in
      return joined(bytes.subarray(0, field), other.subarray(0, 1 + random(40)), bytes.subarray(field));
    case 8: // bytes left out
      return joined(bytes.subarray(0, field), bytes.subarray(field + 1 + random(random(2) === 0 ? 8 : 300)));
    case 9: // the rest of another answer
      return joined(bytes.subarray(0, field), other.subarray(random(other.length)));
    case 10: // a part of it over another part
      return copy.copyWithin(random(2) === 0 ? at : field, random(bytes.length), random(bytes.length));
    default: // one byte over and over
      return copy.fill(random(256), at, at + random(200));
  }
}

function read(bytes: Uint8Array, at: number): number {
  return at + 4 > bytes.length ? 0 : new DataView(bytes.buffer).getInt32(at);
}

function write(bytes: Uint8Array, at: number, value: number): Uint8Array {
  if (at + 4 <= bytes.length) new DataView(bytes.buffer).setInt32(at, value);
  return bytes;
}

function joined(...parts: ReadonlyArray<Uint8Array>): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
