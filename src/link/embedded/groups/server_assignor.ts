/**
 * Who shall hold what in a group whose coordinator shares out: `uniform` balances over all topics and moves as little as
 * it can, `range` gives each member neighbouring partitions of each topic.
 * @module
 */
import { type HeldPartition, heldPartition, partitionOf, topicIdOf } from "./held_partition.ts";

/** A topic to share out. */
export interface SharedTopic {
  readonly id: string;
  readonly partitions: number;
  /** Ids of the members that want it, in their order; not empty. */
  readonly members: ReadonlyArray<string>;
}

/** What each member shall hold. */
export type Shares = Map<string, Set<HeldPartition>>;

type Assignor = (topics: ReadonlyArray<SharedTopic>, before: Shares, members: ReadonlyArray<string>) => Shares;

/** Assignors by name; the first is the default. */
export const serverAssignors: ReadonlyMap<string, Assignor> = new Map([["uniform", uniform], ["range", range]]);

/** Everybody keeps what is still theirs; free ones go to the least loaded; then loads that differ by 2 or more narrow. */
function uniform(topics: ReadonlyArray<SharedTopic>, before: Shares, members: ReadonlyArray<string>): Shares {
  const shares: Shares = new Map(members.map((member) => [member, new Set<HeldPartition>()]));
  const wanted = new Map(topics.map((topic) => [topic.id, topic]));
  const taken = new Set<HeldPartition>();
  for (const [member, share] of shares) {
    for (const held of before.get(member) ?? []) {
      const topic = wanted.get(topicIdOf(held));
      if (topic === undefined || partitionOf(held) >= topic.partitions || taken.has(held)) continue;
      if (!topic.members.includes(member)) continue;
      share.add(held);
      taken.add(held);
    }
  }
  const load = (member: string) => shares.get(member)?.size ?? 0;
  for (const { id, partitions, members } of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const held = heldPartition(id, partition);
      if (taken.has(held)) continue;
      shares.get(members.reduce((least, member) => load(member) < load(least) ? member : least))?.add(held);
    }
  }
  while (narrow(shares, wanted)) { /* one partition at a time */ }
  return shares;
}

/** Moves one partition from a member to one that has at least two less; whether there was one. */
function narrow(shares: Shares, topics: ReadonlyMap<string, SharedTopic>): boolean {
  const byLoad = [...shares].sort(([, one], [, other]) => other.size - one.size);
  const least = byLoad[byLoad.length - 1][1].size;
  for (const [, share] of byLoad) {
    if (share.size < least + 2) return false;
    const receivers = new Map<string, Set<HeldPartition> | null>();
    for (const held of [...share].reverse()) {
      const id = topicIdOf(held);
      if (!receivers.has(id)) receivers.set(id, leastOf(topics.get(id)?.members ?? [], shares));
      const receiver = receivers.get(id) ?? null;
      if (receiver === null || receiver.size + 2 > share.size) continue;
      share.delete(held);
      receiver.add(held);
      return true;
    }
  }
  return false;
}

function leastOf(members: ReadonlyArray<string>, shares: Shares): Set<HeldPartition> | null {
  let least: Set<HeldPartition> | null = null;
  for (const member of members) {
    const share = shares.get(member);
    if (share !== undefined && (least === null || share.size < least.size)) least = share;
  }
  return least;
}

function range(topics: ReadonlyArray<SharedTopic>, _before: Shares, members: ReadonlyArray<string>): Shares {
  const shares: Shares = new Map(members.map((member) => [member, new Set<HeldPartition>()]));
  for (const { id, partitions, members } of topics) {
    members.forEach((member, i) => {
      const end = Math.ceil(partitions * (i + 1) / members.length);
      for (let partition = Math.ceil(partitions * i / members.length); partition < end; partition++) {
        shares.get(member)?.add(heldPartition(id, partition));
      }
    });
  }
  return shares;
}
