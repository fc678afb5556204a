/**
 * Short texts that come again and again, as the types in records' headers do: their bytes are compared, which is faster
 * than decoding them anew.
 * @module
 */
import type { Buffer } from "node:buffer";

/** Longer ones are seldom the same twice: a trace context has 55 bytes. */
const longest = 40;

interface Remembered {
  /** A copy: a view would keep the chunk it lies in. */
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** The last text of each length. */
const remembered: Array<Remembered | undefined> = new Array(longest + 1).fill(undefined);

/** The text from `start` up to `end`; what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > longest) return bytes.toString("utf8", start, end);
  const last = remembered[length];
  if (last !== undefined && same(last.bytes, bytes, start)) return last.text;
  const text = bytes.toString("utf8", start, end);
  remembered[length] = { bytes: Uint8Array.prototype.slice.call(bytes, start, end), text };
  return text;
}

function same(one: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < one.length; i++) if (one[i] !== bytes[start + i]) return false;
  return true;
}
