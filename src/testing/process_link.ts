/**
 * One process's way to an embedded Kafka: what the operating system would close when the process dies.
 * @module
 */
import { Effect } from "effect";
import type { Broker } from "../broker.ts";
import { EmbeddedConnection } from "../link/embedded/connection.ts";
import type { EmbeddedKafka } from "../link/embedded/embedded.ts";

/** Knows the connections of one process. */
export class ProcessLink {
  readonly #connections = new Map<number, EmbeddedConnection>();

  /** A way to this Kafka. */
  constructor(private readonly kafka: EmbeddedKafka) {}

  /** For a system of this process. */
  readonly broker: Broker = {
    kind: "broker",
    name: "embedded",
    open: Effect.suspend(() =>
      Effect.map(this.kafka.open, (link) => ({
        ...link,
        connect: (address, role) =>
          Effect.tap(link.connect(address, role), (connection) =>
            Effect.sync(() => {
              if (connection instanceof EmbeddedConnection) this.#connections.set(connection.number, connection);
            })),
      }))
    ),
  };

  /** Whether the connection of this number is, or was, one of this process. */
  has(connection: number): boolean {
    return this.#connections.has(connection);
  }

  /** Connections that are open. */
  get open(): number {
    let open = 0;
    for (const connection of this.#connections.values()) if (connection.isOpen()) open++;
    return open;
  }

  /** Ends them all at once, from outside of the process. */
  cut(): void {
    for (const connection of this.#connections.values()) connection.end("its process has died");
  }
}
