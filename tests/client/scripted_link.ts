/**
 * A link whose brokers answer by functions, for tests that need an answer no broker would give, or at a time of their
 * choosing.
 * @module
 */
import { Deferred, Effect, Exit, Scope } from "effect";
import { ConnectionError } from "../../src/errors.ts";
import type { BrokerAddress, Connection, Link, Role } from "../../src/link/link.ts";
import type { Answer, ApiName, Request } from "../../src/link/protocol.ts";

/** Answers of one kind of request; `node` is the broker asked. */
export type Script = {
  [A in ApiName]?: (request: Request<A>, node: number, role: Role) => Effect.Effect<Answer<A>, ConnectionError>;
};

/** A scripted link and what has been seen on it. */
export interface ScriptedLink extends Link {
  /** Every request so far. */
  readonly requests: Array<{ readonly api: ApiName; readonly node: number; readonly request: unknown }>;
  /** Brokers that refuse connections. */
  readonly down: Set<number>;
  /** Ends the open connections of a broker. */
  readonly cut: (node: number) => void;
  /** Connections opened so far. */
  opened: () => number;
  /** Connections open now. */
  open: () => number;
}

/** Broker `n` listens on `broker-n:9092`. */
export function address(nodeId: number): BrokerAddress {
  return { nodeId, host: `broker-${nodeId}`, port: 9092 };
}

/** A Metadata answer with these leaders per partition. */
export function metadata(
  nodes: ReadonlyArray<number>,
  topics: Readonly<Record<string, ReadonlyArray<number>>>,
  leaderEpoch = 0,
): Answer<"Metadata"> {
  return {
    throttleTimeMs: 0,
    brokers: nodes.map((node) => ({ ...address(node), rack: null })),
    clusterId: "scripted",
    controllerId: nodes[0] ?? -1,
    topics: Object.entries(topics).map(([name, leaders]) => ({
      errorCode: 0,
      name,
      topicId: "0".repeat(32),
      partitions: leaders.map((leader, partition) => ({
        errorCode: 0,
        partition,
        leader,
        leaderEpoch,
        replicas: [...nodes],
        isr: [...nodes],
      })),
    })),
  };
}

/** Makes a link from a script. */
export function scriptedLink(script: Script, bootstrap: ReadonlyArray<BrokerAddress> = [address(1)]): ScriptedLink {
  const requests: ScriptedLink["requests"] = [];
  const down = new Set<number>();
  const connections = new Map<Deferred.Deferred<never, ConnectionError>, number>();
  let opened = 0;
  const fail = (node: number, reason: ConnectionError["reason"]) =>
    new ConnectionError(`broker-${node}:9092`, reason, "scripted");
  return {
    name: "scripted",
    bootstrap,
    requests,
    down,
    opened: () => opened,
    open: () => connections.size,
    cut: (node) => {
      for (const [ended, of] of connections) {
        if (of === node && connections.delete(ended)) Deferred.doneUnsafe(ended, Exit.fail(fail(node, "closed")));
      }
    },
    connect: (at: BrokerAddress, role: Role) =>
      Effect.gen(function* () {
        const node = Number(/^broker-(\d+)$/.exec(at.host)?.[1] ?? -1);
        if (node < 0 || down.has(node)) return yield* Effect.fail(fail(node, "refused"));
        const ended = Deferred.makeUnsafe<never, ConnectionError>();
        const close = Effect.sync(() => {
          connections.delete(ended);
          Deferred.doneUnsafe(ended, Exit.fail(fail(node, "closed")));
        });
        opened++;
        connections.set(ended, node);
        yield* Scope.addFinalizer(yield* Effect.scope, close);
        const connection: Connection = {
          address: at,
          isOpen: () => connections.has(ended),
          close,
          call: <A extends ApiName>(api: A, request: Request<A>, timeout = 30_000) =>
            Effect.suspend(() => {
              if (!connections.has(ended)) return Effect.fail(fail(node, "closed"));
              requests.push({ api, node, request });
              const answer = script[api];
              if (answer === undefined) return Effect.die(new Error(`no script for ${api}`));
              return Effect.raceFirst(answer(request, node, role), Deferred.await(ended)).pipe(
                Effect.timeoutOrElse({
                  duration: timeout,
                  orElse: () => Effect.andThen(close, Effect.fail(fail(node, "timeout"))),
                }),
              );
            }),
        };
        return connection;
      }),
  };
}
