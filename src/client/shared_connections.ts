/**
 * One shared connection per role, to whichever broker answers.
 * @module
 */
import { Effect, Exit, Random, Scope, Semaphore } from "effect";
import { ConnectionError } from "../errors.ts";
import type { BrokerAddress, Connection, Link, Role } from "../link/link.ts";

interface Slot {
  readonly lock: Semaphore.Semaphore;
  connection: Connection | null;
  scope: Scope.Closeable | null;
}

/** Keeps the shared connections; all of them end with the scope it was made with. */
export class SharedConnections {
  readonly #slots = new Map<Role, Slot>();
  #lastFailed = "";

  /** `known` names the brokers heard of so far. */
  constructor(
    readonly link: Link,
    readonly known: () => ReadonlyArray<BrokerAddress>,
    readonly scope: Scope.Scope,
  ) {}

  /** The open connection of a role, or null. */
  open(role: Role): Connection | null {
    const connection = this.#slots.get(role)?.connection;
    return connection?.isOpen() ? connection : null;
  }

  /** The open connection of a role, else a new one. Tries brokers one after the other; fails when none answers. */
  get(role: Role): Effect.Effect<Connection, ConnectionError> {
    return Effect.suspend(() => {
      const open = this.open(role);
      return open === null ? this.#slot(role).lock.withPermits(1)(this.#replace(role)) : Effect.succeed(open);
    });
  }

  /** Tries this broker last from now on: it takes connections but does not answer. */
  distrust(address: BrokerAddress): void {
    this.#lastFailed = at(address);
  }

  #slot(role: Role): Slot {
    let slot = this.#slots.get(role);
    if (slot === undefined) {
      this.#slots.set(role, slot = { lock: Semaphore.makeUnsafe(1), connection: null, scope: null });
    }
    return slot;
  }

  readonly #replace = Effect.fnUntraced(function* (this: SharedConnections, role: Role) {
    const slot = this.#slot(role);
    if (slot.connection?.isOpen()) return slot.connection;
    slot.connection = null;
    if (slot.scope !== null) yield* Scope.close(slot.scope, Exit.void);
    slot.scope = null;
    const failures: Array<ConnectionError> = [];
    for (const address of yield* this.#candidates()) {
      const scope = yield* Scope.fork(this.scope);
      const exit = yield* Effect.exit(Scope.provide(this.link.connect(address, role), scope)).pipe(
        Effect.onInterrupt(() => Scope.close(scope, Exit.void)),
      );
      if (Exit.isSuccess(exit)) {
        slot.scope = scope;
        return slot.connection = exit.value;
      }
      yield* Scope.close(scope, Exit.void);
      const reason = exit.cause.reasons.find((reason) => reason._tag === "Fail");
      if (reason === undefined) return yield* Effect.failCause(exit.cause);
      failures.push(reason.error);
    }
    // That they refuse this client is only said of all of them.
    const unclear = failures.find(({ reason }) => reason !== "authentication" && reason !== "tls");
    return yield* Effect.fail(
      failures.length === 1 ? failures[0] : new ConnectionError(
        this.link.name,
        (unclear ?? failures[0])?.reason ?? "refused",
        `no broker answers: ${failures.map((failure) => failure.message).join("; ")}`,
      ),
    );
  });

  /** Known brokers in random order, then the bootstrap addresses; the one that failed last at the end. */
  readonly #candidates = Effect.fnUntraced(function* (this: SharedConnections) {
    const byPlace = new Map<string, BrokerAddress>();
    for (const address of yield* Random.shuffle(this.known())) byPlace.set(at(address), address);
    for (const address of yield* Random.shuffle(this.link.bootstrap)) {
      if (!byPlace.has(at(address))) byPlace.set(at(address), address);
    }
    const last = byPlace.get(this.#lastFailed);
    if (last !== undefined && byPlace.delete(this.#lastFailed)) byPlace.set(this.#lastFailed, last);
    return [...byPlace.values()];
  });
}

/** host:port. */
export function at(address: BrokerAddress): string {
  return `${address.host}:${address.port}`;
}
