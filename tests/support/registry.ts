/**
 * As much of JSR as it takes to publish one package and to import it, on the loopback.
 * @module
 */

/** What is published. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
}

/** A registry that is empty until `deno publish` has been run with its `url` as JSR_URL. */
export class Registry implements AsyncDisposable {
  /** The files of the package, by path from its root. */
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(readonly published: Package) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(request.method, new URL(request.url).pathname, request.body),
    );
  }

  /** To be given as JSR_URL. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }

  async #answer(method: string, path: string, body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Promise<Response> {
    const { name, version, exports } = this.published;
    if (path.startsWith("/api/")) {
      if (method === "POST" && body !== null) {
        const tar = await new Response(body.pipeThrough(new DecompressionStream("gzip"))).bytes();
        for (const [file, bytes] of untar(tar)) this.files.set(file, bytes);
      } else if (path.endsWith(`/versions/${version}`)) return missing();
      return Response.json({ id: "00000000-0000-0000-0000-000000000000", status: "success" });
    }
    if (path === `/${name}/meta.json`) return Response.json({ latest: version, versions: { [version]: {} } });
    if (path === `/${name}/${version}_meta.json`) return Response.json({ exports, manifest: await this.#manifest() });
    const file = this.files.get(path.slice(`/${name}/${version}`.length));
    return file === undefined ? missing() : new Response(file, { headers: { "content-type": "text/typescript" } });
  }

  /** Sizes and check sums, which Deno compares with what it is given. */
  async #manifest(): Promise<Record<string, { size: number; checksum: string }>> {
    const entries = [...this.files].map(async ([path, bytes]) => {
      const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
      return [path, { size: bytes.length, checksum: `sha256-${sum}` }] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }
}

function missing(): Response {
  return new Response(null, { status: 404 });
}

/** The files of a tar: 512 bytes of header with name and octal size, then the contents up to a multiple of 512. */
function* untar(tar: Uint8Array<ArrayBuffer>): Generator<readonly [string, Uint8Array<ArrayBuffer>]> {
  const decoder = new TextDecoder();
  const text = (at: number, length: number) => decoder.decode(tar.subarray(at, at + length)).split("\0")[0].trim();
  for (let at = 0; at < tar.length && tar[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    yield [`/${text(at, 100)}`, tar.slice(at + 512, at + 512 + size)];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
