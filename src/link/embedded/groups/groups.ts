/**
 * All groups of the one coordinator there is. A group speaks one of the two protocols; while it has no members, whoever
 * comes decides which.
 * @module
 */
import { ConsumerGroup, type ConsumerGroupSettings } from "./consumer_group.ts";
import { Group } from "./group.ts";
import type { Moment } from "../moment.ts";
import type { Topics } from "../topics.ts";

/** Groups by id. */
export class Groups {
  readonly #groups = new Map<string, Group | ConsumerGroup>();
  #restarted = false;

  constructor(readonly topics: Topics, readonly settings: ConsumerGroupSettings) {}

  /** A group of the classic protocol as it is now, if there is one: what has become due in it is done first. */
  get(groupId: string, now: Moment): Group | undefined {
    const group = this.#current(groupId, now);
    return group instanceof Group ? group : undefined;
  }

  /** A group of the newer protocol as it is now, if there is one: what has become due in it is done first. */
  consumer(groupId: string, now: Moment): ConsumerGroup | undefined {
    const group = this.#current(groupId, now);
    return group instanceof ConsumerGroup ? group : undefined;
  }

  /** A group of the classic protocol, made where there is none; undefined where one of the newer has members. */
  getOrMake(groupId: string, now: Moment): Group | undefined {
    const group = this.#current(groupId, now);
    if (group instanceof Group) return group;
    if (group !== undefined && group.members.size > 0) return undefined;
    const made = new Group();
    this.#groups.set(groupId, made);
    return made;
  }

  /** A group of the newer protocol, made where there is none; undefined where a classic one has members. */
  consumerOrMake(groupId: string, now: Moment): ConsumerGroup | undefined {
    const group = this.#current(groupId, now);
    if (group instanceof ConsumerGroup) return group;
    if (group !== undefined && group.state !== "Empty") return undefined;
    const made = new ConsumerGroup(this.topics, this.settings);
    this.#groups.set(groupId, made);
    return made;
  }

  /** A group as the last request left it. */
  peek(groupId: string): Group | ConsumerGroup | undefined {
    return this.#groups.get(groupId);
  }

  /** The broker was away: time-outs begin again with the next request. */
  restarted(): void {
    this.#restarted = true;
  }

  #current(groupId: string, now: Moment): Group | ConsumerGroup | undefined {
    if (this.#restarted) {
      // The broker came back: this is the first request that knows what time it is.
      this.#restarted = false;
      for (const group of this.#groups.values()) group.restart(now.monotonic);
    }
    const group = this.#groups.get(groupId);
    group?.advance(now.monotonic);
    if (group instanceof Group) group.announce();
    return group;
  }
}
