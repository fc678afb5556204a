/**
 * Who holds what in a group whose members run in several processes.
 * @module
 */

/** What a member says of its partitions. */
export interface RebalanceEvent {
  readonly member: string;
  readonly change: "assigned" | "revoked" | "lost";
  /** Milliseconds since 1970, on the clock of this machine: events of several processes come in any order. */
  readonly at: number;
  /** As topic/partition. */
  readonly partitions: ReadonlyArray<string>;
}

/** What changed between two looks. */
export interface Movement {
  /** Partitions that were assigned to somebody. */
  readonly given: number;
  /** Partitions that went from one member to another although both were there before and are there now. */
  readonly needless: number;
}

/** Keeps account of a group's partitions: never may two members hold the same one. */
export class Ledger {
  /** What must not have happened. */
  readonly wrong: Array<string> = [];
  readonly #held = new Map<string, Set<string>>();
  #new: Array<RebalanceEvent> = [];
  readonly #owners = new Map<string, string>();

  /** Takes an event in. */
  note(event: RebalanceEvent): void {
    this.#new.push(event);
    const held = this.#held.get(event.member) ?? new Set();
    this.#held.set(event.member, held);
    for (const each of event.partitions) {
      if (event.change === "assigned") held.add(each);
      else held.delete(each);
    }
  }

  /** What a member holds by its own account. */
  held(member: string): ReadonlyArray<string> {
    return [...this.#held.get(member) ?? []].sort();
  }

  /** Who holds a partition, as of the last look. */
  get owners(): ReadonlyMap<string, string> {
    return this.#owners;
  }

  /** Goes through what has come in since the last look, in the order in which it happened. */
  look(): Movement {
    const before = new Map(this.#owners);
    const members = new Set(before.values());
    const events = this.#new.sort((a, b) => a.at - b.at);
    this.#new = [];
    let given = 0;
    while (events.length > 0) {
      const { member, change, partitions } = this.#first(events);
      for (const each of partitions) {
        const holder = this.#owners.get(each);
        if (change === "assigned") {
          if (holder !== undefined) this.wrong.push(`${each} is assigned to ${member} while ${holder} holds it`);
          this.#owners.set(each, member);
          given++;
        } else if (holder === member) this.#owners.delete(each);
        else this.wrong.push(`${member}: ${change} ${each}, which ${holder} holds`);
      }
    }
    const here = new Set(this.#owners.values());
    const needless = [...this.#owners].filter(([each, now]) => {
      const then = before.get(each);
      return then !== undefined && then !== now && members.has(now) && here.has(then);
    });
    return { given, needless: needless.length };
  }

  /**
   * Takes the first event out. Those of one millisecond come in any order that is right, but for the order of each
   * member's own.
   */
  #first(events: Array<RebalanceEvent>): RebalanceEvent {
    const seen = new Set<string>();
    for (let i = 0; i < events.length && events[i].at === events[0].at; i++) {
      const { member, change, partitions } = events[i];
      const holder = change === "assigned" ? undefined : member;
      if (!seen.has(member) && partitions.every((each) => this.#owners.get(each) === holder)) {
        return events.splice(i, 1)[0];
      }
      seen.add(member);
    }
    return events.splice(0, 1)[0];
  }
}
