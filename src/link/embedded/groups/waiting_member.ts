/**
 * A member's request that waits for the other members.
 * @module
 */
import type { Group } from "./group.ts";
import type { Parked } from "./group_member.ts";
import type { Moment } from "../moment.ts";
import { Waiting } from "../waiting.ts";

/** Looks at the group when something in it changes, and when something in it becomes due. */
export class WaitingMember<A> extends Waiting<A> {
  /** `parked` is settled by the group. */
  constructor(readonly group: Group, readonly parked: Parked<A>) {
    super();
  }

  /** The answer where it is there already, else this. */
  answered(): A | Waiting<A> {
    return this.parked.answer ?? this;
  }

  poll(now: Moment): A | null {
    if (this.parked.answer === null) {
      this.group.advance(now.monotonic);
      this.group.announce();
    }
    return this.parked.answer;
  }

  until(): number {
    return this.group.until();
  }

  watch(wake: () => void): () => void {
    return this.group.changed.add(wake);
  }
}
