/**
 * Whether a system is well: what an orchestrator and an operator ask.
 * @module
 */

/** What a system is doing. */
export type SystemState = "starting" | "running" | "draining" | "stopped" | "failed";

/** A system's health at one moment. */
export interface Health {
  /** False once the system has failed or stopped, or when it does not get on and soon will: start the process anew. */
  readonly live: boolean;
  /**
   * Whether it does all its work: a broker answers, the topics are there, every group counts this process in, and the
   * partitions that came with it have begun. Those whose leader is away do not count after 5 seconds: then it is degraded.
   */
  readonly ready: boolean;
  /** "ok", "degraded" (it works, but dead letters can't be written, a topic is gone or something does not get on) or "unavailable" (not ready). */
  readonly status: "ok" | "degraded" | "unavailable";
  /** What it is doing. */
  readonly state: SystemState;
  /** Why it is not ready, or degraded. */
  readonly reasons: ReadonlyArray<string>;
}

/** What health is made from. */
export interface Signs {
  readonly state: SystemState;
  readonly brokerAnswers: boolean;
  readonly topicsThere: boolean;
  /** Why groups are not at work yet, in words. */
  readonly outside: ReadonlyArray<string>;
  readonly deadLettersWaiting: number;
  /** Topics that are received and do not exist any more. */
  readonly absent?: ReadonlyArray<string>;
  /** Topics that records wait for and that do not exist. */
  readonly missing?: ReadonlyArray<string>;
  /** How many partitions have waited for long to begin. Default 0. */
  readonly late?: number;
  /** What does not get on, in words. */
  readonly stuck?: ReadonlyArray<string>;
  /** What does not get on and is about to end the process, in words. */
  readonly dying?: ReadonlyArray<string>;
}

/** See {@linkcode Health}. */
export function healthOf(signs: Signs): Health {
  const { state, brokerAnswers, topicsThere, outside, deadLettersWaiting } = signs;
  const unready: string[] = [];
  if (state !== "running" && state !== "starting") unready.push(`the system is ${state}`);
  else if (!brokerAnswers) unready.push("no broker answers");
  else if (!topicsThere) unready.push("topics are still to be created");
  else unready.push(...outside);
  const degraded = deadLettersWaiting === 0 ? [] : [`${deadLettersWaiting} dead letters can't be written`];
  for (const topic of signs.absent ?? []) degraded.push(`the topic ${topic} does not exist any more, its actors wait`);
  for (const topic of signs.missing ?? []) degraded.push(`the topic ${topic} does not exist, records wait for it`);
  if (signs.late) {
    degraded.push(`${signs.late} partitions can't begin: their leaders, or the group's coordinator, are away`);
  }
  const dying = signs.dying ?? [];
  degraded.push(...new Set([...signs.stuck ?? [], ...dying]));
  const ready = unready.length === 0;
  return {
    live: state !== "failed" && state !== "stopped" && dying.length === 0,
    ready,
    status: !ready ? "unavailable" : degraded.length > 0 ? "degraded" : "ok",
    state,
    reasons: [...unready, ...degraded],
  };
}
