/**
 * Requests that only the controller may answer.
 * @module
 */
import { Effect } from "effect";
import type { ConnectionError } from "../../errors.ts";
import { ErrorCode } from "../../link/error_code.ts";
import type { Connection } from "../../link/link.ts";
import type { Answer, Request } from "../../link/protocol.ts";
import type { Cluster } from "../port.ts";

/** Milliseconds for finding the controller. */
const LOOK_UP = 5_000;

/**
 * Asks any broker, most of which pass such a request on; one that does not (Kafka 3 on ZooKeeper) names the controller,
 * which is asked then. `timeout` in milliseconds is that of each request.
 */
export const askController: <A extends "CreateTopics" | "CreatePartitions" | "DeleteTopics">(
  cluster: Cluster,
  api: A,
  request: Request<A>,
  timeout: number,
) => Effect.Effect<Answer<A>, ConnectionError> = Effect.fnUntraced(function* (cluster, api, request, timeout) {
  const any = yield* cluster.anyConnection("admin");
  const answer = yield* patiently(any, any.call(api, request, timeout));
  if (!answer.topics.some(({ errorCode }) => errorCode === ErrorCode.NOT_CONTROLLER)) return answer;
  const asked = any.call("Metadata", { topics: [], allowAutoTopicCreation: false }, LOOK_UP);
  const { controllerId } = yield* patiently(any, asked);
  return yield* Effect.scoped(
    Effect.flatMap(cluster.connect(controllerId, "admin"), (controller) => controller.call(api, request, timeout)),
  );
});

/** Who gives up waiting leaves no silent connection behind, on which the next one would wait as long. */
function patiently<A, E>(connection: Connection, call: Effect.Effect<A, E>): Effect.Effect<A, E> {
  return Effect.onInterrupt(call, () => connection.close);
}
