/**
 * One shared connection per role, to whichever broker answers.
 * @module
 */
import { Effect, Exit, Fiber, Random, Scope, Semaphore } from "effect";
import { ConnectionError } from "../../errors.ts";
import { Signal } from "../../fiber/signal.ts";
import type { BrokerAddress, Connection, Link, Role } from "../../link/link.ts";

interface Slot {
  readonly lock: Semaphore.Semaphore;
  connection: Connection | null;
  scope: Scope.Closeable | null;
}

interface Opened {
  readonly connection: Connection;
  readonly scope: Scope.Closeable;
}

/** How long a broker may be silent before the next one is tried beside it, in milliseconds. */
const headStart = 500;

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
      if (this.scope.state._tag === "Closed") {
        return Effect.fail(new ConnectionError(this.link.name, "closed", "the client has ended"));
      }
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
    return yield* this.#dial(yield* this.#candidates(), role, slot);
  });

  /**
   * Opens a connection to the first of these brokers that answers, and puts it into the slot. One that says nothing holds
   * nobody up: the next is tried beside it after a while.
   */
  readonly #dial = Effect.fnUntraced(function* (
    this: SharedConnections,
    candidates: ReadonlyArray<BrokerAddress>,
    role: Role,
    slot: Slot,
  ) {
    const ended: Array<Exit.Exit<Opened, ConnectionError>> = [];
    const wake = new Signal();
    const dials: Array<Fiber.Fiber<void>> = [];
    const failures: Array<ConnectionError> = [];
    const finish = Effect.suspend(() => Fiber.interruptAll(dials)).pipe(
      Effect.andThen(Effect.suspend(() => {
        // Others may have come through in the meantime.
        const spare = ended.filter(Exit.isSuccess).map(({ value }) => Scope.close(value.scope, Exit.void));
        return Effect.all(spare, { discard: true });
      })),
    );
    return yield* Effect.gen({ self: this }, function* () {
      for (let started = 0;;) {
        if (failures.length === candidates.length) return yield* Effect.fail(this.#noneOf(failures));
        if (started < candidates.length) {
          const opening = this.#open(candidates[started++], role);
          const dial = Effect.uninterruptibleMask((restore) =>
            Effect.map(Effect.exit(restore(opening)), (exit) => {
              ended.push(exit);
              wake.raise();
            })
          );
          dials.push(yield* Effect.forkChild(dial, { startImmediately: true }));
        }
        if (ended.length === 0) {
          wake.clear();
          yield* wake.waitAtMost(started < candidates.length ? headStart : Infinity);
        }
        const exit = ended.shift();
        if (exit === undefined) continue;
        if (Exit.isSuccess(exit)) {
          // Now: whoever waits for it may be interrupted while the others end.
          slot.scope = exit.value.scope;
          return slot.connection = exit.value.connection;
        }
        const reason = exit.cause.reasons.find((reason) => reason._tag === "Fail");
        if (reason === undefined) return yield* Effect.failCause(exit.cause);
        failures.push(reason.error);
      }
    }).pipe(Effect.ensuring(finish));
  });

  /** A connection in a scope of its own, which is closed again where it fails or is given up. */
  #open(address: BrokerAddress, role: Role): Effect.Effect<Opened, ConnectionError> {
    return Effect.suspend(() => {
      const scope = Scope.forkUnsafe(this.scope);
      return Scope.provide(this.link.connect(address, role), scope).pipe(
        Effect.map((connection) => ({ connection, scope })),
        Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, Exit.void)),
      );
    });
  }

  #noneOf(failures: ReadonlyArray<ConnectionError>): ConnectionError {
    if (failures.length === 1) return failures[0];
    // That they refuse this client is only said of all of them.
    const unclear = failures.find(({ reason }) => reason !== "authentication" && reason !== "tls");
    return new ConnectionError(
      this.link.name,
      (unclear ?? failures[0])?.reason ?? "refused",
      `no broker answers: ${failures.map((failure) => failure.message).join("; ")}`,
    );
  }

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
