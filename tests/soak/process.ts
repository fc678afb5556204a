/**
 * A process of the soak, and what has happened to it.
 * @module
 */
import { eachLine } from "../faults/worker.ts";
import { until } from "../scenarios/within.ts";

/** From when to when, in ms since 1970; Infinity while it lasts. */
export interface Span {
  readonly from: number;
  to: number;
}

/** A running program. Killed, if it still runs, when disposed of. */
export class Process implements AsyncDisposable {
  /** When it was killed. */
  killedAt: number | null = null;
  /** When it was asked to end. */
  askedAt: number | null = null;
  /** Its exit code, once it has ended. */
  code: number | null = null;
  /** When it was frozen. */
  readonly frozen: Array<Span> = [];
  /** When it stood still by itself, as it says. */
  readonly stalls: Array<Span> = [];
  /** What it said beside. */
  readonly lines: Array<string> = [];
  ready = false;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #ended: Promise<unknown>;

  /** `number` tells it from others. `heard` is told what it says. */
  constructor(readonly number: number, program: string, job: unknown, readonly heard: (line: string) => void) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", new URL(program, import.meta.url).href, JSON.stringify(job)],
      env: { KAFKA_BROKERS: "", NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#ended = Promise.all([
      this.#child.status.then(({ code }) => this.code = code),
      eachLine(this.#child.stdout, (line) => this.#line(line)),
      eachLine(this.#child.stderr, (line) => this.#note(line)),
    ]).finally(() => this.#input.close().catch(() => {}));
  }

  /** Whether it is there: not killed, not asked to end, not ended. */
  get live(): boolean {
    return this.killedAt === null && this.askedAt === null && this.code === null;
  }

  /** Whether it stands still by our hand. */
  get isFrozen(): boolean {
    return this.frozen.at(-1)?.to === Infinity;
  }

  /** Waits until it works. False where it has ended before. */
  async isReady(): Promise<boolean> {
    await until(() => this.ready || !this.live, (is) => is, `process ${this.number} is ready`);
    return this.ready;
  }

  /** SIGKILL; waits for the death. */
  async kill(): Promise<void> {
    this.thaw();
    this.killedAt = Date.now();
    this.#send("SIGKILL");
    await this.#ended;
  }

  /** SIGTERM. */
  ask(): void {
    this.askedAt ??= Date.now();
    this.#send("SIGTERM");
  }

  /** SIGSTOP. */
  freeze(): void {
    this.frozen.push({ from: Date.now(), to: Infinity });
    this.#send("SIGSTOP");
  }

  /** SIGCONT, where it is frozen. */
  thaw(): void {
    const span = this.frozen.at(-1);
    if (span === undefined || span.to !== Infinity) return;
    span.to = Date.now();
    this.#send("SIGCONT");
  }

  /** A line on its standard input. */
  async write(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  }

  /** Ends its standard input. */
  async closeInput(): Promise<void> {
    await this.#input.close().catch(() => {});
  }

  /** Waits for its end, so long at most; answers whether it has ended. */
  async ends(within: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, within));
    await Promise.race([this.#ended, late]).finally(() => clearTimeout(timer));
    return this.code !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    this.#send("SIGKILL");
    await this.#ended;
  }

  #send(signal: Deno.Signal): void {
    try {
      if (this.code === null) this.#child.kill(signal);
    } catch {
      // It has ended just now.
    }
  }

  #line(line: string): void {
    const [word, from, to] = line.split(" ");
    if (word === "ready") this.ready = true;
    else if (word === "stall") this.stalls.push({ from: Number(from), to: Number(to) });
    else this.#note(line);
  }

  #note(line: string): void {
    this.lines.push(line);
    this.heard(`${this.number}: ${line}`);
  }
}
