import { assertEquals } from "../assert.ts";
import { Proxy } from "./proxy.ts";

/** Answers each frame of a connection with one of its own that has the same correlation id; notes what came. */
class Echo implements AsyncDisposable {
  readonly came: Array<number> = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #ended: Promise<unknown>;

  constructor() {
    this.#ended = (async () => {
      for await (const connection of this.#listener) await this.#serve(connection);
    })();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#ended;
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    const frame = new Uint8Array(12);
    while (await readFully(connection, frame)) {
      const id = new DataView(frame.buffer).getInt32(8);
      this.came.push(id);
      const answer = new DataView(new ArrayBuffer(8));
      answer.setInt32(0, 4);
      answer.setInt32(4, id);
      await connection.write(new Uint8Array(answer.buffer)).catch(() => {});
    }
    connection.close();
  }
}

async function readFully(connection: Deno.TcpConn, bytes: Uint8Array): Promise<boolean> {
  for (let at = 0; at < bytes.length;) {
    const read = await connection.read(bytes.subarray(at)).catch(() => null);
    if (read === null) return false;
    at += read;
  }
  return true;
}

/** A client that sends requests of one API, and reads the ids of answers until its connection ends. */
class Client implements Disposable {
  constructor(readonly connection: Deno.TcpConn) {}

  async send(apiKey: number, ...ids: ReadonlyArray<number>): Promise<void> {
    const bytes = new DataView(new ArrayBuffer(12 * ids.length));
    ids.forEach((id, i) => {
      bytes.setInt32(12 * i, 8);
      bytes.setInt16(12 * i + 4, apiKey);
      bytes.setInt32(12 * i + 8, id);
    });
    await this.connection.write(new Uint8Array(bytes.buffer));
  }

  /** The next answer's id, or null where the connection has ended. */
  async answer(): Promise<number | null> {
    const frame = new Uint8Array(8);
    return await readFully(this.connection, frame) ? new DataView(frame.buffer).getInt32(4) : null;
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }
}

async function world(use: (proxy: Proxy, echo: Echo, connect: () => Promise<Client>) => Promise<void>): Promise<void> {
  await using echo = new Echo();
  await using proxy = new Proxy(0, () => echo.port);
  await use(proxy, echo, async () => new Client(await Deno.connect({ hostname: "127.0.0.1", port: proxy.port })));
}

Deno.test("a proxy passes what it is not told to cut, also of two requests that come as one", () =>
  world(async (_proxy, echo, connect) => {
    using client = await connect();
    await client.send(3, 7, 8);
    assertEquals([await client.answer(), await client.answer()], [7, 8]);
    assertEquals(echo.came, [7, 8]);
  }));

Deno.test("a proxy loses the answer to a request that was carried out", () =>
  world(async (proxy, echo, connect) => {
    proxy.answer = ({ apiKey }) => apiKey === 0 ? "cut" : "pass";
    using client = await connect();
    await client.send(3, 1);
    assertEquals(await client.answer(), 1);
    await client.send(0, 2);
    assertEquals(await client.answer(), null);
    assertEquals([echo.came, proxy.cuts], [[1, 2], 1]);
  }));

Deno.test("a proxy cuts a connection before a request or behind it", () =>
  world(async (proxy, echo, connect) => {
    proxy.request = () => "cut";
    using before = await connect();
    await before.send(0, 1);
    assertEquals([await before.answer(), echo.came], [null, []]);
    proxy.request = () => "pass and cut";
    using behind = await connect();
    await behind.send(0, 2);
    await behind.answer(); // it may still come
    assertEquals(proxy.cuts, 2);
  }));

Deno.test("a proxy that is a black hole gives back what it has swallowed, in order", () =>
  world(async (proxy, _echo, connect) => {
    using client = await connect();
    await client.send(3, 1);
    assertEquals(await client.answer(), 1);
    proxy.blackHole = true;
    await client.send(3, 2, 3);
    const answer = client.answer();
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(() => resolve("nothing"), 50))]);
    assertEquals(first, "nothing");
    proxy.blackHole = false;
    assertEquals([await answer, await client.answer()], [2, 3]);
  }));

Deno.test("a proxy's delay lets nothing overtake", () =>
  world(async (proxy, _echo, connect) => {
    using client = await connect();
    proxy.delay = 30;
    await client.send(3, 1, 2);
    const begun = performance.now();
    assertEquals([await client.answer(), await client.answer()], [1, 2]);
    assertEquals(performance.now() - begun >= 50, true);
  }));
