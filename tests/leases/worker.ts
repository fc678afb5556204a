/**
 * A worker as a process.
 * @module
 */
import { until, within } from "../scenarios/within.ts";
import type { Job } from "./job.ts";

/** Who does the work. */
export type Client = "ours" | "stock kafkajs";

/** A record that was begun. */
export interface Begun {
  readonly partition: number;
  readonly offset: number;
  readonly grant: number;
  /** Milliseconds since 1970, before any work was done. */
  readonly at: number;
}

/** One process. Killed, if it still runs, when disposed of. */
export class Worker implements AsyncDisposable {
  /** What it has begun, in order. */
  readonly begun: Array<Begun> = [];
  /** What it complained of. */
  readonly complaints: Array<string> = [];
  /** When its event loop was blocked, and when it went on, in milliseconds since 1970. */
  blockedAt = 0;
  awakeAt = 0;
  readonly #process: Deno.ChildProcess;
  readonly #read: Promise<unknown>;
  #ready = false;
  #ended = false;

  constructor(client: Client, readonly job: Job) {
    const file = new URL(client === "ours" ? "./ours.ts" : "./stock.ts", import.meta.url);
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", file.href, JSON.stringify(job)],
      env: { KAFKA_BROKERS: "", NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#read = Promise.all([
      eachLine(this.#process.stdout, (line) => this.#line(line)),
      eachLine(this.#process.stderr, (line) => this.complaints.push(line)),
    ]).finally(() => this.#ended = true);
  }

  /** Waits until it is a member. */
  async ready(): Promise<void> {
    await until(() => this.#ready || this.#ended, (is) => is, `${this.job.name} is ready`);
    if (!this.#ready) throw new Error(`${this.job.name} has ended: ${this.complaints.join("\n")}`);
  }

  /** Sends a signal. */
  send(signal: Deno.Signal): void {
    if (!this.#ended) this.#process.kill(signal);
  }

  /** Asks it to end and waits until it has. */
  async end(): Promise<void> {
    this.send("SIGTERM");
    await within(this.#read, `${this.job.name} ends`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.send("SIGCONT");
    this.send("SIGKILL");
    await this.#process.status;
    await this.#read;
  }

  #line(line: string): void {
    const [word, ...rest] = line.split(" ");
    if (word === "h") {
      const [partition, offset, grant, at] = rest.map(Number);
      this.begun.push({ partition, offset, grant, at });
    } else if (word === "ready") this.#ready = true;
    else if (word === "blocked") this.blockedAt = Date.now();
    else if (word === "awake") this.awakeAt = Date.now();
    else this.complaints.push(line);
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
