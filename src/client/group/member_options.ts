/**
 * The settings of a member of a consumer group, and the times that are no setting.
 * @module
 */
import type { SessionTimes } from "./group_session.ts";

/** Settings of a member. All times in milliseconds. */
export interface MemberOptions {
  /** The group. */
  readonly groupId: string;
  /** The topics it wants partitions of. */
  readonly topics: ReadonlyArray<string>;
  /** Makes it a static member of this name; default null. */
  readonly instanceId?: string | null;
  /**
   * Names of assignors, the favourite first; default `["cooperative-sticky"]`. With an eager one among them all partitions
   * are given up before every round, whatever the group decides on: others may think so, too.
   */
  readonly assignors?: ReadonlyArray<string>;
  /** After how long without a heartbeat the coordinator gives the partitions to others; default 10,000. */
  readonly sessionTimeout?: number;
  /** How long all members together may take to let partitions go; default 60,000. */
  readonly rebalanceTimeout?: number;
  /** How often a heartbeat is sent, and so how soon a rebalance is noticed; default 300. */
  readonly heartbeatInterval?: number;
  /** How much sooner than the coordinator's the member's own deadline is; default a tenth of the session time-out. */
  readonly deadlineMargin?: number;
  /**
   * How long a member that holds partitions and is to leave waits for the round it takes part in; default 5,000. Positions
   * can't be committed for a group that has gone on to a generation one does not know of.
   */
  readonly lastRoundTimeout?: number;
  /** How often new topics and partitions are looked for; default 30,000, or 2,000 while a wanted topic is missing. */
  readonly metadataMaxAge?: number;
}

/** How long leaving may take once the partitions are let go, in milliseconds: without it the session times out. */
export const leaveTimeout = 3_000;

/** The times of a member's session, with the defaults in place. */
export function sessionTimes(options: MemberOptions): SessionTimes {
  const sessionTimeout = options.sessionTimeout ?? 10_000;
  return {
    sessionTimeout,
    rebalanceTimeout: options.rebalanceTimeout ?? 60_000,
    heartbeatInterval: options.heartbeatInterval ?? 300,
    deadlineMargin: options.deadlineMargin ?? sessionTimeout / 10,
  };
}
