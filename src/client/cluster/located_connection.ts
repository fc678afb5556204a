/**
 * A connection to the broker that has a certain duty at the time: a group's coordinator, a partition's leader.
 * @module
 */
import { Effect, Exit, Scope, Semaphore } from "effect";
import type { ConnectionError, KafkaError } from "../../errors.ts";
import { ErrorCode, passingErrors } from "../../link/error_code.ts";
import type { Connection, Role } from "../../link/link.ts";
import type { Cluster } from "../port.ts";

const elsewhere: ReadonlySet<number> = new Set([
  ...passingErrors,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
]);

/** Whether an answer says nothing about who asked, only that the coordinator is not there, not ready or not well. */
export function isCoordinatorTrouble(errorCode: number): boolean {
  return elsewhere.has(errorCode);
}

/**
 * A connection that is opened when it is needed, to the broker `locate` names then, and anew after it has ended or was
 * dropped. Many fibers may share it; those that ask while it is being opened wait for the same one.
 */
export class LocatedConnection<E = never> {
  readonly #lock = Semaphore.makeUnsafe(1);
  #connection: Connection | null = null;
  #scope: Scope.Closeable | null = null;

  /** Ends with `scope` at the latest. `locate` answers a node id. */
  constructor(
    readonly cluster: Cluster,
    readonly locate: Effect.Effect<number, E>,
    readonly role: Role,
    readonly scope: Scope.Scope,
  ) {}

  /** The open connection, else a new one. */
  readonly get: Effect.Effect<Connection, ConnectionError | E> = Effect.suspend(() =>
    this.#connection?.isOpen() ? Effect.succeed(this.#connection) : this.#lock.withPermits(1)(this.#open)
  );

  /** Ends it: what is under way on it fails, and the next `get` locates the broker again. */
  readonly drop: Effect.Effect<void> = Effect.suspend(() => {
    const scope = this.#scope;
    this.#connection = null;
    this.#scope = null;
    return scope === null ? Effect.void : Scope.close(scope, Exit.void);
  });

  /** As `drop`, unless another connection has taken the place of this one. */
  forget(connection: Connection): Effect.Effect<void> {
    return Effect.suspend(() => this.#connection === connection ? this.drop : Effect.void);
  }

  readonly #open: Effect.Effect<Connection, ConnectionError | E> = Effect.suspend(() => {
    if (this.#connection?.isOpen()) return Effect.succeed(this.#connection);
    return Effect.andThen(
      this.drop,
      Effect.flatMap(this.locate, (nodeId) => {
        const scope = Scope.forkUnsafe(this.scope);
        this.#scope = scope;
        return Scope.provide(this.cluster.connect(nodeId, this.role), scope).pipe(
          Effect.map((connection) => this.#connection = connection),
          Effect.onError(() => Scope.close(scope, Exit.void)),
        );
      }),
    );
  });
}

/** A connection to the coordinator of a group. */
export function coordinatorConnection(
  cluster: Cluster,
  groupId: string,
  role: Role,
  scope: Scope.Scope,
): LocatedConnection<ConnectionError | KafkaError> {
  const locate = Effect.map(cluster.coordinator(groupId), ({ nodeId }) => nodeId);
  return new LocatedConnection(cluster, locate, role, scope);
}
