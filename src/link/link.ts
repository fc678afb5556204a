/**
 * The port to a Kafka: open a connection to a broker, call a request, get its answer. Everything hard (rebalances,
 * fencing, retries, lost answers) runs above it and is the same on every link.
 * @module
 */
import type { Effect, Scope } from "effect";
import type { ConnectionError } from "../errors.ts";
import type { Answer, ApiName, Request } from "./protocol.ts";

/** Where a broker listens. */
export interface BrokerAddress {
  /** The broker's id; -1 for a bootstrap address whose id is not known yet. */
  readonly nodeId: number;
  /** Host name or address. */
  readonly host: string;
  /** Port. */
  readonly port: number;
}

/**
 * What a connection is for. Each role has a connection of its own, because a broker answers the requests of one
 * connection in order: a JoinGroup or a long Fetch blocks all that stand behind it.
 */
export type Role = "metadata" | "group" | "offsets" | "fetch" | "produce" | "admin";

/** One connection to one broker. It ends with the scope it was opened in, at the first fault, or by `close`. */
export interface Connection {
  /** The broker at the other end. */
  readonly address: BrokerAddress;
  /** False once it has ended; it never opens again. */
  readonly isOpen: () => boolean;
  /**
   * Runs one request. The request is on its way as soon as the effect runs, before it suspends: the order of calls is
   * the order on the wire. Fails when the connection ends first or when no answer came within `timeout` milliseconds
   * (default: the link's request time-out); a time-out closes the connection, as a late answer can't be told from a
   * wrong one. After a failure the request may or may not have been applied.
   */
  readonly call: <A extends ApiName>(
    api: A,
    request: Request<A>,
    timeout?: number,
  ) => Effect.Effect<Answer<A>, ConnectionError>;
  /** Ends it at once: every call under way fails with reason `closed`. */
  readonly close: Effect.Effect<void>;
}

/** A way to a Kafka. */
export interface Link {
  /** For logs: "embedded", or the bootstrap addresses. */
  readonly name: string;
  /** Addresses to begin with. */
  readonly bootstrap: ReadonlyArray<BrokerAddress>;
  /** Opens a connection (with TLS, authentication and version negotiation where the link has them). */
  readonly connect: (address: BrokerAddress, role: Role) => Effect.Effect<Connection, ConnectionError, Scope.Scope>;
}
