/**
 * Opens the sockets kafkajs reads from and writes to.
 * @module
 */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { SocketRequest } from "./internals.ts";
import type { TlsOptions } from "./security/security_options.ts";

/** A TCP or TLS socket that sends small requests at once and notices a dead peer after about a minute of silence. */
export function openSocket({ host, port, onConnect }: SocketRequest, tls: TlsOptions | null): Socket {
  const socket = tls === null ? connect({ host, port }, onConnect) : connectTls({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...tls,
    ca: typeof tls.ca === "object" ? [...tls.ca] : tls.ca,
  }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  return socket;
}
