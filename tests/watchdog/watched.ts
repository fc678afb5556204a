/**
 * A program of a trial as a process, and what it says.
 * @module
 */
import type { Job } from "./job.ts";

/** Something that has happened, in milliseconds since 1970. */
export interface Happened {
  readonly at: number;
  readonly what: string;
}

/** One process. Killed, if it still runs, when disposed of. */
export class Watched implements AsyncDisposable {
  /** What has happened, in order. */
  readonly happened: Array<Happened> = [];
  /** What it logged. */
  readonly log: Array<string> = [];
  /** Its exit code and when it ended; null while it runs. */
  ended: { readonly code: number; readonly at: number } | null = null;
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #over: Promise<unknown>;
  /** How long anything may take, in milliseconds: so long that only what never happens takes longer. */
  readonly #deadline: number;

  constructor(client: "ours" | "stock kafkajs", job: Job) {
    const file = new URL(client === "ours" ? "./ours.ts" : "./stock.ts", import.meta.url);
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--allow-all", file.href, JSON.stringify(job)],
      env: { KAFKA_BROKERS: "", NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#deadline = job.defaults ? 1_200_000 : 90_000;
    this.#stdin = this.#process.stdin.getWriter();
    this.#over = Promise.all([
      this.#process.status.then(({ code }) => this.ended = { code, at: Date.now() }),
      eachLine(this.#process.stdout, (line) => this.#line(line)),
      eachLine(this.#process.stderr, (line) => this.log.push(line)),
    ]);
  }

  /** Falls silent from now on. */
  async arm(): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode("arm\n"));
    await this.first(/^armed/);
  }

  /** Sends a signal. */
  send(signal: Deno.Signal): void {
    if (this.ended === null) this.#process.kill(signal);
  }

  /** The first that fits, from a moment on; waits for it. */
  async first(what: RegExp, from = 0): Promise<Happened> {
    const found = () => this.happened.find((one) => one.at >= from && what.test(one.what));
    await this.#until(() => found() !== undefined || this.ended !== null, `${what}`);
    const happened = found();
    if (happened === undefined) throw new Error(`it ended without ${what}: ${this.#all}`);
    return happened;
  }

  /** Waits for its end. */
  async end(): Promise<{ readonly code: number; readonly at: number }> {
    await this.#until(() => this.ended !== null, "its end");
    await this.#over;
    return this.ended ?? { code: -1, at: 0 };
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    for (const end = Date.now() + this.#deadline; !holds();) {
      if (Date.now() > end) throw new Error(`not within ${this.#deadline / 1_000} s: ${what}; so far: ${this.#all}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  get #all(): string {
    return [...this.happened.map(({ at, what }) => `${at} ${what}`), ...this.log].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.send("SIGCONT");
    this.send("SIGKILL");
    await this.#over;
    await this.#stdin.close().catch(() => {});
  }

  #line(line: string): void {
    const [, at, what] = /^@ (\d+) (.*)$/.exec(line) ?? [];
    if (at === undefined) this.log.push(line);
    else this.happened.push({ at: Number(at), what });
  }
}

async function eachLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>, take: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  }
  if (rest !== "") take(rest);
}
