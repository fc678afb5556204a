/**
 * What a run of `deno test` said of itself.
 * @module
 */

/** How many tests, or steps of the gate, went which way. */
export interface Counts {
  /** Those that passed. */
  readonly passed: number;
  /** Those that failed, and whatever else must not pass for a success. */
  readonly failed: number;
}

// deno-lint-ignore no-control-regex
const escapes = /\x1b\[[0-9;]*m/g;
const summary = /^(?:ok|FAILED) \| (\d+) passed(?: \(.*?\))? \| (\d+) failed/;
const skippedOnKafka = /\((?:real|own) Kafka\) \.\.\. ignored/;

/** Follows the lines `deno test` prints. */
export class TestOutput {
  #counts: Counts | null = null;
  /** Tests on a real Kafka that were ignored. */
  skippedOnKafka = 0;

  /** Takes the next line. */
  line(text: string): void {
    const plain = text.replace(escapes, "");
    if (skippedOnKafka.test(plain)) this.skippedOnKafka++;
    const match = summary.exec(plain);
    // A test may print such a line too: the runner's own comes last.
    if (match !== null) this.#counts = { passed: Number(match[1]), failed: Number(match[2]) };
  }

  /** The counts, given the exit code: a run that failed has at least one failure, also when it died without a word. */
  counts(code: number): Counts {
    const { passed, failed } = this.#counts ?? { passed: 0, failed: 0 };
    return { passed, failed: code === 0 && this.#counts !== null ? failed : Math.max(failed, 1) };
  }
}

/** The sum. */
export function add(one: Counts, other: Counts): Counts {
  return { passed: one.passed + other.passed, failed: one.failed + other.failed };
}

/** The line a run ends with. */
export function closingLine({ passed, failed }: Counts): string {
  return `${passed} passed, ${failed} failed`;
}
