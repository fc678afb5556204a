/**
 * Opens the sockets kafkajs reads from and writes to.
 * @module
 */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { SocketRequest } from "./internals.ts";

/** A TCP or TLS socket that sends small requests at once and notices a dead peer after about a minute of silence. */
export function openSocket({ host, port, ssl, onConnect }: SocketRequest): Socket {
  const socket = ssl === null ? connect({ host, port }, onConnect) : connectTls({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...ssl,
    ca: typeof ssl.ca === "object" ? [...ssl.ca] : ssl.ca,
  }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  return socket;
}
