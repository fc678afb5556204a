/**
 * A program of the job as a process.
 * @module
 */
import { until, within } from "../scenarios/within.ts";
import type { Job, Published } from "./job.ts";

/** Who does the job. */
export type Client = "ours" | "ours, newer group protocol" | "stock kafkajs";

/** A record that was handled: where it stands, which one it is, and when, in ms since 1970. */
export interface Handled {
  readonly partition: number;
  readonly offset: number;
  readonly id: number;
  readonly at: number;
}

/** One process. Killed, if it still runs, when disposed of. */
export class Worker implements AsyncDisposable {
  /** What it handled, in order. */
  readonly handled: Array<Handled> = [];
  /** How many of its records were acknowledged when it last said so. */
  acknowledged = 0;
  /** What it said in the end. */
  published: Published | null = null;
  /** What it complained of. */
  readonly complaints: Array<string> = [];
  readonly #process: Deno.ChildProcess;
  readonly #read: Promise<unknown>;
  #ready = false;
  #ended = false;

  constructor(client: Client, job: Job) {
    const file = new URL(client === "stock kafkajs" ? "./stock.ts" : "./ours.ts", import.meta.url);
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

  /** Waits until it works. */
  async ready(): Promise<this> {
    await until(() => this.#ready || this.#ended, (is) => is, "a worker is ready");
    if (!this.#ready) throw new Error(`a worker has ended: ${this.complaints.join("\n")}`);
    return this;
  }

  /** Sends a signal. */
  send(signal: Deno.Signal): void {
    if (!this.#ended) this.#process.kill(signal);
  }

  /** Asks it to end and waits until it has; asks again after a minute. */
  async end(): Promise<void> {
    this.send("SIGTERM");
    const again = setTimeout(() => this.send("SIGTERM"), 60_000);
    await within(this.#read, "a worker ends").finally(() => clearTimeout(again));
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
      const [partition, offset, id, at] = rest.map(Number);
      this.handled.push({ partition, offset, id, at });
    } else if (word === "ready") this.#ready = true;
    else if (word === "acknowledged") this.acknowledged = Number(rest[0]);
    else if (word === "published") this.published = JSON.parse(rest.join(" "));
    else this.complaints.push(line);
  }
}

/** Takes a stream's lines as they come. */
export async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  }
  if (rest !== "") take(rest);
}
