/**
 * What is known of the cluster, kept fresh in the background, and the connections to it.
 * @module
 */
import { Clock, Deferred, Effect, Exit, Scope } from "effect";
import { ConfigError, ConnectionError, KafkaError } from "../../errors.ts";
import { errorName } from "../../link/error_code.ts";
import type { BrokerAddress, Connection, Link, Role } from "../../link/link.ts";
import type { Answer } from "../../link/protocol.ts";
import { pause } from "../backoff.ts";
import { type ClusterOptions, clusterSchema } from "./cluster_options.ts";
import { forkLoop } from "../loop.ts";
import type { Cluster } from "../port.ts";
import { at, SharedConnections } from "./shared_connections.ts";
import { monotonicMs } from "../../fiber/monotonic.ts";
import { Signal } from "../../fiber/signal.ts";
import { newsText, Topology } from "./topology.ts";
import { Warnings } from "../warnings.ts";

export type { ClusterOptions } from "./cluster_options.ts";

/** Failures that trying again does not mend, and the option that does. */
const refusals: { readonly [reason in ConnectionError["reason"]]?: string } = { authentication: "sasl", tls: "ssl" };

/** How soon is asked again while a topic is said to be gone, in milliseconds. */
const doubtfulAge = 2_000;

/** A broker that others still name and that can't be connected to for so long is spoken of: a restart is shorter. In ms. */
const unreachableAfter = 3_000;

/** At most one warning in so many milliseconds while no broker answers. */
const warnEvery = 10_000;

/**
 * Watches a cluster through a link until the scope ends. Does not fail while no broker answers: `reachable()` is false
 * then, a warning is logged every 10 seconds at most, and it goes on trying. Waits for the first answer or failure, but
 * at most a second. Fails when the brokers refuse this client; when that shows later, `refused` does.
 */
export const makeCluster: (link: Link, options?: ClusterOptions) => Effect.Effect<Cluster, ConfigError, Scope.Scope> =
  Effect.fnUntraced(function* (link: Link, options: ClusterOptions = {}) {
    const {
      metadataMaxAge: maxAge,
      metadataTimeout: timeout,
      reconnectBackoff: firstPause,
      reconnectBackoffMax: longestPause,
    } = clusterSchema.parse(options);

    const scope = yield* Effect.scope;
    const clock = yield* Clock.Clock;
    const warnings = new Warnings(clock);
    /** Brokers that can't be connected to, and since when. */
    const lost = new Map<number, number>();
    const topology = new Topology();
    const shared = new SharedConnections(link, () => topology.brokers(), scope);
    const wanted = new Set<string>();
    const wake = new Signal();
    let reachable = false;
    let accepted = false;
    const refused = Deferred.makeUnsafe<never, ConfigError>();
    let warnedAt = -Infinity;
    const first = Deferred.makeUnsafe<void, ConnectionError>();
    let waiting = [first];
    let served: typeof waiting = [];

    const unreachable = (error: ConnectionError) =>
      Effect.suspend(() => {
        reachable = false;
        // Whoever has been let in before is let in again some day; whoever never was has something to set right.
        const wrong = accepted ? undefined : refusals[error.reason];
        if (wrong !== undefined) {
          Deferred.doneUnsafe(refused, Exit.fail(new ConfigError(wrong, error.message, { cause: error })));
          return Effect.void;
        }
        const now = monotonicMs(clock);
        // A client that ends opens no more connections: that says nothing about the brokers.
        if (now - warnedAt < warnEvery || scope.state._tag === "Closed") return Effect.void;
        warnedAt = now;
        const places = new Set([...topology.brokers(), ...link.bootstrap].map(at));
        return Effect.logWarning(`no broker answers (${[...places].join(", ")}), trying again: ${error.message}`);
      });

    const answered = Effect.suspend(() => {
      const before = reachable;
      reachable = accepted = true;
      if (before || warnedAt === -Infinity) return Effect.void;
      warnedAt = -Infinity;
      return Effect.logInfo(`a broker answers again (${link.name})`);
    });

    /** Runs a request on the shared connection; where that turns out to be dead, once more on another one. */
    const ask = <A>(request: (connection: Connection) => Effect.Effect<A, ConnectionError>) => {
      const tried = (connection: Connection) =>
        Effect.tapError(request(connection), () => {
          shared.distrust(connection.address);
          return connection.close;
        });
      return Effect.flatMap(
        shared.get("metadata"),
        (connection) =>
          Effect.catchTag(tried(connection), "ConnectionError", () => Effect.flatMap(shared.get("metadata"), tried)),
      );
    };

    const update = Effect.suspend(() =>
      ask<Answer<"Metadata">>((connection) =>
        connection.call("Metadata", { topics: [...wanted], allowAutoTopicCreation: false }, timeout)
      )
    ).pipe(
      Effect.map((answer) => topology.update(answer, monotonicMs(clock))),
      Effect.flatMap((news) =>
        Effect.forEach(
          news,
          (one) => one.kind === "returned" ? Effect.logInfo(newsText(one)) : Effect.logWarning(newsText(one)),
          { discard: true },
        )
      ),
    );

    const watch = Effect.gen(function* () {
      for (let failures = 0;;) {
        // Only who asked before the request left may take its answer for a fresh one.
        wake.clear();
        served = waiting;
        waiting = [];
        const exit = yield* Effect.exit(update);
        const reason = Exit.isFailure(exit) ? exit.cause.reasons.find((reason) => reason._tag === "Fail") : undefined;
        if (Exit.isFailure(exit) && reason === undefined) {
          waiting.push(...served.splice(0)); // the loop starts again: they wait for its next answer
          return yield* Effect.failCause(exit.cause);
        }
        yield* reason === undefined ? answered : unreachable(reason.error);
        for (const deferred of served) Deferred.doneUnsafe(deferred, exit);
        if (reason === undefined) {
          failures = 0;
          if (waiting.length === 0) yield* wake.waitAtMost(topology.doubtful ? Math.min(maxAge, doubtfulAge) : maxAge);
          continue;
        }
        yield* pause(failures++, firstPause, longestPause);
      }
    });

    const ended = new ConnectionError(link.name, "closed", "the client has ended");
    const refresh = (topics: ReadonlyArray<string>) =>
      Effect.suspend(() => {
        if (scope.state._tag === "Closed") return Effect.fail(ended);
        for (const topic of topics) wanted.add(topic);
        const deferred = Deferred.makeUnsafe<void, ConnectionError>();
        waiting.push(deferred);
        wake.raise();
        return Deferred.await(deferred);
      });

    /** For others than the loop, which then has to find out when a broker answers again. */
    const noticed = (error: ConnectionError) => Effect.andThen(unreachable(error), Effect.sync(() => wake.raise()));

    const anyConnection = (role: Role) => Effect.tapError(shared.get(role), noticed);

    const connect = (nodeId: number, role: Role) =>
      Effect.suspend(() => {
        const address = topology.broker(nodeId);
        if (address === undefined) {
          return Effect.fail(new ConnectionError(`node ${nodeId}`, "refused", `not among the brokers of ${link.name}`));
        }
        return link.connect(address, role).pipe(
          Effect.tap(() => Effect.sync(() => lost.delete(nodeId))),
          Effect.tapError((error) => {
            // The broker may have moved to another address, or be gone.
            wake.raise();
            const now = monotonicMs(clock);
            const since = lost.get(nodeId) ?? now;
            lost.set(nodeId, since);
            if (!reachable || now - since < unreachableAfter) return Effect.void;
            const text = `broker ${nodeId} can't be reached where the cluster says it listens (advertised.listeners)`;
            return warnings.warn(`broker ${nodeId}`, `${text}, trying again: ${error.message}`);
          }),
        );
      });

    const coordinator = Effect.fnUntraced(function* (groupId: string) {
      const answer = yield* ask<Answer<"FindCoordinator">>((connection) =>
        connection.call("FindCoordinator", { key: groupId, keyType: 0 }, timeout)
      ).pipe(Effect.tapError(noticed));
      if (answer.errorCode !== 0) {
        return yield* Effect.fail(
          new KafkaError(answer.errorCode, errorName(answer.errorCode), "FindCoordinator", `group ${groupId}`),
        );
      }
      const address: BrokerAddress = { nodeId: answer.nodeId, host: answer.host, port: answer.port };
      topology.learn(address);
      return address;
    });

    yield* Scope.addFinalizer(
      scope,
      Effect.sync(() => {
        for (const deferred of [...served, ...waiting]) Deferred.doneUnsafe(deferred, Exit.fail(ended));
      }),
    );
    yield* forkLoop("the metadata loop", watch, scope);
    yield* Effect.timeoutOption(Effect.exit(Deferred.await(first)), 1_000);
    if (Deferred.isDoneUnsafe(refused)) return yield* Deferred.await(refused);

    return {
      topic: (name: string) => topology.topic(name),
      absent: (name: string) => topology.absent(name),
      denied: (name: string) => topology.denied(name),
      broker: (nodeId: number) => topology.broker(nodeId),
      refused: Deferred.await(refused),
      refresh,
      anyConnection,
      connect,
      coordinator,
      reachable: () => {
        // An idle client would notice a dead broker only at the next refresh: whoever asks sets off a look.
        if (reachable && shared.open("metadata") === null) wake.raise();
        return reachable;
      },
    };
  });
