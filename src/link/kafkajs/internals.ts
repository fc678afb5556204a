/**
 * The one place that knows kafkajs' inner modules. 2.2.4 is its last release, so they don't move; that it is this one is
 * checked when they are loaded. They are loaded when a link is made, not when the framework is imported.
 * @module
 */
import type { Socket } from "node:net";

/** A request under way, in kafkajs' own words. */
export interface QueueEntry {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  readonly correlationId: number;
  /** `payload` is what follows the correlation id; null where no answer is expected. */
  readonly resolve: (answer: { readonly payload: Uint8Array | null }) => void;
  readonly reject: (error: Error) => void;
}

/** kafkajs' table of requests under way. */
export interface RequestQueue {
  readonly inflight: Map<number, { readonly rejected: (error: Error) => void }>;
  push(request: {
    readonly entry: QueueEntry;
    readonly expectResponse: boolean;
    readonly sendRequest: () => void;
  }): void;
  fulfillRequest(answer: { readonly correlationId: number; readonly payload: Uint8Array; readonly size: number }): void;
  rejectAll(error: Error): void;
  destroy(): void;
  scheduleCheckPendingRequests(): void;
  maybeThrottle(milliseconds: number): void;
}

/** kafkajs' connection: a socket, and answers cut into frames. Its TLS options and its SASL are not used. */
export interface KafkajsConnection {
  readonly requestQueue: RequestQueue;
  connectionStatus: string;
  /** Set by `connect`, before it waits. */
  readonly socket?: Socket;
  connect(): Promise<boolean>;
  disconnect(): Promise<boolean>;
  nextCorrelationId(): number;
  processData(chunk: Uint8Array): void;
}

/** kafkajs' logger; ours says nothing, as every failure reaches the caller as an error. */
interface KafkajsLogger {
  readonly namespace: () => KafkajsLogger;
  readonly debug: () => void;
  readonly info: () => void;
  readonly warn: () => void;
  readonly error: () => void;
}

/** What kafkajs asks of a socket factory. */
export interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly onConnect: () => void;
}

/** The options of kafkajs' connection. */
export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  /** Milliseconds after which `connect` gives up. */
  readonly connectionTimeout: number;
  readonly socketFactory: (request: SocketRequest) => Socket;
}

/** Makes connections. */
export type ConnectionFactory = (options: ConnectionOptions) => KafkajsConnection;

const release = "2.2.4";

const silent: KafkajsLogger = {
  namespace: () => silent,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

/** Loads kafkajs. Throws when it is missing or of another release. */
export async function loadKafkajs(): Promise<ConnectionFactory> {
  const manifest: { default: { version: string } } = await import("kafkajs/package.json", { with: { type: "json" } });
  const { version } = manifest.default;
  if (version !== release) throw new Error(`kafkajs ${version} found; the link is written for ${release} exactly`);
  const module: unknown = await import("kafkajs/src/network/connection.js");
  const { default: Connection } = module as { default: new (options: unknown) => KafkajsConnection };
  return (options) => {
    const connection = new Connection({
      ...options,
      logger: silent,
      // Its time-outs can only be lengthened and poll ten times a second: ours are in `call`.
      requestTimeout: 0x7fff_ffff,
      enforceRequestTimeout: false,
      maxInFlightRequests: null,
    });
    const queue = connection.requestQueue;
    // Nothing is ever put aside (no limit, no throttling), so there is nothing to look for: stock looks every millisecond.
    queue.scheduleCheckPendingRequests = () => {};
    queue.maybeThrottle = () => {};
    // Stock rejects each before it forgets it: who waits may close the connection at once, and then it is rejected twice.
    queue.rejectAll = (error) => {
      const requests = [...queue.inflight.values()];
      queue.inflight.clear();
      for (const request of requests) request.rejected(error);
    };
    // Stock waits for the answers of what is under way, for ever if the broker is silent.
    connection.disconnect = () => {
      connection.connectionStatus = "disconnected";
      queue.rejectAll(new Error("the connection was closed"));
      queue.destroy();
      connection.socket?.destroy();
      return Promise.resolve(true);
    };
    return connection;
  };
}
