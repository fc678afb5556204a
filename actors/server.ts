/**
 * An HTTP server that lives as long as its system: open before the system is ready (health must answer), closed after
 * the drain.
 * @module
 */
import { type ActorSystem, ConfigError } from "@troupe/troupe";
import type { Hono } from "hono";
import { front, withOperations } from "./front.ts";

/** Where to listen. */
export interface Listen {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/** Milliseconds until the address is printed, ready or not. */
const readyWithin = 10_000;

/** Milliseconds that requests still under way after the drain have. */
const closeWithin = 1_000;

/** Serves the operator's pages and `routes` for `system`. Prints where it listens once the system is ready. */
export function httpServer(
  system: ActorSystem,
  { host, port }: Listen,
  ...routes: ReadonlyArray<Hono>
): AsyncDisposable {
  const cut = new AbortController();
  const server = listen({ host, port }, cut.signal, withOperations(system, front(system, ...routes)));
  let closed = false;
  const announce = async () => {
    await system.whenReady(readyWithin);
    const name = host.includes(":") ? `[${host}]` : host; // an IPv6 address stands in brackets
    if (!closed) console.log(`listening on http://${name}:${server.addr.port}`);
  };
  announce().catch((error) => console.error(error));
  return {
    async [Symbol.asyncDispose]() {
      closed = true;
      const timer = setTimeout(() => cut.abort(), closeWithin);
      await Promise.race([server.shutdown(), server.finished]).finally(() => clearTimeout(timer));
    },
  };
}

function listen(
  { host, port }: Listen,
  signal: AbortSignal,
  handler: Deno.ServeHandler,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: host, port, signal, onListen: () => {} }, handler);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) throw new ConfigError("PORT", `${host}:${port} is already in use`);
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new ConfigError("PORT", `can't listen on ${host}:${port}: ${reason}`, { cause: error });
    }
    // An address that is not one of this machine's, or a name that has none.
    throw new ConfigError("HOST", `can't listen on ${host}:${port}: ${reason}`, { cause: error });
  }
}
