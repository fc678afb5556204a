/**
 * A command named `docker` that does as much as the tools ask of it: it says that the engine is there, and in place of a
 * container it runs a server that answers as a Kafka that has come up.
 * @module
 */

/** How it differs from a Docker that works. */
export interface StandInOptions {
  /** What `docker info` ends with; default 0: the engine answers. */
  readonly info?: number;
  /** What `docker compose version` ends with; default 0: the plugin is there. */
  readonly compose?: number;
  /** What `docker compose … up` ends with at once, instead of coming up. */
  readonly up?: number;
}

/** A folder with the command, for PATH, and what it was asked. */
export class StandInDocker implements AsyncDisposable {
  private constructor(
    /** The folder. */
    readonly path: string,
  ) {}

  /** Makes one. Where `options` is null the folder has no such command. */
  static async make(options: StandInOptions | null = {}): Promise<StandInDocker> {
    const path = await Deno.makeTempDir();
    if (options !== null) {
      await Deno.writeTextFile(`${path}/kafka.ts`, kafka);
      await Deno.writeTextFile(`${path}/docker`, script(path, options), { mode: 0o755 });
    }
    return new StandInDocker(path);
  }

  /** A line for each call: its arguments, and KAFKA_PORT and PARTITIONS as it saw them. */
  async calls(): Promise<ReadonlyArray<string>> {
    const text = await Deno.readTextFile(`${this.path}/calls`).catch(() => "");
    return text.split("\n").filter((line) => line !== "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

function script(path: string, { info = 0, compose = 0, up }: StandInOptions): string {
  const start = up === undefined ? `exec "${Deno.execPath()}" run -A "${path}/kafka.ts"` : `exit ${up}`;
  return `#!/bin/sh
echo "$* · $KAFKA_PORT $PARTITIONS" >> "${path}/calls"
case "$*" in
  "compose version") exit ${compose} ;;
  info) exit ${info} ;;
  compose*" up") ${start} ;;
esac
`;
}

// Answers every request as Metadata 1 with one broker; says how it ended.
const kafka = `
const calls = new URL("calls", import.meta.url);
const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.env.get("KAFKA_PORT")) });
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.addSignalListener(signal, () => {
    Deno.writeTextFileSync(calls, "the container ended by " + signal + "\\n", { append: true });
    Deno.exit(0);
  });
}
for await (const connection of listener) {
  connection.read(new Uint8Array(64)).then(async () => {
    await connection.write(Uint8Array.of(0, 0, 0, 12, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1));
    connection.close();
  }).catch(() => {});
}
`;
