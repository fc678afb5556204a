/**
 * A broker of a few lines on a real socket, for what a real one never does.
 * @module
 */

/** A request as it came in. */
export interface Received {
  /** The API's number. */
  readonly key: number;
  readonly correlationId: number;
  /** The whole frame without its length. */
  readonly frame: Uint8Array;
}

/** One connection, from the broker's side. */
export interface Visitor {
  /** Sends bytes as they are. */
  readonly send: (...bytes: ReadonlyArray<number>) => Promise<void>;
  /** Sends an answer: length, correlation id, body. */
  readonly answer: (correlationId: number, body: ReadonlyArray<number>) => Promise<void>;
  readonly close: () => void;
}

/** What the broker does with a request; the first one of a connection is ApiVersions. */
export type Script = (request: Received, visitor: Visitor) => unknown;

/** Listens on the loopback until disposed of. */
export class ScriptedBroker implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #served: Promise<void>;
  #gone = Promise.withResolvers<void>();
  /** Requests so far, in the order they came. */
  readonly received: Array<Received> = [];

  /** `greet` runs when a connection has come in, `script` for each request. */
  constructor(readonly script: Script, readonly greet: (visitor: Visitor) => unknown = () => {}) {
    this.#served = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  get name(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Waits until no client is connected any more. */
  async deserted(): Promise<void> {
    while (this.#open.size > 0) await this.#gone.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) connection.close();
    await this.#served;
    await this.deserted();
  }

  async #serve(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.#open.add(connection);
        this.#visit(connection);
      }
    } catch {
      // Closed.
    }
  }

  async #visit(connection: Deno.Conn): Promise<void> {
    const visitor: Visitor = {
      send: async (...bytes) => {
        await connection.write(Uint8Array.from(bytes)).catch(() => {});
      },
      answer: (correlationId, body) => visitor.send(...int32(4 + body.length), ...int32(correlationId), ...body),
      close: () => connection.close(),
    };
    try {
      await this.greet(visitor);
      while (true) {
        const head = await read(connection, 4);
        const frame = await read(connection, new DataView(head.buffer).getInt32(0));
        const view = new DataView(frame.buffer);
        const request = { key: view.getInt16(0), correlationId: view.getInt32(4), frame };
        this.received.push(request);
        await this.script(request, visitor);
      }
    } catch {
      // The client or the script has closed it.
    } finally {
      try {
        connection.close();
      } catch {
        // Closed already.
      }
      this.#open.delete(connection);
      this.#gone.resolve();
      this.#gone = Promise.withResolvers();
    }
  }
}

/** The body of an ApiVersions answer: this broker knows versions 0 to `max` of the first 60 APIs. */
export function allVersions(max = 20): Array<number> {
  const apis = Array.from({ length: 60 }, (_, key) => [0, key, 0, 0, 0, max]);
  return [0, 0, ...int32(apis.length), ...apis.flat()];
}

/** A script that answers ApiVersions and leaves the rest to `script`. */
export function afterVersions(script: Script, max?: number): Script {
  return (request, visitor) =>
    request.key === apiVersions ? visitor.answer(request.correlationId, allVersions(max)) : script(request, visitor);
}

/** Four bytes, the first one first. */
export function int32(value: number): Array<number> {
  return [value >>> 24, value >>> 16 & 0xff, value >>> 8 & 0xff, value & 0xff];
}

/** The number of ApiVersions. */
export const apiVersions = 18;

async function read(connection: Deno.Conn, count: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const more = await connection.read(bytes.subarray(at));
    if (more === null) throw new Error("the client has closed the connection");
    at += more;
  }
  return bytes;
}
