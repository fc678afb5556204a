/**
 * One member of a group, as its coordinator sees it.
 * @module
 */
import type { Answer, Request } from "../../protocol.ts";

/** A request of a member that waits for the others. Settled at most once; whoever called it looks here. */
export class Parked<A> {
  /** The answer, once there is one. */
  answer: A | null = null;
}

/** What a member would speak, by name, with its metadata. */
export type Protocols = Request<"JoinGroup">["protocols"];

const noAssignment = new Uint8Array(0);

/** A member. */
export class GroupMember {
  /** Until its first generation is complete. */
  isNew = true;
  /** When it counts as dead unless heard of before (monotonic milliseconds). */
  expiresAt = Infinity;
  assignment: Uint8Array = noAssignment;
  join: Parked<Answer<"JoinGroup">> | null = null;
  sync: Parked<Answer<"SyncGroup">> | null = null;

  /** As its JoinGroup says. */
  constructor(
    readonly memberId: string,
    readonly groupInstanceId: string | null,
    public protocols: Protocols,
    public sessionTimeoutMs: number,
    public rebalanceTimeoutMs: number,
  ) {}

  /** What it says about itself in this protocol. */
  metadata(protocol: string): Uint8Array {
    return this.protocols.find(({ name }) => name === protocol)?.metadata ?? noAssignment;
  }

  /** Whether it speaks this protocol. */
  speaks(protocol: string): boolean {
    return this.protocols.some(({ name }) => name === protocol);
  }

  /** Whether it says the same as before, in the same order of preference. */
  matches(protocols: Protocols): boolean {
    return protocols.length === this.protocols.length && protocols.every(({ name, metadata }, i) => {
      const mine = this.protocols[i];
      return mine.name === name && mine.metadata.length === metadata.length &&
        mine.metadata.every((byte, at) => byte === metadata[at]);
    });
  }

  /** Answers a JoinGroup that waits, if one does. */
  answerJoin(answer: Answer<"JoinGroup">): void {
    if (this.join !== null) this.join.answer = answer;
    this.join = null;
  }

  /** Answers a SyncGroup that waits, if one does. */
  answerSync(errorCode: number): void {
    const assignment = errorCode === 0 ? this.assignment : noAssignment;
    if (this.sync !== null) this.sync.answer = { throttleTimeMs: 0, errorCode, assignment };
    this.sync = null;
  }
}

/** A JoinGroup answer that refuses. */
export function joinRefused(errorCode: number, memberId: string): Answer<"JoinGroup"> {
  return { throttleTimeMs: 0, errorCode, generationId: -1, protocolName: "", leader: "", memberId, members: [] };
}
