/**
 * Watches the lengths in a stream of answers before anything is buffered for them.
 * @module
 */

/** Follows the frames of one connection. */
export class FrameGuard {
  /** No answer may be longer than this, in bytes. */
  limit: number;
  /** Bytes of the present frame still to come. */
  #body = 0;
  /** Bytes of the next length that have come, and their value. */
  #lengthBytes = 0;
  #length = 0;

  /** Begins at a frame's start. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes the next bytes; answers a length that can't be one, or null. */
  refuses(chunk: Uint8Array): number | null {
    for (let at = 0; at < chunk.length;) {
      if (this.#body > 0) {
        const passed = Math.min(this.#body, chunk.length - at);
        this.#body -= passed;
        at += passed;
        continue;
      }
      this.#length = (this.#length << 8) | chunk[at++];
      if (++this.#lengthBytes < 4) continue;
      const length = this.#length;
      if (length < 4 || length > this.limit) return length >>> 0;
      this.#body = length;
      this.#lengthBytes = 0;
      this.#length = 0;
    }
    return null;
  }
}
