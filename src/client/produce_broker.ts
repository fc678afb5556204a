/**
 * One broker as the sender sees it.
 * @module
 */
import type { Scope } from "effect";
import { OwnConnection } from "./own_connection.ts";
import type { Cluster } from "./port.ts";

/** The connection to a broker and what is in flight on it. */
export class ProduceBroker {
  /** The one connection, for the order of requests. */
  readonly connection: OwnConnection;
  /** Requests not answered. */
  flying = 0;
  /** Whether a connection is being opened. */
  opening = false;
  /** Connections in a row that failed before an answer came. */
  failures = 0;
  /** It asked to be left alone until then, in monotonic milliseconds. */
  throttledUntil = 0;

  /** The connection ends with `scope`. */
  constructor(readonly nodeId: number, cluster: Cluster, scope: Scope.Scope) {
    this.connection = new OwnConnection(cluster, nodeId, "produce", scope);
  }
}
