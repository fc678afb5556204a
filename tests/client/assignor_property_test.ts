/** Assignors: a cooperative group that lives for a while, and the eager ones beside their definitions. */
import fc from "fast-check";
import { servingOrder } from "../../src/client/group/assignor.ts";
import { assignors } from "../../src/client/group/assignors.ts";
import type { PartitionsByTopic, Subscription } from "../../src/client/group/subscription.ts";
import { assert, assertEquals } from "../assert.ts";

const names = ["t0", "t1", "t2", "t3"];

function held(partitions: PartitionsByTopic | undefined): string[] {
  return [...partitions ?? []].flatMap(([topic, numbers]) => numbers.map((number) => `${topic}/${number}`));
}

interface Member {
  topics: ReadonlyArray<string>;
  /** What it holds: from its last assignment until it lets go. */
  holds: Map<string, number[]>;
  generation: number;
}

/** A group whose members keep to the protocol. There is no other model: what must hold is said of it. */
class Group {
  readonly members = new Map<string, Member>();
  readonly counts = new Map(names.map((name) => [name, 0]));
  generation = 0;
  joined = 0;
  readonly uniform: boolean;

  constructor(uniform: boolean) {
    this.uniform = uniform;
  }

  pick(choice: number): [string, Member] | undefined {
    return [...this.members][choice % Math.max(1, this.members.size)];
  }

  /** A round; who misses its answer goes on as before, and says so when it joins again. Whether anything changed. */
  rebalance(missing: ReadonlyArray<number>): boolean {
    const subscriptions = new Map(
      [...this.members].map(([id, { topics, holds, generation }]): [string, Subscription] => {
        return [id, { topics, owned: new Map(holds), generation }];
      }),
    );
    const assignment = assignors["cooperative-sticky"].assign(subscriptions, this.counts);
    this.generation++;
    let changed = false;
    [...this.members].forEach(([id, member], at) => {
      if (missing.includes(at)) return;
      const share = assignment.get(id);
      assert(share !== undefined, `${id} was forgotten`);
      for (const [topic] of share) assert(member.topics.includes(topic), `${id} did not ask for ${topic}`);
      changed ||= held(member.holds).toSorted().join() !== held(share).toSorted().join();
      member.holds = new Map([...share].map(([topic, numbers]) => [topic, [...numbers]]));
      member.generation = this.generation;
    });
    this.checkDisjoint();
    return changed;
  }

  /** At no time do two hold the same. */
  checkDisjoint(): void {
    const holders = new Map<string, string>();
    for (const [id, { holds }] of this.members) {
      for (const partition of held(holds)) {
        assert(!holders.has(partition), `${partition}: ${holders.get(partition)} and ${id}`);
        holders.set(partition, id);
      }
    }
  }

  /** Rounds until nothing changes; then all that is wanted has a holder, nobody could be relieved, little has moved. */
  settle(): void {
    const before = new Map([...this.members].map(([id, { holds }]) => [id, held(holds)]));
    let rounds = 0;
    while (this.rebalance([])) assert(++rounds <= 6, "does not settle");
    const all = names.filter((name) => [...this.members.values()].some(({ topics }) => topics.includes(name)))
      .flatMap((name) => Array.from({ length: this.counts.get(name) ?? 0 }, (_, i) => `${name}/${i}`));
    const loads = new Map([...this.members].map(([id, { holds }]) => [id, held(holds)]));
    assertEquals([...loads.values()].flat().toSorted(), all.toSorted(), "complete");
    this.#checkBalance();
    if (!this.uniform || this.members.size === 0) return;
    // All want the same: then the fewest moves there can be are those from whoever has more than its share.
    const share = Math.floor(all.length / this.members.size);
    const larger = all.length % this.members.size;
    const sizes = [...before.values()].map(({ length }) => length).toSorted((a, b) => b - a);
    const fewest = sizes.reduce((sum, size, at) => sum + Math.max(0, size - share - (at < larger ? 1 : 0)), 0);
    let moved = 0;
    for (const [id, partitions] of before) {
      const kept = partitions.filter((partition) => loads.get(id)?.includes(partition)).length;
      assert(kept >= Math.min(partitions.length, share), `${id} kept ${kept} of ${partitions.length}`);
      moved += partitions.length - kept;
    }
    assertEquals(moved, fewest, "partitions moved");
  }

  /** Nobody has two more than someone it could hand a partition to, directly or by way of others. */
  #checkBalance(): void {
    for (const [id, { holds }] of this.members) {
      const reached = new Set([id]);
      for (const from of reached) {
        const topics = [...this.members.get(from)?.holds ?? []].filter(([, numbers]) => numbers.length > 0);
        for (const [to, member] of this.members) {
          if (topics.some(([topic]) => member.topics.includes(topic))) reached.add(to);
        }
      }
      for (const to of reached) {
        const [more, less] = [held(holds).length, held(this.members.get(to)?.holds).length];
        assert(more - less <= 1, `${id} has ${more}, ${to} has ${less}`);
      }
    }
  }
}

type Command = fc.Command<object, Group>;

function command(name: string, run: (group: Group) => void, check = (_: object) => true): Command {
  return { check, run: (_, group) => run(group), toString: () => name };
}

const wanted = fc.subarray(names, { minLength: 1 });

function commands(uniform: boolean) {
  return fc.commands<object, Group>([
    wanted.map((topics) =>
      command(`join(${uniform ? "all" : topics})`, (group) => {
        if (group.members.size >= 8) return;
        // Ids are in no order of joining.
        const id = `m${(group.joined++ * 37) % 101}`;
        group.members.set(id, { topics: uniform ? names : topics, holds: new Map(), generation: -1 });
      })
    ),
    fc.nat(7).map((choice) =>
      command(`leave(${choice})`, (group) => group.members.delete(group.pick(choice)?.[0] ?? ""))
    ),
    fc.nat(7).map((choice) =>
      command(`fall out and come back(${choice})`, (group) => {
        const member = group.pick(choice)?.[1];
        if (member !== undefined) Object.assign(member, { holds: new Map(), generation: -1 });
      })
    ),
    fc.tuple(fc.nat(7), wanted, fc.boolean()).map(([choice, topics, letsGo]) =>
      command(`want(${choice}, ${topics}, ${letsGo ? "lets go" : "holds on"})`, (group) => {
        const member = group.pick(choice)?.[1];
        if (member === undefined || uniform) return;
        member.topics = topics;
        if (letsGo) {
          for (const topic of member.holds.keys()) if (!topics.includes(topic)) member.holds.delete(topic);
        }
      })
    ),
    fc.tuple(fc.constantFrom(...names), fc.integer({ min: 1, max: 6 })).map(([name, more]) =>
      command(`grow(${name}, ${more})`, (group) => {
        group.counts.set(name, Math.min(16, (group.counts.get(name) ?? 0) + more));
      })
    ),
    fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]).map((missing) =>
      command(`rebalance(without ${missing})`, (group) => void group.rebalance(missing))
    ),
    fc.constant(command("settle", (group) => group.settle())),
  ], { maxCommands: 40, size: "max" });
}

for (const uniform of [true, false]) {
  const wants = uniform ? "that want the same" : "that want what they like";
  Deno.test(`property: cooperative-sticky never has two holders among members ${wants}, and settles complete and balanced`, () =>
    fc.assert(
      fc.property(commands(uniform), (commands) => {
        const settle = command("settle", (group) => group.settle());
        fc.modelRun(() => ({ model: {}, real: new Group(uniform) }), [...commands, settle]);
      }),
      { numRuns: 150 },
    ));
}

const id = fc.string({ unit: fc.constantFrom("a", "b", "Z", "1", "é"), minLength: 1, maxLength: 3 });
const eager = fc.uniqueArray(
  fc.record({ id, instanceId: fc.option(id), topics: wanted }),
  { minLength: 1, maxLength: 6, selector: ({ id }) => id },
).filter((members) => {
  const statics = members.flatMap(({ instanceId }) => instanceId ?? []);
  return new Set(statics).size === statics.length;
});
const counts = fc.tuple(...names.map((name) => fc.nat(9).map((count): [string, number] => [name, count])));

type Eager = ReadonlyArray<{ readonly id: string; readonly instanceId: string | null; readonly topics: string[] }>;

function subscriptions(members: Eager): Map<string, Subscription> {
  return new Map(
    members.map(({ id, instanceId, topics }) => [id, { topics, owned: new Map(), generation: -1, instanceId }]),
  );
}

/** Static ones by name, then the others by id: sorted by hand. */
function served(members: Eager): Eager {
  const place = ({ id, instanceId }: Eager[number]) => instanceId === null ? `1${id}` : `0${instanceId}`;
  return members.toSorted((a, b) => place(a) < place(b) ? -1 : 1);
}

const definitions: Readonly<
  Record<string, (members: Eager, counts: ReadonlyMap<string, number>) => Map<string, string[]>>
> = {
  /** Partition p of n goes to the taker whose run of n/takers holds it; the first ones have one more. */
  range: (members, counts) => {
    const shares = new Map(members.map(({ id }): [string, string[]] => [id, []]));
    for (const [topic, count] of counts) {
      const takers = served(members).filter(({ topics }) => topics.includes(topic));
      const line = takers.flatMap(({ id }, at) => {
        const size = Math.floor(count / takers.length) + (at < count % takers.length ? 1 : 0);
        return new Array<string>(size).fill(id);
      });
      line.forEach((id, partition) => shares.get(id)?.push(`${topic}/${partition}`));
    }
    return shares;
  },
  /** Round and round the members; who does not want the partition is passed over. */
  roundrobin: (members, counts) => {
    const shares = new Map(members.map(({ id }): [string, string[]] => [id, []]));
    const circle = [...served(members)];
    for (const topic of names) {
      for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
        const at = circle.findIndex(({ topics }) => topics.includes(topic));
        if (at < 0) break;
        circle.push(...circle.splice(0, at + 1));
        shares.get(circle[circle.length - 1].id)?.push(`${topic}/${partition}`);
      }
    }
    return shares;
  },
};

for (const [name, definition] of Object.entries(definitions)) {
  const { assign } = assignors[name];
  const sorted = (assignment: ReadonlyMap<string, PartitionsByTopic>) =>
    new Map([...assignment].toSorted().map(([id, share]) => [id, held(share).toSorted()]));

  Deno.test(`property: ${name} shares out as it is defined, whatever the order of members and topics`, () =>
    fc.assert(
      fc.property(eager, counts, (members, counts) => {
        const expected = definition(members, new Map(counts));
        const found = sorted(assign(subscriptions(members), new Map(counts)));
        assertEquals(found, new Map([...expected].toSorted().map(([id, share]) => [id, share.toSorted()])));
        assertEquals(sorted(assign(subscriptions(members.toReversed()), new Map(counts.toReversed()))), found);
      }),
      { numRuns: 300 },
    ));

  Deno.test(`property: ${name} gives members that want the same no more than one partition apart, per topic or in all`, () =>
    fc.assert(
      fc.property(eager, counts, (members, counts) => {
        const alike = members.map((member) => ({ ...member, topics: names }));
        const shares = [...assign(subscriptions(alike), new Map(counts)).values()];
        const apart = (sizes: number[]) => Math.max(...sizes) - Math.min(...sizes) <= 1;
        if (name === "roundrobin") assert(apart(shares.map((share) => held(share).length)));
        for (const topic of names) assert(apart(shares.map((share) => share.get(topic)?.length ?? 0)), topic);
      }),
      { numRuns: 200 },
    ));

  Deno.test(`property: ${name} gives everybody the same again when static members start again under other ids`, () =>
    fc.assert(
      fc.property(eager, counts, fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), (members, counts, again) => {
        const renamed = members.map((member, at) =>
          member.instanceId !== null && again[at] ? { ...member, id: `${5 - at} new` } : member
        );
        const before = assign(subscriptions(members), new Map(counts));
        const after = assign(subscriptions(renamed), new Map(counts));
        members.forEach(({ id }, at) => assertEquals(held(after.get(renamed[at].id)), held(before.get(id))));
      }),
      { numRuns: 200 },
    ));
}

Deno.test("property: servingOrder names each member once, static ones first, by code units", () =>
  fc.assert(
    fc.property(eager, (members) => {
      assertEquals(servingOrder(subscriptions(members)), served(members).map(({ id }) => id));
      assertEquals(servingOrder(subscriptions(members.toReversed())), served(members).map(({ id }) => id));
    }),
    { numRuns: 200 },
  ));
