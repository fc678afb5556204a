/**
 * Questions to a group's coordinator.
 * @module
 */
import { Effect, type Scope } from "effect";
import { coordinatorConnection, type LocatedConnection } from "../client/cluster/located_connection.ts";
import type { Cluster } from "../client/port.ts";
import type { ConnectionError, KafkaError } from "../errors.ts";
import type { Answer, ApiName, Request } from "../link/protocol.ts";
import { NotYet } from "./persistence.ts";
import { type AdminError, groupError, isPassing } from "./refusals.ts";

/** Milliseconds for one answer. */
const TIMEOUT = 10_000;

/** Keeps a connection to the coordinator of each group it was asked about; they end with the scope. */
export class GroupCoordinator {
  readonly #connections = new Map<string, LocatedConnection<ConnectionError | KafkaError>>();

  /** Finds coordinators through `cluster`. */
  constructor(readonly cluster: Cluster, readonly scope: Scope.Scope) {}

  /** One request, once. Where the coordinator is elsewhere or not ready, `errorsOf` says so and the next try looks for it. */
  call<A extends ApiName>(
    groupId: string,
    api: A,
    request: Request<A>,
    errorsOf: (answer: Answer<A>) => ReadonlyArray<number>,
  ): Effect.Effect<Answer<A>, AdminError | NotYet> {
    return Effect.suspend(() => {
      let located = this.#connections.get(groupId);
      if (located === undefined) {
        this.#connections.set(groupId, located = coordinatorConnection(this.cluster, groupId, "admin", this.scope));
      }
      const to = located;
      return Effect.flatMap(
        to.get,
        (connection) =>
          Effect.onInterrupt(connection.call(api, request, TIMEOUT), () => to.forget(connection)).pipe(
            Effect.flatMap((answer): Effect.Effect<Answer<A>, NotYet> => {
              const code = errorsOf(answer).find(isPassing);
              if (code === undefined) return Effect.succeed(answer);
              return Effect.andThen(to.forget(connection), Effect.fail(new NotYet(groupError(groupId, code))));
            }),
          ),
      ).pipe(
        Effect.catchTag("KafkaError", ({ code }) => {
          const error = groupError(groupId, code);
          return Effect.fail(isPassing(code) ? new NotYet(error) : error);
        }),
      );
    });
  }
}
