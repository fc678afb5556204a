/**
 * What `deno task bench --json` writes.
 * @module
 */

/** One run of one client. */
export interface Run {
  /** The measurement's name. */
  readonly measurement: string;
  /** The client, and how it was used. */
  readonly client: string;
  /** Counted from 0. */
  readonly round: number;
  /** Records. */
  readonly n: number;
  /** Milliseconds from the first record to the last. */
  readonly ms: number;
  /** Processor time in it, in microseconds. */
  readonly cpu_us: number;
  /** The most memory the process had, in KiB. */
  readonly rss_kb: number;
  /** What it had before it began, its code loaded. */
  readonly idle_kb: number;
  /** Milliseconds from the start of the process to the first record. */
  readonly first_ms: number;
  /** Of the event loop. */
  readonly delay_p99_ms: number;
  /** From a publish to its receipt. */
  readonly p50_ms?: number;
  /** The same. */
  readonly p99_ms?: number;
  /** Of what bare loops reach in the same process, a slow handler reached this part. */
  readonly of_bare?: number;
  /** Whether every key's records came in order. */
  readonly order_ok?: boolean;
}

/** All of it. */
export interface Report {
  /** When. */
  readonly at: string;
  /** On what. */
  readonly machine: {
    readonly cpus: number;
    readonly model: string;
    readonly memoryMb: number;
    readonly os: string;
    readonly deno: string;
    /** How many processes wanted to run when it began: far from 0 and the figures say little. */
    readonly load: number;
  };
  /** Whether it was the short one. */
  readonly quick: boolean;
  /** Every run. */
  readonly runs: ReadonlyArray<Run>;
}

/** The one in the middle. */
export function median(values: ReadonlyArray<number>): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Records a second. */
export function rate({ n, ms }: Run): number {
  return n / ms * 1_000;
}
