/**
 * The assignors of groups whose members give up everything before they join.
 * @module
 */
import { type Assign, servingOrder } from "./assignor.ts";
import type { Subscription } from "./subscription.ts";

/** Per topic, runs of neighbouring partitions in the order of the members, as Java's RangeAssignor without racks. */
export const range: Assign = (members, counts) => {
  const shares = empty(members.keys());
  const ids = servingOrder(members);
  const wanted = wishes(members);
  for (const [topic, count] of counts) {
    const takers = ids.filter((id) => wanted.get(id)?.has(topic));
    const least = Math.floor(count / takers.length);
    const extra = count % takers.length;
    let next = 0;
    takers.forEach((id, at) => {
      const size = least + (at < extra ? 1 : 0);
      if (size > 0) shares.get(id)?.set(topic, Array.from({ length: size }, (_, i) => next + i));
      next += size;
    });
  }
  return shares;
};

/** All partitions in order, dealt out in turn to the members that want them, as Java's RoundRobinAssignor. */
export const roundRobin: Assign = (members, counts) => {
  const shares = empty(members.keys());
  const ids = servingOrder(members);
  const wanted = wishes(members);
  let turn = 0;
  for (const topic of [...counts.keys()].sort()) {
    if (!ids.some((id) => wanted.get(id)?.has(topic))) continue;
    for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
      while (!wanted.get(ids[turn % ids.length])?.has(topic)) turn++;
      const share = shares.get(ids[turn++ % ids.length]);
      const partitions = share?.get(topic);
      if (partitions === undefined) share?.set(topic, [partition]);
      else partitions.push(partition);
    }
  }
  return shares;
};

function wishes(members: ReadonlyMap<string, Subscription>): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(Array.from(members, ([id, { topics }]) => [id, new Set(topics)]));
}

function empty(ids: Iterable<string>): Map<string, Map<string, Array<number>>> {
  return new Map([...ids].map((id) => [id, new Map<string, Array<number>>()]));
}
