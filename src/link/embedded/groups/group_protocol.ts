/**
 * Which of its members' protocols a group speaks.
 * @module
 */
import type { GroupMember, Protocols } from "./group_member.ts";

/** The first of these that all members speak, or null. */
export function firstCommon(protocols: Protocols, members: ReadonlyArray<GroupMember>): string | null {
  return protocols.find(({ name }) => members.every((member) => member.speaks(name)))?.name ?? null;
}

/** Each member votes for the first of its protocols that all speak; most votes win. "" where there is none. */
export function electProtocol(members: ReadonlyArray<GroupMember>): string {
  const votes = new Map<string, number>();
  for (const { protocols } of members) {
    const vote = firstCommon(protocols, members);
    if (vote !== null) votes.set(vote, (votes.get(vote) ?? 0) + 1);
  }
  let chosen = "";
  let most = 0;
  for (const [name, count] of votes) if (count > most) [chosen, most] = [name, count];
  return chosen;
}
