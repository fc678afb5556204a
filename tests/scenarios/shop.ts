/**
 * The shop's services as processes on a Kafka.
 * @module
 */
import { RunningProgram } from "../actors/running_program.ts";
import { assertEquals } from "../assert.ts";
import { within } from "./within.ts";

/** A process of the shop that listens. */
export class Service implements AsyncDisposable {
  private constructor(readonly program: RunningProgram, readonly url: string) {}

  /** Starts `actors/<name>.ts` and waits until it listens, on any free port unless `PORT` is given. */
  static async start(
    name: "order" | "inventory",
    brokers: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Service> {
    const file = new URL(`../../actors/${name}.ts`, import.meta.url);
    const program = new RunningProgram(file, { KAFKA_BROKERS: brokers, PORT: "0", ...env });
    const line = program.line(/^listening on (http:\/\/127\.0\.0\.1:\d+)$/);
    const [, url] = await within(line, `the ${name} service listens`);
    return new Service(program, url);
  }

  /** Sends a signal and waits for the end; the exit code must be 0. */
  async end(signal: Deno.Signal): Promise<void> {
    this.program.process.kill(signal);
    const code = await within(this.program.ended(), `the end after ${signal}`);
    assertEquals(code, 0, this.program.errors.join("\n"));
  }

  /** Hands in an order. */
  async post(order: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await this.request("/order", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(order),
    });
  }

  /** Asks for a page; what comes is read as JSON. */
  async get(path: string): Promise<Answer> {
    return await this.request(path);
  }

  /** Any request; the answer must be JSON. */
  async request(path: string, init?: RequestInit): Promise<Answer> {
    const response = await fetch(this.url + path, init);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  /** Kills it, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

/** An answer over HTTP. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}
