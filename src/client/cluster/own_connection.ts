/**
 * The one connection a loop works on.
 * @module
 */
import { Effect, Exit, Scope } from "effect";
import type { ConnectionError } from "../../errors.ts";
import type { Connection, Role } from "../../link/link.ts";
import type { Cluster } from "../port.ts";

/** A connection to one broker that is opened when it is needed, and opened anew after it has ended. For one fiber. */
export class OwnConnection {
  #connection: Connection | null = null;
  #scope: Scope.Closeable | null = null;

  /** Ends with `scope` at the latest. */
  constructor(
    readonly cluster: Cluster,
    readonly nodeId: number,
    readonly role: Role,
    readonly scope: Scope.Scope,
  ) {}

  /** The connection if it is open, else null. */
  open(): Connection | null {
    return this.#connection?.isOpen() ? this.#connection : null;
  }

  /** The open connection, else a new one. */
  readonly get: Effect.Effect<Connection, ConnectionError> = Effect.suspend(() => {
    const open = this.open();
    return open === null ? Effect.andThen(this.drop, this.#connect) : Effect.succeed(open);
  });

  /** Ends it: what is under way on it fails. */
  readonly drop: Effect.Effect<void> = Effect.suspend(() => {
    const scope = this.#scope;
    this.#connection = null;
    this.#scope = null;
    return scope === null ? Effect.void : Scope.close(scope, Exit.void);
  });

  readonly #connect: Effect.Effect<Connection, ConnectionError> = Effect.suspend(() => {
    const scope = Scope.forkUnsafe(this.scope);
    this.#scope = scope;
    return Scope.provide(this.cluster.connect(this.nodeId, this.role), scope).pipe(
      Effect.map((connection) => this.#connection = connection),
      Effect.onError(() => Scope.close(scope, Exit.void)),
    );
  });
}
