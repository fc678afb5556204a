/**
 * A TCP proxy in front of a broker: it knows where Kafka's requests and answers begin and end, so it can lose an answer,
 * be slow, or swallow everything.
 * @module
 */

/** What becomes of a request or an answer. */
export type Fate =
  /** It goes on. */
  | "pass"
  /** The connection is cut before it goes on: an answer is lost, a request never comes. */
  | "cut"
  /** It goes on, then the connection is cut: whether it is carried out is unknown. */
  | "pass and cut"
  /** It never comes, and the connection stays open. */
  | "swallow";

/** A request or an answer on its way. */
export interface Frame {
  /** Of an answer: that of its request. */
  readonly apiKey: number;
  readonly bytes: number;
  /** When its connection was opened, by `performance.now()`. */
  readonly opened: number;
}

/** One proxy. Connections that were opened keep to what was set when a frame comes, not when they were opened. */
export class Proxy implements AsyncDisposable {
  /** Decides what becomes of each request. */
  request: (frame: Frame) => Fate = () => "pass";
  /** Decides what becomes of each answer. */
  answer: (frame: Frame) => Fate = () => "pass";
  /** Every frame takes so long, in ms. */
  delay = 0;
  /** Bytes a second in each direction of a connection. */
  bandwidth = Infinity;
  /** Connections cut so far. */
  cuts = 0;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #ended: Promise<void>;
  #hole: { readonly over: Promise<void>; readonly end: () => void } | null = null;

  /** Listens on 127.0.0.1; `target` is the broker's port. */
  constructor(port: number, readonly target: () => number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#ended = this.#accept();
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Swallows everything both ways; the connections stay. Ended, what was swallowed goes on, as TCP repeats it. */
  set blackHole(on: boolean) {
    if (on === (this.#hole !== null)) return;
    this.#hole?.end();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.#hole = on ? { over, end } : null;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const connection of this.#open) close(connection);
  }

  /** Ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.blackHole = false;
    this.#listener.close();
    this.cut();
    await this.#ended;
  }

  async #accept(): Promise<void> {
    const serving = new Set<Promise<void>>();
    try {
      for await (const client of this.#listener) {
        const served = this.#serve(client).finally(() => serving.delete(served));
        serving.add(served);
      }
    } finally {
      await Promise.all(serving);
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    this.#open.add(client);
    let broker: Deno.TcpConn;
    try {
      broker = await Deno.connect({ hostname: "127.0.0.1", port: this.target() });
    } catch {
      this.#open.delete(client);
      return close(client);
    }
    this.#open.add(broker);
    client.setNoDelay(true);
    broker.setNoDelay(true);
    const asked = new Map<number, number>();
    const opened = performance.now();
    const end = () => {
      for (const connection of [client, broker]) {
        this.#open.delete(connection);
        close(connection);
      }
    };
    const requests = this.#pump(client, broker, (frame) => {
      const view = new DataView(frame.buffer, frame.byteOffset);
      asked.set(view.getInt32(8), view.getInt16(4));
      return this.request({ apiKey: view.getInt16(4), bytes: frame.length, opened });
    });
    const answers = this.#pump(broker, client, (frame) => {
      const correlationId = new DataView(frame.buffer, frame.byteOffset).getInt32(4);
      const apiKey = asked.get(correlationId) ?? -1;
      asked.delete(correlationId);
      return this.answer({ apiKey, bytes: frame.length, opened });
    });
    await Promise.all([requests.finally(end), answers.finally(end)]);
  }

  /** Passes whole frames on until either end is gone or one is cut off. */
  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, decide: (frame: Uint8Array) => Fate): Promise<void> {
    const frames = new Frames();
    const buffer = new Uint8Array(65_536);
    // What is on its way: each frame starts out when it is read, and none overtakes another.
    let way: Promise<boolean> = Promise.resolve(true);
    let free = 0;
    const pass = async (before: Promise<boolean>, frame: Uint8Array, at: number): Promise<boolean> => {
      if (!await before) return false;
      if (at > performance.now()) await new Promise((resolve) => setTimeout(resolve, at - performance.now()));
      while (this.#hole !== null) await this.#hole.over;
      const fate = decide(frame);
      if (fate === "swallow") return true;
      if (fate !== "cut" && !await writeAll(to, frame)) return false;
      if (fate === "pass") return true;
      this.cuts++;
      // Both ends' reads end with this.
      close(from);
      return false;
    };
    for (;;) {
      const read = await from.read(buffer).catch(() => null);
      if (read === null) break;
      for (const frame of frames.take(buffer.subarray(0, read))) {
        free = Math.max(free, performance.now()) + frame.length / this.bandwidth * 1_000;
        way = pass(way, frame, this.delay === 0 && this.bandwidth === Infinity ? 0 : free + this.delay);
      }
    }
    await way;
  }
}

/** Puts a stream of bytes together to whole frames: a length of four bytes, and as many bytes. */
class Frames {
  #rest = new Uint8Array(0);

  take(chunk: Uint8Array): Array<Uint8Array> {
    const bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    const view = new DataView(bytes.buffer);
    const frames: Array<Uint8Array> = [];
    let at = 0;
    while (at + 4 <= bytes.length && at + 4 + view.getInt32(at) <= bytes.length) {
      const end = at + 4 + view.getInt32(at);
      frames.push(bytes.slice(at, end));
      at = end;
    }
    this.#rest = bytes.slice(at);
    return frames;
  }
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<boolean> {
  try {
    for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
    return true;
  } catch {
    return false;
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It was closed before.
  }
}
