/**
 * A host runs members of groups on one client.
 * @module
 */
import type { RebalanceEvent } from "./ledger.ts";

/** In the place of an assignor: the group protocol of KIP-848, where the brokers share out. */
export const newerProtocol = "consumer";

/** A member to start. */
export interface Joining {
  /** Its name, also its client id where the client has one per member. */
  readonly name: string;
  readonly group: string;
  /** By the names of the protocol, the favourite first. */
  readonly assignors: ReadonlyArray<string>;
  readonly topics: ReadonlyArray<string>;
  readonly instanceId?: string;
}

/** Runs members. */
export interface MemberHost extends AsyncDisposable {
  /** Starts a member; what it says of its partitions goes to `tell`. */
  readonly start: (joining: Joining, tell: (event: RebalanceEvent) => void) => void;
  /** Makes it leave; ends when it has. */
  readonly stop: (name: string) => Promise<void>;
}

/** Members in a process of another client that takes commands and tells events by lines. */
export class ProcessHost implements MemberHost {
  readonly #tell = new Map<string, (event: RebalanceEvent) => void>();
  readonly #stopped = new Map<string, PromiseWithResolvers<void>>();
  readonly #commands: WritableStreamDefaultWriter<string>;
  readonly #written: Promise<void>;
  readonly #read: Promise<void>;

  /** Its standard input and output have to be pipes. */
  constructor(private readonly process: Deno.ChildProcess) {
    const lines = new TextEncoderStream();
    this.#written = lines.readable.pipeTo(process.stdin);
    this.#commands = lines.writable.getWriter();
    this.#read = this.#follow();
  }

  /** See {@linkcode MemberHost}. */
  start(joining: Joining, tell: (event: RebalanceEvent) => void): void {
    const { name, group, assignors, topics, instanceId } = joining;
    this.#tell.set(name, tell);
    const stopped = Promise.withResolvers<void>();
    // Who asks for the end is told; nobody need ask.
    stopped.promise.catch(() => {});
    this.#stopped.set(name, stopped);
    const words = [
      "start",
      name,
      group,
      assignors.join(),
      topics.join(),
      ...instanceId === undefined ? [] : [instanceId],
    ];
    this.#say(words);
  }

  /** See {@linkcode MemberHost}. */
  async stop(name: string): Promise<void> {
    this.#say(["stop", name]);
    await this.#stopped.get(name)?.promise;
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commands.close();
    await this.#written.catch(() => {});
    await this.#read;
    await this.process.status;
  }

  #say(words: ReadonlyArray<string>): void {
    this.#commands.write(`${words.join(" ")}\n`).catch(() => {});
  }

  async #follow(): Promise<void> {
    let rest = "";
    for await (const text of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach((line) => this.#line(line));
    }
    for (const { reject } of this.#stopped.values()) reject(new Error("the process has ended"));
  }

  #line(line: string): void {
    const [change, member, at, ...partitions] = line.trim().split(" ");
    if (change === "stopped") this.#stopped.get(member)?.resolve();
    else if (change === "assigned" || change === "revoked" || change === "lost") {
      this.#tell.get(member)?.({ member, change, at: Number(at), partitions });
    }
  }
}
