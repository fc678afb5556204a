/**
 * What consumers did with a topic of numbered records: which of them came twice, out of order or not at all, and how long
 * partitions stood still.
 * @module
 */

/** A record in somebody's hands. */
export interface Handled {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  /** Rises within its key. */
  readonly n: number;
}

/** Times in which a partition had records and nobody was at work on one, in milliseconds. */
export interface Gaps {
  readonly count: number;
  readonly longest: number;
  readonly median: number;
  /** Those that are left when the time is taken off in which this process itself came to nothing. */
  readonly own: number;
}

/** From when to when, in milliseconds. */
type Span = readonly [from: number, to: number];

// Milliseconds: what is shorter is no gap.
const shortest = 40;
// Milliseconds between two looks at whether the event loop turns.
const turn = 5;

/** Counts. */
export class Tally {
  /** Records handled more than once. */
  twice = 0;
  /** Different records handled. */
  unique = 0;
  /** Records begun after a later one of their key had been. */
  backwards = 0;
  /** Records begun while another consumer was at work on the same partition. */
  overlaps = 0;
  readonly #seen: ReadonlyArray<Uint8Array>;
  readonly #lastOfKey = new Map<string, number>();
  readonly #owner: Array<string | null>;
  readonly #busy: Array<number>;
  readonly #idleSince: Array<number>;
  readonly #kept: Array<Span> = [];
  readonly #moved: Array<Span> = [];
  readonly #stalls: Array<Span> = [];
  readonly #since: Array<number>;

  /** `records` in each of `partitions`. */
  constructor(readonly partitions: number, readonly records: number) {
    const each = <A>(value: () => A) => Array.from({ length: partitions }, value);
    this.#seen = each(() => new Uint8Array(records));
    this.#owner = each(() => null);
    this.#busy = each(() => 0);
    this.#idleSince = each(() => NaN);
    this.#since = each(() => 0);
  }

  /** Somebody begins with a record. */
  begin({ partition, key, n }: Handled, who: string): void {
    const now = performance.now();
    if (this.#busy[partition] > 0) {
      if (this.#owner[partition] !== who) this.overlaps++;
    } else {
      const since = this.#idleSince[partition];
      if (now - since > shortest) (this.#owner[partition] === who ? this.#kept : this.#moved).push([since, now]);
    }
    this.#busy[partition]++;
    this.#owner[partition] = who;
    const last = this.#lastOfKey.get(key) ?? -1;
    if (n < last) this.backwards++;
    else this.#lastOfKey.set(key, n);
  }

  /** Somebody is done with a record. */
  end({ partition, offset }: Handled): void {
    this.#busy[partition]--;
    this.#since[partition]++;
    this.#idleSince[partition] = performance.now();
    const seen = this.#seen[partition];
    if (seen[offset] > 0) this.twice++;
    else this.unique++;
    seen[offset] = 1;
  }

  /** Begins a new span: see {@linkcode owners}. */
  mark(): void {
    this.#since.fill(0);
  }

  /** How many partitions each consumer had last, or null while not every partition has gone on since the last mark. */
  owners(): ReadonlyMap<string, number> | null {
    const loads = new Map<string, number>();
    for (const [partition, owner] of this.#owner.entries()) {
      if (owner === null || this.#since[partition] === 0) return null;
      loads.set(owner, (loads.get(owner) ?? 0) + 1);
    }
    return loads;
  }

  /** Records nobody has handled. */
  get missing(): number {
    return this.partitions * this.records - this.unique;
  }

  /** Notices from now on when the event loop of this process does not turn, until it is told to stop. */
  watch(): { readonly stop: () => void } {
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      if (now - last > 2 * turn) this.#stalls.push([last + turn, now]);
      last = now;
    }, turn);
    return { stop: () => clearInterval(timer) };
  }

  /** The longest time in which the event loop did not turn, in milliseconds. */
  get stall(): number {
    return Math.max(0, ...this.#stalls.map(([from, to]) => to - from));
  }

  /** Of partitions that stayed with their consumer, and of those that went to another one. */
  get gaps(): { readonly kept: Gaps; readonly moved: Gaps } {
    return { kept: this.#gaps(this.#kept), moved: this.#gaps(this.#moved) };
  }

  #gaps(spans: ReadonlyArray<Span>): Gaps {
    const sorted = spans.map(([from, to]) => to - from).toSorted((a, b) => a - b);
    const own = spans.filter(([from, to]) => {
      const stalled = this.#stalls.map((stall) => Math.min(to, stall[1]) - Math.max(from, stall[0]));
      return to - from - stalled.filter((time) => time > 0).reduce((sum, time) => sum + time, 0) > shortest;
    });
    const [longest, median] = [sorted.at(-1) ?? 0, sorted[sorted.length >> 1] ?? 0];
    return { count: sorted.length, longest, median, own: own.length };
  }
}
