/**
 * The cooperative-sticky assignor: balanced, moves as little as it can, and never gives a partition away that is still
 * held. Sources: KIP-429; balancing by cost-reducing paths after Harvey, Ladner, Lovász, Tamir: "Semi-matchings for
 * bipartite graphs and load balancing".
 * @module
 */
import type { Assign } from "./assignor.ts";
import type { Subscription } from "./subscription.ts";
import type { TopicPartition } from "../../record.ts";

/** Topics that the same members want are one kind: to the balance their partitions are all alike. */
interface Kind {
  /** Who wants them, by index. */
  readonly takers: ReadonlyArray<number>;
  /** Partitions nobody holds. */
  readonly free: Array<TopicPartition>;
}

interface Share {
  load: number;
  /** Partitions by kind; those that were held before come first, the last one goes first. */
  readonly byKind: Map<Kind, Array<TopicPartition>>;
}

/**
 * Shares out among the members that want each topic so that no partition could move, directly or by way of others, to a
 * member with two less. What has to change hands is given to nobody: its holder lets go of it when it sees that it is
 * missing, joins again, and the next round gives it away. A partition belongs to the claim of the highest generation;
 * equal claims of two members mean that neither may keep it.
 */
export const cooperativeSticky: Assign = (members, counts) => {
  const ids = [...members.keys()].sort();
  const subscriptions = ids.map((id) => members.get(id) ?? { topics: [], owned: new Map(), generation: -1 });
  const wants = subscriptions.map(({ topics }) => new Set(topics));
  const owners = owned(subscriptions, counts);

  const kinds = new Map<string, Kind>();
  const shares = ids.map((): Share => ({ load: 0, byKind: new Map() }));
  for (const topic of [...counts.keys()].sort()) {
    const takers = ids.map((_, index) => index).filter((index) => wants[index].has(topic));
    if (takers.length === 0) continue;
    const name = takers.join();
    let kind = kinds.get(name);
    if (kind === undefined) kinds.set(name, kind = { takers, free: [] });
    const holders = owners.get(topic);
    for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
      const holder = holders?.[partition] ?? free;
      if (holder >= 0 && wants[holder].has(topic)) give(shares[holder], kind, { topic, partition });
      else kind.free.push({ topic, partition });
    }
  }

  // The choosiest first: what many members want evens out what few do.
  const sorted = [...kinds.values()].sort((a, b) => a.takers.length - b.takers.length);
  for (const kind of sorted) fill(kind, shares);
  balance(shares);

  return new Map(ids.map((id, index) => {
    const assignment = new Map<string, Array<number>>();
    for (const { topic, partition } of [...shares[index].byKind.values()].flat()) {
      const holder = owners.get(topic)?.[partition] ?? free;
      if (holder !== free && holder !== index) continue;
      const partitions = assignment.get(topic);
      if (partitions === undefined) assignment.set(topic, [partition]);
      else partitions.push(partition);
    }
    return [id, assignment];
  }));
};

/** Held by nobody. */
const free = -1;
/** Claimed by two in the same generation. */
const contested = -2;

/**
 * Per topic and partition the index of its holder, `free` or `contested`. Who does not want a topic any more may hold its
 * partitions still, and miss the answer that would make it let go.
 */
function owned(
  subscriptions: ReadonlyArray<Subscription>,
  counts: ReadonlyMap<string, number>,
): Map<string, Array<number>> {
  const owners = new Map<string, Array<number>>();
  const generations = new Map<string, Array<number>>();
  subscriptions.forEach(({ owned, generation }, index) => {
    for (const [topic, partitions] of owned) {
      const count = counts.get(topic) ?? 0;
      if (count === 0) continue;
      let holders = owners.get(topic);
      if (holders === undefined) owners.set(topic, holders = new Array(count).fill(free));
      let newest = generations.get(topic);
      if (newest === undefined) generations.set(topic, newest = new Array(count).fill(-Infinity));
      for (const partition of partitions) {
        if (partition < 0 || partition >= count || holders[partition] === index) continue;
        if (generation > newest[partition]) {
          holders[partition] = index;
          newest[partition] = generation;
        } else if (generation === newest[partition]) holders[partition] = contested;
      }
    }
  });
  return owners;
}

function give(share: Share, kind: Kind, partition: TopicPartition): void {
  const partitions = share.byKind.get(kind);
  if (partitions === undefined) share.byKind.set(kind, [partition]);
  else partitions.push(partition);
  share.load++;
}

/** Gives the free partitions of a kind to those who have least, as water fills a vessel. */
function fill(kind: Kind, shares: ReadonlyArray<Share>): void {
  const takers = kind.takers.map((index) => shares[index]).sort((a, b) => a.load - b.load);
  let next = 0;
  let level = 1;
  for (const partition of kind.free) {
    // The first `level` takers are to be raised to the load of the one after them, a turn each.
    if (next === 0) { while (level < takers.length && takers[level].load === takers[0].load) level++; }
    give(takers[next], kind, partition);
    next = (next + 1) % level;
  }
}

/**
 * Moves one partition after the other, each away from the fullest member, along the shortest path to a member with at
 * least two less, until there is none.
 */
function balance(shares: ReadonlyArray<Share>): void {
  for (let moved = true; moved;) {
    moved = false;
    // Who finds no relief hardly ever does so later in the same pass; the next pass makes sure.
    const stuck = new Set<number>();
    while (stuck.size < shares.length) {
      let source = -1;
      for (let index = 0; index < shares.length; index++) {
        if (!stuck.has(index) && (source < 0 || shares[index].load > shares[source].load)) source = index;
      }
      const path = relief(source, shares);
      if (path === null) {
        stuck.add(source);
        continue;
      }
      moved = true;
      for (const { from, to, kind } of path) {
        const partition = shares[from].byKind.get(kind)?.pop();
        if (partition === undefined) continue;
        shares[from].load--;
        give(shares[to], kind, partition);
      }
    }
  }
}

interface Step {
  readonly from: number;
  readonly to: number;
  readonly kind: Kind;
}

/** The steps that take one partition's worth from `source` to the emptiest of the nearest members with two less; or null. */
function relief(source: number, shares: ReadonlyArray<Share>): ReadonlyArray<Step> | null {
  const reached = new Map<number, Step | null>([[source, null]]);
  const seen = new Set<Kind>();
  for (let ring = [source]; ring.length > 0;) {
    const outer: Array<number> = [];
    for (const from of ring) {
      for (const [kind, partitions] of shares[from].byKind) {
        if (partitions.length === 0 || seen.has(kind)) continue;
        seen.add(kind);
        for (const to of kind.takers) {
          if (reached.has(to)) continue;
          reached.set(to, { from, to, kind });
          outer.push(to);
        }
      }
    }
    let best = -1;
    for (const index of outer) if (best < 0 || shares[index].load < shares[best].load) best = index;
    if (best >= 0 && shares[best].load <= shares[source].load - 2) {
      const path: Array<Step> = [];
      for (let step = reached.get(best) ?? null; step !== null; step = reached.get(step.from) ?? null) {
        path.unshift(step);
      }
      return path;
    }
    ring = outer;
  }
  return null;
}
