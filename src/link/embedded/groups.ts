/**
 * All groups of the one coordinator there is.
 * @module
 */
import { Group } from "./group.ts";
import type { Moment } from "./moment.ts";

/** Groups by id. */
export class Groups {
  readonly #groups = new Map<string, Group>();
  #restarted = false;

  /** A group as it is now, if there is one: what has become due in it is done first. */
  get(groupId: string, now: Moment): Group | undefined {
    if (this.#restarted) {
      // The broker came back: this is the first request that knows what time it is.
      this.#restarted = false;
      for (const group of this.#groups.values()) group.restart(now.monotonic);
    }
    const group = this.#groups.get(groupId);
    group?.advance(now.monotonic);
    group?.announce();
    return group;
  }

  /** A group, made where there is none. */
  getOrMake(groupId: string, now: Moment): Group {
    let group = this.get(groupId, now);
    if (group === undefined) this.#groups.set(groupId, group = new Group());
    return group;
  }

  /** A group as the last request left it. */
  peek(groupId: string): Group | undefined {
    return this.#groups.get(groupId);
  }

  /** The broker was away: time-outs begin again with the next request. */
  restarted(): void {
    this.#restarted = true;
  }
}
