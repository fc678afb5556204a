/** A program of the project as a process; killed, if it still runs, when disposed of. */
export class RunningProgram implements AsyncDisposable {
  readonly process: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #errors: string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #read: Promise<unknown>;
  #ended = false;

  constructor(file: URL, env: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) {
    this.process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", file.href, ...args],
      env: { KAFKA_BROKERS: "", PORT: "", NO_COLOR: "1", ...env },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = [this.#collect(this.process.stdout, this.#lines), this.#collect(this.process.stderr, this.#errors)];
    this.#read = Promise.all(read).finally(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** The lines on stdout so far. */
  get lines(): ReadonlyArray<string> {
    return this.#lines;
  }

  /** The lines on stderr so far. */
  get errors(): ReadonlyArray<string> {
    return this.#errors;
  }

  /** The first line on stdout that matches, from the `from`th line on; waits for it. */
  async line(pattern: RegExp, from: number = 0): Promise<RegExpMatchArray> {
    while (true) {
      for (const line of this.#lines.slice(from)) {
        const match = line.match(pattern);
        if (match !== null) return match;
      }
      if (this.#ended) throw new Error(`no line ${pattern} in\n${[...this.#lines, ...this.#errors].join("\n")}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** The exit code, once all that was printed is read. */
  async ended(): Promise<number> {
    const { code } = await this.process.status;
    await this.#read;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.ended();
  }

  async #collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>, lines: string[]): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      this.#wake();
    }
    if (rest !== "") lines.push(rest);
  }

  #wake(): void {
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }
}
