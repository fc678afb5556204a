/**
 * One broker as the sender sees it.
 * @module
 */
import type { Scope } from "effect";
import type { Connection } from "../../link/link.ts";
import type { Shipment } from "./dispatcher.ts";
import { OwnConnection } from "../cluster/own_connection.ts";
import type { Cluster } from "../port.ts";

/** A request on its way. */
export interface Flight {
  readonly connection: Connection;
  readonly shipments: ReadonlyArray<Shipment>;
  /** When it was sent, in monotonic milliseconds. */
  readonly at: number;
  /** When it is to be asked next who leads, in monotonic milliseconds. */
  askAt: number;
}

/**
 * After so many milliseconds without an answer it is asked whether the broker still leads. A broker that is frozen, or cut
 * off from the others, would hold its partitions up for the whole request time-out although another leads them by then.
 */
export const patience = 3_000;
/** How often it is asked then, in milliseconds. */
const askEvery = 1_000;

/** The connection to a broker and what is in flight on it. */
export class ProduceBroker {
  /** The one connection, for the order of requests. */
  readonly connection: OwnConnection;
  /** Requests not answered, the oldest first. */
  readonly flights = new Set<Flight>();
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

  /**
   * Looks at what has gone unanswered for long: tells whose metadata is to be doubted, and answers the connections to give
   * up, as another broker leads by now a partition that waits on it. What was sent is repeated there, with its numbers.
   */
  late(now: number, doubt: (topic: string) => void): ReadonlyArray<Connection> {
    const abandoned = new Set<Connection>();
    for (const flight of this.flights) {
      if (now - flight.at < patience) continue;
      const due = now >= flight.askAt;
      if (due) flight.askAt = now + askEvery;
      for (const { partition } of flight.shipments) {
        if (partition.leader >= 0 && partition.leader !== this.nodeId) abandoned.add(flight.connection);
        else if (due) doubt(partition.topic);
      }
    }
    return [...abandoned];
  }

  /** When `late` has something to look at, in monotonic milliseconds. */
  get lateAt(): number {
    let at = Infinity;
    for (const flight of this.flights) at = Math.min(at, flight.askAt);
    return at;
  }
}
