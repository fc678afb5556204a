/**
 * Watches a slow handler: whether each key's records come in order and one at a time, and how many are in hand at once.
 * @module
 */

/** How long the slow handler waits, in milliseconds. */
export const slowMs = 10;
/** How many records the slow handler may have in hand at once. */
export const atOnce = 100;

/** See the module. */
export class KeyWatch {
  /** Records that came for the first time. */
  handled = 0;
  /** Records that came again. */
  repeated = 0;
  /** Records that overtook, or were in hand together with one of their key. */
  disordered = 0;
  /** The most records in hand at once. */
  mostAtOnce = 0;
  readonly #next = new Map<string, number>();
  readonly #busy = new Set<string>();

  /** A record of `key` is taken in hand. */
  begin(key: string, seq: number): void {
    const next = this.#next.get(key) ?? 0;
    if (seq > next || this.#busy.has(key)) this.disordered++;
    if (seq < next) this.repeated++;
    this.#busy.add(key);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#busy.size);
  }

  /** It is done. */
  end(key: string, seq: number): void {
    this.#busy.delete(key);
    if (seq < (this.#next.get(key) ?? 0)) return;
    this.#next.set(key, seq + 1);
    this.handled++;
  }

  /** What was seen, for the result. */
  found(): Readonly<Record<string, unknown>> {
    return { order_ok: this.disordered === 0, dups: this.repeated, max_live: this.mostAtOnce };
  }
}

/** The wait of the slow handler. */
export function slowly(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, slowMs));
}

/** What bare loops reach, that do nothing but wait: records a second. */
export async function bareLoops(records: number): Promise<number> {
  let left = records;
  const begun = performance.now();
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (left-- > 0) await slowly();
  }));
  return records / (performance.now() - begun) * 1_000;
}
