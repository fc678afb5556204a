/**
 * How requests go wrong in a schedule, drawn from its seed.
 * @module
 */
import { delay, error, type Fault, late, loseAnswer, never, refuse } from "../../link/embedded/faults.ts";
import { ErrorCode } from "../../link/error_code.ts";
import type { ApiName } from "../../link/protocol.ts";

/** Decides what happens to a request; null: nothing unusual. */
export type Weather = (api: ApiName) => Fault | null;

/** Errors that pass, by request. */
const errors: Partial<Record<ApiName, ReadonlyArray<number>>> = {
  Produce: [
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ],
  Fetch: [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.UNKNOWN_SERVER_ERROR],
  ListOffsets: [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.LEADER_NOT_AVAILABLE],
  FindCoordinator: [ErrorCode.COORDINATOR_NOT_AVAILABLE],
  JoinGroup: [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_COORDINATOR, ErrorCode.UNKNOWN_MEMBER_ID],
  SyncGroup: [ErrorCode.NOT_COORDINATOR, ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.UNKNOWN_MEMBER_ID],
  // Who is told REBALANCE_IN_PROGRESS is a member still, and who is told ILLEGAL_GENERATION never is in that generation
  // again: members may count on that, so it is never said without cause.
  Heartbeat: [ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.UNKNOWN_MEMBER_ID],
  LeaveGroup: [ErrorCode.NOT_COORDINATOR],
  ConsumerGroupHeartbeat: [
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.FENCED_MEMBER_EPOCH,
  ],
  OffsetCommit: [
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.ILLEGAL_GENERATION,
    ErrorCode.REBALANCE_IN_PROGRESS,
    ErrorCode.STALE_MEMBER_EPOCH,
  ],
  OffsetFetch: [ErrorCode.NOT_COORDINATOR, ErrorCode.UNSTABLE_OFFSET_COMMIT],
  InitProducerId: [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS],
};

/** In the order of a weather's chances. */
const kinds = 6;

/**
 * Draws a schedule's weather: what goes wrong often in one schedule goes well in another. `random` gives the seed's
 * numbers in [0, 1), now and at each request.
 */
export function drawWeather(random: () => number): Weather {
  const between = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
  const often = <A>(choices: ReadonlyArray<A>): A => choices[between(0, choices.length - 1)];
  const rate = often([0, 0.02, 0.05, 0.12]);
  const chances = Array.from({ length: kinds }, () => rate * often([0, 0.3, 1, 2]));
  const only = random() < 0.2 ? between(0, kinds - 1) : null;
  const trouble = (api: ApiName): ReadonlyArray<() => Fault | null> => [
    () => refuse,
    () => loseAnswer,
    () => late(between(1, 1_200)),
    () => delay(between(1, 1_200)),
    () => {
      const codes = errors[api];
      return codes === undefined ? null : error(often(codes));
    },
    () => never,
  ];
  return (api) => {
    const dice = random();
    let sum = 0;
    for (const [kind, chance] of chances.entries()) {
      if (only !== null && only !== kind) continue;
      sum += chance;
      if (dice < sum) return trouble(api)[kind]();
    }
    return null;
  };
}
